"""`vedette doctor`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from agent.cli.broker import text
from agent.cli.exits import FAILED, OK, USAGE, colours, fail, print_json

if TYPE_CHECKING:
    import argparse


def add(parser: argparse.ArgumentParser) -> None:
    """The verb has --config and --json already."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--only", action="append", metavar="GROUP", help="check only this group; may be given more than once"
    )
    which.add_argument(
        "--broker", action="store_true", help="only the broker: name, TLS, login, rules, and whether a command arrives"
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="also show what is well")
    parser.add_argument(
        "--bundle", type=Path, metavar="FILE", help="write what a bug report needs into FILE, a .tar.gz without secrets"
    )
    parser.add_argument(
        "--client-id",
        type=text,
        metavar="ID",
        help="connect with this client id; default: vedette-doctor-<random>. For a broker whose rules go by client id, "
        "give the device's id, but stop the daemon first: only one client can use it",
    )


def run(arguments: argparse.Namespace) -> int:
    """0: nothing has failed; 1: something has; 2: the config cannot be used."""
    from agent.tools.doctor.bundle import bundle
    from agent.tools.doctor.examine import BROKER, GROUPS, PARTS, examine
    from agent.tools.doctor.group import summary

    only = BROKER if arguments.broker else tuple(PARTS.get(name, name) for name in arguments.only or GROUPS)
    unknown = [name for name in only if name not in GROUPS]
    if unknown:
        return fail(f"there is no group {unknown[0]!r}; the groups are {', '.join(GROUPS)}", USAGE)
    groups = []
    for group in examine(arguments.config, only, arguments.client_id):
        groups.append(group)
        if not arguments.json and (lines := group.lines(colours=colours(), everything=arguments.verbose)):
            print(lines, flush=True)
    failed = {group.name for group in groups if group.state == "failed"}
    report = {"ok": not failed, "findings": [finding for group in groups for finding in group.to_json()]}
    if arguments.json:
        print_json(report)
    else:
        print(summary(groups))
    if arguments.bundle:
        try:
            held = bundle(arguments.bundle, arguments.config, report)
        except OSError as error:
            return fail(f"{arguments.bundle}: cannot be written: {error.strerror or error}")
        print(f"{arguments.bundle}: {', '.join(held)}; look at it before you send it", file=sys.stderr)
    return USAGE if "config" in failed else FAILED if failed else OK
