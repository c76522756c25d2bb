"""`vedette doctor`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from agent.cli.exits import FAILED, OK, USAGE, fail, print_json

if TYPE_CHECKING:
    import argparse


def add(parser: argparse.ArgumentParser) -> None:
    """The verb has --config and --json already."""
    parser.add_argument(
        "--broker", action="store_true", help="try the broker: name, TLS, login, rules, and whether a command arrives"
    )
    parser.add_argument(
        "--client-id",
        metavar="ID",
        help="come to the broker as this client; default: vedette-doctor-<random>. For a broker whose rules go by it, "
        "give the device's id, but stop the daemon before: there can be only one",
    )


def run(arguments: argparse.Namespace) -> int:
    from agent.config import ConfigError, load
    from agent.runtime.doctor.examine import examine

    try:
        config = load(arguments.config)
    except ConfigError as e:
        return fail(e, USAGE)
    found = []
    for finding in examine(config, broker=arguments.broker, client_id=arguments.client_id):
        found.append(finding)
        if not arguments.json:
            print(finding.lines(colours=sys.stdout.isatty()), flush=True)
    failed = any(finding.state == "failed" for finding in found)
    if arguments.json:
        print_json({"ok": not failed, "findings": [finding.to_json() for finding in found]})
    return FAILED if failed else OK
