"""`vedette tail`."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

from agent.cli import broker
from agent.cli.exits import OK, USAGE, colours, fail

if TYPE_CHECKING:
    import argparse

_LEVELS = ("debug", "info", "warning", "error")


def add(parser: argparse.ArgumentParser) -> None:
    """The verb has --json already."""
    broker.add(parser, "its id; default: the config's")
    parser.add_argument("--level", choices=_LEVELS, default="info", help="the lowest level that is shown")
    parser.add_argument(
        "--grep", type=broker.text, default="", metavar="TEXT", help="only lines that contain TEXT, case ignored"
    )
    parser.add_argument("--once", action="store_true", help="print the last lines, and end")
    parser.add_argument(
        "--journal", action="store_true", help="explain how journald can carry the logs of many devices"
    )


def run(arguments: argparse.Namespace) -> int:
    from agent.config import ConfigError
    from agent.tools.tail.journal import HOW
    from agent.tools.tail.output import Output
    from agent.tools.tail.reading import Asked, Reading, TailError

    if arguments.journal:
        print(HOW, end="")
        return OK
    try:
        found = broker.target(arguments)
    except (ConfigError, OSError) as e:
        return fail(e, USAGE)
    if found.device is None:
        return fail("tail reads one device: name it, or a config with -c", USAGE)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    output = Output(sys.stdout, sys.stderr, colours=colours(), json=arguments.json)
    try:
        Reading(found, found.device, Asked(arguments.level, arguments.grep, once=arguments.once), output).run()
    except TailError as e:
        return fail(e)
    except KeyboardInterrupt:
        pass
    return OK
