"""docs/security.md says what is so. Modes of the state directory and ports are held in e2e/security, too."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from agent.atomic import MODE
from agent.config import parse
from agent.config.document import LARGEST
from agent.config.model import Command
from agent.config.nodes import DEEPEST, MOST_NODES
from agent.config.reading import MOST_READ
from agent.config.redact import SHORTEST
from agent.publish.commands.allowed import allowed
from agent.publish.outbox.opening import FILE
from agent.runtime.private import UMASK
from agent.runtime.reload.saved_configs import GOOD, REMOTE, REMOTE_TEXT
from agent.runtime.status_file import READABLE
from backends.formats import yamltree

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/security.md").read_text()


def section(title: str) -> str:
    return PAGE.split(f"## {title}\n")[1].split("\n## ")[0]


def test_files() -> None:
    modes = {
        name: match[1]
        for line in section("Files and their modes").splitlines()
        if (match := re.match(r"\|[^|]*\| (\d{4})[^|]*\|", line)) is not None
        for name in re.findall(r"`([^`]+)`", line.split("|")[1])
    }
    assert {name: modes[name] for name in (FILE, GOOD, REMOTE, REMOTE_TEXT)} == dict.fromkeys(
        (FILE, GOOD, REMOTE, REMOTE_TEXT), f"{MODE:04o}"
    )
    assert modes["status.json"] == f"{READABLE:04o}"
    assert f"{0o666 & ~UMASK:04o} at most and folders {0o777 & ~UMASK:04o}" in PAGE


def test_limits() -> None:
    text = section("The config file")
    assert (
        f"{LARGEST // 1024} KiB, {MOST_NODES} values and {DEEPEST} levels; with aliases expanded, {MOST_READ} val"
        in text
    )
    assert f"less than {SHORTEST} characters" in PAGE
    assert f"{yamltree._DEPTH} levels deep" in section("Model files").replace("\n", " ")


def test_commands() -> None:
    text = section("Roles over MQTT")
    config = parse("cameras: {gate: {source: clip.mp4}}", "f", ROOT)
    by_default = set(re.findall(r"`([a-z.]+)`", text.split(";")[0]))
    assert by_default == set(allowed(config))


def test_roles() -> None:
    """As the broker's rules give them, which a broker is seen to keep in e2e/mqtt."""
    rows = re.findall(r"^\| (\w+) \| ([^|]*`[^|]*) \|", section("Roles over MQTT"), re.MULTILINE)
    page = {role: set(re.findall(r"`([a-z.]+)`", commands)) for role, commands in rows}
    rules = (ROOT / "config/mosquitto/vedette.acl").read_text()
    granted = {
        role: set(re.findall(r"^topic write vedette/1/\+/cmd/([a-z.]+)$", text, re.MULTILINE))
        for role, text in re.findall(r"^user (\w+)\n((?:(?:topic|#).*\n)+)", rules, re.MULTILINE)
    }
    assert page["viewer"] == granted["viewer"]
    assert page["viewer"] | page["operator"] == granted["operator"]
    assert page["viewer"] | page["operator"] | page["administrator"] == set(get_args(Command))
