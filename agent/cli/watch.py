"""`vedette watch`."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

from agent.cli import broker
from agent.cli.exits import OK, USAGE, fail

if TYPE_CHECKING:
    import argparse

    from agent.tools.watch.output import Output


def add(parser: argparse.ArgumentParser) -> None:
    """The verb has --json already."""
    broker.add(parser, "its id; default: the config's, else all devices")
    parser.add_argument("--once", action="store_true", help="print the table once, and end")


def run(arguments: argparse.Namespace) -> int:
    from agent.config import ConfigError
    from agent.tools.watch.watching import ONCE_SECONDS, WatchError, watch

    try:
        found = broker.target(arguments)
    except (ConfigError, OSError) as e:
        return fail(e, USAGE)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the cursor must come back
    try:
        watch(found, _output(arguments, found.device), ONCE_SECONDS if arguments.once else float("inf"))
    except WatchError as e:
        return fail(e)
    except KeyboardInterrupt:
        pass
    return OK


def _output(arguments: argparse.Namespace, device: str | None) -> Output:
    from agent.tools.watch.output import JsonLines, Lines, Once, Screen

    if arguments.json:
        return JsonLines(sys.stdout, sys.stderr)
    if arguments.once:
        return Once(sys.stdout, sys.stderr, device)
    return (Screen if sys.stdout.isatty() else Lines)(sys.stdout, sys.stderr)
