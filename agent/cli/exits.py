"""How a verb ends: its exit code, and what is printed for people or programs."""

from __future__ import annotations

import json
import sys
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
