"""`vedette watch`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from agent.cli.exits import OK, USAGE, fail

if TYPE_CHECKING:
    import argparse


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("device", nargs="?", help="its id; default: the config's, else all that are heard")
    parser.add_argument("-c", "--config", type=Path, metavar="FILE", help="take broker and device from this config")
    parser.add_argument("--broker", metavar="URL", help="default: the config's, else mqtt://localhost:1883")
    parser.add_argument("--username")
    parser.add_argument("--password-file", type=Path, metavar="FILE", help="or $VEDETTE_SECRET_MQTT_PASSWORD")
    parser.add_argument("--ca", metavar="FILE", help="PEM file of the CAs to trust, for mqtts://")
    parser.add_argument("--insecure", action="store_true", help="accept any certificate")
    parser.add_argument("--prefix", default="", help="topic levels before vedette/1/...")
    parser.add_argument("--once", action="store_true", help="print the table once, and end")


def run(arguments: argparse.Namespace) -> int:
    from agent.config import ConfigError
    from agent.runtime.watch import WatchError, audience, watch

    try:
        target = audience(
            config=arguments.config,
            device=arguments.device,
            broker=arguments.broker,
            username=arguments.username,
            password=_password(arguments.password_file),
            ca=arguments.ca,
            insecure=arguments.insecure,
            prefix=arguments.prefix,
        )
    except (ConfigError, OSError) as e:
        return fail(e, USAGE)
    try:
        watch(target, sys.stdout, as_json=arguments.json, once=arguments.once)
    except WatchError as e:
        return fail(e)
    except KeyboardInterrupt:
        pass
    return OK


def _password(file: Path | None) -> str | None:
    """Never from the command line, which every user of the machine can read."""
    if file is not None:
        return file.read_text().strip()
    return os.environ.get("VEDETTE_SECRET_MQTT_PASSWORD")
