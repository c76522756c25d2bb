"""`vedette watch`."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from agent.cli.exits import OK, USAGE, fail

if TYPE_CHECKING:
    import argparse

    from agent.runtime.watch.output import Output

_PASSWORD = "VEDETTE_SECRET_MQTT_PASSWORD"  # noqa: S105 - its name


def add(parser: argparse.ArgumentParser) -> None:
    """The verb has --json already."""
    parser.add_argument("device", nargs="?", help="its id; default: the config's, else all that are heard")
    parser.add_argument("-c", "--config", type=Path, metavar="FILE", help="take broker and device from this config")
    parser.add_argument("--broker", metavar="URL", help="default: the config's, else mqtt://localhost:1883")
    parser.add_argument("--username", help=f"its password comes from --password-file, or from ${_PASSWORD}")
    parser.add_argument("--password-file", type=Path, metavar="FILE")
    parser.add_argument("--ca", metavar="FILE", help="PEM file of the CAs to trust, for mqtts://")
    parser.add_argument("--insecure", action="store_true", help="accept any certificate")
    parser.add_argument("--prefix", help="topic levels before vedette/1/...; default: the config's, else none")
    parser.add_argument("--once", action="store_true", help="print the table once, and end")


def run(arguments: argparse.Namespace) -> int:
    from agent.config import ConfigError
    from agent.runtime.watch import ONCE_SECONDS, WatchError, watch
    from agent.runtime.watch.target import Options, target

    try:
        password = _password(arguments)
        names = ("config", "device", "broker", "username", "ca", "insecure", "prefix")
        found = target(Options(**{name: getattr(arguments, name) for name in names}, password=password))
    except (ConfigError, OSError, UnicodeDecodeError) as e:
        return fail(e, USAGE)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the cursor must come back
    try:
        watch(found, _output(arguments), ONCE_SECONDS if arguments.once else float("inf"))
    except WatchError as e:
        return fail(e)
    except KeyboardInterrupt:
        pass
    return OK


def _output(arguments: argparse.Namespace) -> Output:
    from agent.runtime.watch.output import JsonLines, Lines, Once, Screen

    if arguments.json:
        form: type[Lines] = JsonLines
    elif arguments.once:
        form = Once
    else:
        form = Screen if sys.stdout.isatty() else Lines
    return form(sys.stdout, sys.stderr)


def _password(arguments: argparse.Namespace) -> str | None:
    """Never from the command line, which every user of the machine can read."""
    from agent.config import ConfigError, Problem

    file: Path | None = arguments.password_file
    if file is None:
        return os.environ.get(_PASSWORD)
    if arguments.username is None:
        raise ConfigError((Problem("--password-file", 0, 0, "", "stands without --username; add it"),))
    return file.read_text().strip()
