"""The options of the verbs that read over MQTT: which broker, as whom, which device."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agent.tools.target import Target

LONGEST_S = 600.0
_PASSWORD = "VEDETTE_SECRET_MQTT_PASSWORD"  # noqa: S105 - its name


def add(parser: argparse.ArgumentParser, device: str) -> None:
    """device: what is said of the argument."""
    parser.add_argument("device", nargs="?", help=device)
    add_broker(parser)


def add_broker(parser: argparse.ArgumentParser) -> None:
    """Which broker, and as whom."""
    parser.add_argument("-c", "--config", type=Path, metavar="FILE", help="take broker and device from this config")
    parser.add_argument("--broker", metavar="URL", help="default: the config's, else mqtt://localhost:1883")
    parser.add_argument("--username", help=f"its password comes from --password-file, or from ${_PASSWORD}")
    parser.add_argument("--password-file", type=Path, metavar="FILE")
    parser.add_argument("--ca", metavar="FILE", help="PEM file of the CAs to trust, for mqtts://")
    parser.add_argument("--insecure", action="store_true", help="accept any certificate")
    parser.add_argument("--prefix", help="topic levels before vedette/1/...; default: the config's, else none")


def text(word: str) -> str:
    """What goes to a broker; a byte that is no UTF-8 comes from the command line as half a character."""
    if not _is_text(word):
        raise argparse.ArgumentTypeError(f"{word!r} is not text: write it in UTF-8")
    return word


def _is_text(word: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in word)


def target(arguments: argparse.Namespace, *, many: bool = False) -> Target:
    """many: a level of the prefix may be `+`. Raises ConfigError or OSError."""
    from agent.tools.target import Options
    from agent.tools.target import target as found

    names = ("config", "device", "broker", "username", "ca", "insecure", "prefix")
    given: dict[str, Any] = {name: getattr(arguments, name, None) for name in names}
    return found(Options(**given, password=_password(arguments), many=many))


def _password(arguments: argparse.Namespace) -> str | None:
    """Never from the command line, which every user of the machine can read."""
    from agent.config import ConfigError, Problem

    file: Path | None = arguments.password_file
    if file is None:
        password = os.environ.get(_PASSWORD)
        if password is None or _is_text(password):
            return password
        raise ConfigError((Problem(f"${_PASSWORD}", 0, 0, "", "is not text: write it in UTF-8"),))
    if arguments.username is None:
        raise ConfigError((Problem("--password-file", 0, 0, "", "needs --username; add it"),))
    try:
        return file.read_text("utf-8-sig").strip()
    except OSError as e:
        wrong = f"{file} cannot be read: {e.strerror}"
    except UnicodeDecodeError:
        wrong = f"{file} is not text; write the password into it in UTF-8"
    raise ConfigError((Problem("--password-file", 0, 0, "", wrong),))
