"""How a verb ends: its exit code, and what is printed for people or programs."""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse

OK, FAILED, USAGE, HELD = 0, 1, 2, 75


def usage(_: argparse.Namespace) -> int:
    return USAGE


def fail(text: object, code: int = FAILED) -> int:
    print(f"vedette: {text}", file=sys.stderr)
    return code


def print_json(value: Any) -> int:
    print(json.dumps(value, indent=2, default=str))
    return OK


def colours() -> bool:
    """Whether what is printed may have colours: on a terminal, unless NO_COLOR (no-color.org) is set."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def out_of_place() -> str | None:
    """Why whatever a verb does may fail here: neither belongs to a verb, so none looks for it."""
    try:
        Path.cwd()
    except OSError:
        return "the current folder is gone; change to another, or name files in full"
    try:
        Path.home()
    except RuntimeError:
        return "this user has no home folder; set HOME"
    return None


def leave(code: int) -> int:
    """`code`, to be returned. Where a thread is left that waits in a library, the process ends here and now.

    A camera that never answers holds its thread in FFmpeg, which asks PyAV ten times a second whether to wait on;
    PyAV asks Python, and that crashes once Python has ended and the thread has not.
    """
    if threading.active_count() > 1:
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code
