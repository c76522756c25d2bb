"""One real daemon with a real broker and real cameras: all it wrote, said and opened."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.planted import SECRETS, USER
from tests.support.spellings import held

if TYPE_CHECKING:
    from tests.support.planted import Run

pytestmark = [pytest.mark.rooted, pytest.mark.made_up]


def test_no_output_holds_a_secret(run: Run) -> None:
    inline = {"inline_password", "url_password", "query_token"}
    found = [
        (place, name, spelling)
        for place, text in run.said.items()
        for name, secret in SECRETS.items()
        if not (place == "kept config" and name in inline)  # a copy of the file, 0640 as that is
        for spelling in held(text, secret, USER)
    ]
    assert found == []


def test_the_outputs_are_what_they_should_be(run: Run) -> None:
    """Else the test above proves nothing."""
    assert len(run.said["log"]) > 1000
    assert "homeassistant" not in run.said["mqtt"]
    for place in ("mqtt", "replies", "status --json", "doctor", "bundle", "log"):
        assert "inline" in run.said[place], place
    for word in ("cam/rtsp/detections", "config/status", "/health", "/info", "/events"):
        assert word in run.said["mqtt"], word
    answers = [json.loads(line) for line in run.said["replies"].splitlines()]
    assert [answer["status"] for answer in answers[:4]] == ["ok"] * 4, answers
    assert "***" in answers[2]["data"]["yaml"]
    assert "secrets.yaml: everybody on this machine may read it; chmod 640" in run.said["check -c"]


def test_children_inherit_no_secret(run: Run) -> None:
    assert run.environments
    for environment in run.environments:
        assert b"CREDENTIALS_DIRECTORY" not in environment
        assert not held(environment.decode(errors="replace"), SECRETS["env_password"])


def test_what_it_writes_is_for_its_group_at_most(run: Run) -> None:
    """It was started with a umask of 0."""
    page = (Path(__file__).parents[3] / "docs/security.md").read_text()
    assert [name for name in run.modes.keys() - {"bundle", ".status.json.part"} if f"`{name}`" not in page] == []
    assert run.modes.pop("status.json") == 0o644
    assert {"outbox.db", "last_good.json", "device_uid", "lock"} <= run.modes.keys()
    assert {name: oct(mode) for name, mode in run.modes.items() if mode & 0o027} == {}


def test_nobody_can_connect_to_it(run: Run) -> None:
    assert run.listening == []
    # The MQTT client makes its pair of sockets over loopback: it listens for a moment, for itself.
    bound: dict[str, str] = {}
    for line in run.calls:
        if (
            match := re.search(r"\bbind\((\d+), .*AF_INET6?, sin6?_port=htons\((\d+)\).*\"([\d.:a-f]+)\"", line)
        ) is not None:
            assert match[2] == "0", line
            bound[match[1]] = match[3]
        elif (match := re.search(r"\blisten\((\d+),", line)) is not None:
            assert bound[match[1]] == "127.0.0.1", line


def test_it_connects_to_its_cameras_and_its_broker_only(run: Run) -> None:
    internet = [line for line in run.calls if "connect(" in line and "AF_INET" in line]
    ports = [int(port) for line in internet for port in re.findall(r"sin6?_port=htons\((\d+)\)", line)]
    hosts = {host for line in internet for host in re.findall(r'(?:inet_addr\(|AF_INET6, )"([^"]+)"', line)}
    assert len(ports) >= 4
    own = {int(port) for line in run.calls if "getsockname(" in line for port in re.findall(r"htons\((\d+)\)", line)}
    assert set(ports) <= run.wanted | own, internet
    assert hosts <= {"127.0.0.1", "::1"}, internet


def test_it_starts_nothing_but_its_own_children(run: Run) -> None:
    """No pip, no apt, no shell."""
    started = [line for line in run.calls if "execve(" in line and line.endswith("= 0")]
    modules = {match[1] if (match := re.search(r'(?:"-m"|bridge[^,]*), "([^"]+)"', line)) else line for line in started}
    assert modules <= {"agent.cli", "backends.worker", "backends.tuning", "backends.registry.survey"}
