"""`vedette fleet`."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

from agent.cli import broker
from agent.cli.exits import FAILED, OK, USAGE, colours, fail, print_json

if TYPE_CHECKING:
    import argparse

_WIDE = 1000
"""Columns where there is no terminal."""


def add(parser: argparse.ArgumentParser) -> None:
    """The verb has --json already."""
    parser.add_argument("devices", nargs="*", help="names, with * and ? as wildcards; default: all")
    broker.add_broker(parser)
    parser.add_argument("--only", choices=("problems",), help="only devices that need attention")
    parser.add_argument(
        "--timeout", type=float, metavar="S", help="seconds to wait for the retained messages; default: 10"
    )


def run(arguments: argparse.Namespace) -> int:
    from agent.config import ConfigError
    from agent.tools.fleet.rows import rows
    from agent.tools.fleet.survey import SECONDS, FleetError, fleet
    from agent.tools.fleet.table import document, table

    seconds = SECONDS if arguments.timeout is None else arguments.timeout
    if not 0 < seconds <= broker.LONGEST_S:
        return fail(f"--timeout: {seconds:g} is not a time; give seconds, {broker.LONGEST_S:g} at most", USAGE)
    try:
        found = fleet(broker.target(arguments, many=True), seconds)
    except (ConfigError, OSError) as e:
        return fail(e, USAGE)
    except FleetError as e:
        return fail(e)
    listed = rows(found, arguments.devices, troubled=arguments.only is not None)
    if arguments.json:
        print_json(document(listed, found))
    else:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else _WIDE
        print("\n".join(table(listed, found, width, colours=colours())))
    return OK if found.whole else FAILED
