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


def run(arguments: argparse.Namespace) -> int:
    from agent.config import ConfigError, load
    from agent.runtime.doctor.broker import broker
    from agent.runtime.doctor.finding import page

    if not arguments.broker:
        return fail("say what to examine: --broker", USAGE)
    try:
        config = load(arguments.config)
    except ConfigError as e:
        return fail(e, USAGE)
    findings = list(broker(config))
    if arguments.json:
        print_json([finding.to_json() for finding in findings])
    else:
        print(page(findings, colours=sys.stdout.isatty()))
    return FAILED if any(finding.state == "failed" for finding in findings) else OK
