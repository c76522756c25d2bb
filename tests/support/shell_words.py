"""What the pages may have a user type: each program with what is checked of its words."""

from __future__ import annotations

import argparse
import contextlib
import io
import re
from itertools import pairwise
from typing import TYPE_CHECKING

from agent.cli import verbs
from agent.tools.doctor.examine import GROUPS, PARTS
from tests.support.pages import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

UNITS = {"vedette", "vedette-trial", "mosquitto", "nvargus-daemon", "nvzramconfig", "systemd-timesyncd"}
PACKAGES = {
    "make", "python3-venv", "mosquitto", "mosquitto-clients", "gstreamer1.0-tools", "gstreamer1.0-libcamera",
    "gstreamer1.0-plugins-good",
}  # fmt: skip
"""Of Debian: a rooted test asks apt for each."""
ELSEWHERE = {"python3-libnvinfer": "JetPack", "python3-picamera2": "Raspberry Pi OS", "libedgetpu1-std": "Coral's"}
"""Whose packages these are; nobody can ask for them here."""
SYSTEM = {
    "cd", "chmod", "chown", "dmesg", "echo", "edgetpu_compiler", "grep", "gst-launch-1.0", "lsusb", "nano", "nvpmodel",
    "sed", "sh",
}  # fmt: skip
"""Programs of a system, of which only the spelling is looked at."""
HEARD = {"mosquitto_sub", "mosquitto_pub"}
"""Run against a real broker by `tests/slow/docs`."""
_JOURNAL = re.compile(
    r"-u \S+|-f|-b|-k|-n \d+|-p \w+|-o \w+|--disk-usage|--vacuum-size=\d+M|--grep '?[^']+'?|[A-Z_]+=\S+"
)
_VERBS = {"start", "stop", "restart", "reload", "status", "enable", "disable", "edit"}
_OWN_PACKAGE = re.compile(r"vedette|\./(?:dist/)?vedette_[\w.*~-]+\.deb")
_VENV = re.compile(r"(/opt/vedette|~/\w+|\.venv)/bin/")


def fault(words: Sequence[str]) -> str | None:
    """What is wrong with one command, or None. A program that nobody has vouched for is wrong."""
    program = program_of(words[0])
    rule = _RULES.get(program)
    if rule is not None:
        return rule(words[1:])
    if program in SYSTEM | HEARD:
        return None
    return f"{program}: nothing checks it; add it to tests/support/shell_words.py"


def program_of(word: str) -> str:
    """Without the environment that it is taken from."""
    return _VENV.sub("", word)


def parsed(words: Sequence[str]) -> argparse.Namespace | str:
    """What the real parser makes of `vedette WORDS`, or its complaint."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            return verbs._parser().parse_args(list(words))
    except SystemExit:
        return said.getvalue().strip().splitlines()[-1] if said.getvalue() else "no such verb"


def _vedette(words: Sequence[str]) -> str | None:
    found = parsed(words)
    if isinstance(found, str):
        return found
    unknown = set(getattr(found, "only", None) or ()) - {*GROUPS, *PARTS} if words[0] == "doctor" else set()
    return f"no such groups: {unknown}" if unknown else None


def _make(words: Sequence[str]) -> str | None:
    made = (ROOT / "Makefile").read_text()
    for word in words:
        slow = word.removeprefix("test-")
        known = slow != word and (ROOT / "tests/slow" / slow).is_dir()
        if "=" not in word and not known and not re.search(rf"^([\w -]* )?{word}( [\w -]*)?:", made, re.MULTILINE):
            return f"no target {word}"
    return None


def _systemctl(words: Sequence[str]) -> str | None:
    verb, *units = [word for word in words if not word.startswith("-")]
    wrong = {unit.removesuffix(".service").partition("@")[0] for unit in units} - UNITS
    return f"systemctl {verb} {wrong}" if verb not in _VERBS or wrong else None


def _journalctl(words: Sequence[str]) -> str | None:
    unknown = {unit for flag, unit in pairwise(words) if flag == "-u"} - UNITS
    rest = _JOURNAL.sub("", " ".join(words)).strip()
    return f"journalctl: {rest} {unknown}" if rest or unknown or not words else None


def _apt(words: Sequence[str]) -> str | None:
    own = {word for word in words[1:] if _OWN_PACKAGE.fullmatch(word)}
    unknown = set(words[1:]) - PACKAGES - ELSEWHERE.keys() - own - {"-y"}
    known = words[0] in {"install", "update"} or (words[0] in {"remove", "purge"} and own)
    return None if known and not unknown else f"apt {words[0]} {unknown}"


def _python(words: Sequence[str]) -> str | None:
    if words[0] == "-c":
        compile(words[1], "docs", "exec")
        return None
    return None if list(words[:2]) in (["-m", "pip"], ["-m", "venv"], ["-m", "pytest"]) else f"python {words}"


def _pip(words: Sequence[str]) -> str | None:
    return None if words[:1] == ["install"] and len(words) > 1 else f"pip {words}"


_RULES: dict[str, Callable[[Sequence[str]], str | None]] = {
    "vedette": _vedette,
    "make": _make,
    "systemctl": _systemctl,
    "journalctl": _journalctl,
    "apt": _apt,
    "pip": _pip,
    "python": _python,
    "python3": _python,
}
PROGRAMS = _RULES.keys() | SYSTEM | HEARD
