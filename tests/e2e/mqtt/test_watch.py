"""`vedette watch` on a real broker: once, as JSON, as lines, and on a terminal from which the broker goes away."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import shutil
import signal
import struct
import subprocess
import sys
import termios
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agent.cli import main
from agent.publish import counts, payloads
from agent.tools.watch import watching
from tests.support.audience import TOPICS
from tests.support.brokers import HOST, MOSQUITTO_MISSING, free_port, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from agent.publish.mqtt import Publisher
    from tests.support.brokers import BrokerProcess

    Publish = Callable[..., Publisher]

VALUES = {
    TOPICS.camera_status("yard"): payloads.camera_status("online"),
    TOPICS.count("yard", "person"): counts.count(2, stale=False, at=0.0),
    TOPICS.count("yard", "person", "porch"): counts.count(1, stale=True, at=0.0),
    TOPICS.occupancy("yard", "person", "porch"): counts.occupancy(occupied=True, stale=True, since=0.0),
    TOPICS.line_count("yard", "door", "all"): counts.line_count(7, 3, since=0.0, at=0.0),
    TOPICS.alert("camera-offline", "yard"): payloads.alert("error", 0.0, "no answer", "look at its cable"),
}


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """The command takes SIGTERM for itself."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def device(broker: BrokerProcess, publisher: Publish, **config: object) -> Publisher:
    publishing = publisher(broker.port, **config)
    for topic, payload in VALUES.items():
        publishing.retain(topic, payload)
    wait_for(lambda: publishing.connected)
    return publishing


def command(broker: BrokerProcess, *options: str) -> list[str]:
    return ["watch", "--broker", f"mqtt://{HOST}:{broker.port}", *options]


@pytest.mark.rooted
def test_once(
    mosquitto: BrokerProcess,
    publisher: Publish,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    device(mosquitto, publisher)
    assert main(command(mosquitto, "--once")) == 0
    assert capsys.readouterr().out.splitlines() == [
        "gate  online",
        "  ALERT camera-offline/yard  no answer",
        "  yard  online",
        "    whole picture: person 2",
        "    porch: person 1 occupied (stale)",
        "    line door: all in 7 out 3",
        "",
    ]
    monkeypatch.setattr(watching, "ONCE_SECONDS", 0.3)
    assert main(command(mosquitto, "--once", "another")) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert f"nothing is heard of another at {HOST}:{mosquitto.port}" in said.err
    assert said.err.endswith("below vedette/1/+ there is: gate\n")


@pytest.mark.rooted
def test_as_json(
    mosquitto: BrokerProcess,
    publisher: Publish,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watching, "ONCE_SECONDS", 0.5)
    device(mosquitto, publisher)
    assert main(command(mosquitto, "--once", "--json", "gate")) == 0
    heard = {line["topic"]: line for line in map(json.loads, capsys.readouterr().out.splitlines())}
    assert heard[TOPICS.status] == {"topic": TOPICS.status, "retained": True, "payload": "online"}
    assert heard[TOPICS.count("yard", "person")]["payload"]["count"] == 2
    assert set(heard) == {TOPICS.status, *VALUES}


def test_without_a_broker(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "PATIENCE", 0.5)
    port = free_port()
    assert main(["watch", "--broker", f"mqtt://{HOST}:{port}"]) == 1
    assert f"nothing listens at {HOST}:{port}: start the broker, or correct --broker" in capsys.readouterr().err


def test_wrong_options_are_usage(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["watch", "#"]) == 2
    assert "is not a device's id" in capsys.readouterr().err
    assert main(["watch", "--username", "me", "--password-file", f"{tmp_path}/none"]) == 2
    assert "No such file" in capsys.readouterr().err


@pytest.mark.rooted
def test_credentials_from_a_file(
    mosquitto_with: Callable[..., BrokerProcess],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watching, "PATIENCE", 0.8)
    monkeypatch.setattr(watching, "ONCE_SECONDS", 0.3)
    if (program := shutil.which("mosquitto_passwd")) is None:
        pytest.skip(MOSQUITTO_MISSING)
    users, secret = str(tmp_path / "users"), str(tmp_path / "secret")
    subprocess.run([program, "-b", "-c", users, "me", "open sesame"], check=True, timeout=10)
    Path(secret).write_text("open sesame\n")
    broker = mosquitto_with("allow_anonymous false", f"password_file {users}")
    who = ("--once", "--username", "me")
    assert main(command(broker, *who, "--password-file", secret)) == 0
    monkeypatch.setenv("VEDETTE_SECRET_MQTT_PASSWORD", "wrong guess")
    assert main(command(broker, *who)) == 1
    said = capsys.readouterr()
    assert "nothing has been heard" in said.out
    assert "me" in said.err
    assert "guess" not in said.out + said.err


ON_ITS_OWN = """
import fcntl, signal, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # so that Ctrl-C reaches it
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job begins with it ignored
from agent.cli import main
sys.exit(main(sys.argv[1:]))
"""


class Terminal:
    """The command on a pseudo terminal of 60 columns and 12 rows."""

    def __init__(self, arguments: list[str]) -> None:
        self.ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 12, 60, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-c", ON_ITS_OWN, *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self.written = b""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        with open(self.ours, "rb", buffering=0) as ours:  # noqa: PTH123 - it is a descriptor
            while True:
                try:
                    chunk = ours.read(4096)
                except OSError:  # the other end is closed
                    return
                if not chunk:
                    return
                self.written += chunk

    def picture(self) -> str:
        """What was drawn last, from end to end."""
        return self.written.decode(errors="replace").split("\x1b[H")[-1].replace("\x1b[K", "")

    def press_interrupt(self) -> int:
        os.write(self.ours, b"\x03")
        code = self.process.wait(10)
        self._reader.join(10)
        return code


@pytest.mark.rooted
def test_on_a_terminal_until_interrupted(mosquitto: BrokerProcess, publisher: Publish) -> None:
    publishing = device(mosquitto, publisher)
    terminal = Terminal(command(mosquitto))
    try:
        wait_for(lambda: "whole picture: person 2" in terminal.picture())
        publishing.retain(TOPICS.count("yard", "person"), counts.count(5, stale=False, at=0.0))
        wait_for(lambda: "whole picture: person 5" in terminal.picture())
        publishing.stop(1)
        wait_for(lambda: "gate  offline" in terminal.picture())
        mosquitto.kill()
        wait_for(lambda: "what follows is the last known state" in " ".join(terminal.picture().split()))
        wait_for(lambda: "person 5" in terminal.picture())
        mosquitto.start()
        wait_for(lambda: "nothing has been heard" in terminal.picture(), why=terminal.picture())
        assert terminal.press_interrupt() == 0
    finally:
        terminal.process.kill()
    assert terminal.written.endswith(b"\x1b[?25h")
    for drawn in terminal.written.decode(errors="replace").split("\x1b[H"):
        rows = drawn.replace("\x1b[K", "").replace("\x1b[J", "").replace("\x1b[?25l", "").splitlines()
        assert len(rows) <= 12
        assert all(len(row) <= 60 for row in rows if "\x1b" not in row)


@pytest.mark.rooted
def test_a_device_of_which_nothing_is_heard(mosquitto: BrokerProcess, publisher: Publish) -> None:
    device(mosquitto, publisher)
    terminal = Terminal(command(mosquitto, "gaet"))
    try:
        wait_for(lambda: "nothing is heard of gaet" in terminal.picture(), 20)
        assert "below vedette/1/+ there is: gate" in " ".join(terminal.picture().split())
        assert terminal.press_interrupt() == 0
    finally:
        terminal.process.kill()


@pytest.mark.rooted
def test_lines_where_there_is_no_terminal(mosquitto: BrokerProcess, publisher: Publish, tmp_path: Path) -> None:
    output, errors = tmp_path / "output", tmp_path / "errors"
    with output.open("wb") as out, errors.open("wb") as err:
        process = subprocess.Popen([sys.executable, "-m", "agent.cli", *command(mosquitto)], stdout=out, stderr=err)
    try:
        publishing = device(mosquitto, publisher)
        first = {"gate online", "gate yard online", "gate alert camera-offline/yard: no answer"}
        wait_for(lambda: first <= set(output.read_text().splitlines()))
        publishing.retain(TOPICS.camera_status("yard"), payloads.camera_status("stalled"))
        wait_for(lambda: "gate yard stalled" in output.read_text().splitlines())
        mosquitto.kill()
        wait_for(lambda: "is gone" in errors.read_text())
        process.terminate()
        assert process.wait(10) == 0
    finally:
        process.kill()
