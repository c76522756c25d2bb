"""A broker of one's own, for demo and bench: on a free port of the loopback, and gone afterwards."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal

from agent.publish.link import MQTT5, MQTT311

if TYPE_CHECKING:
    from collections.abc import Callable

HOST = "127.0.0.1"
START_S = 10.0
STOP_S = 2.0
ATTEMPTS = 3

# Run before the broker in its process: `backends.child.die_with_parent`, where nothing of ours is imported.
_DIES_WITH_US = (
    "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 9); "
    "os.getppid() == int(sys.argv[1]) or sys.exit(1); os.execv(sys.argv[2], sys.argv[2:])"
)


class BrokerError(Exception):
    """No broker could be started; the text says the fix."""


@dataclass(slots=True)
class Broker:
    """A running broker on the loopback, open to this machine. protocol: 5, or 4 for MQTT 3.1.1."""

    port: int
    kind: Literal["mosquitto", "amqtt"]
    protocol: int
    process: subprocess.Popen[bytes]

    @property
    def host(self) -> str:
        return HOST

    def stop(self) -> None:
        """Safe twice."""
        self.process.terminate()
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(STOP_S)


def start_broker() -> Broker:
    """Mosquitto where it is installed, else amqtt. For the main thread: the broker dies with its caller.

    Raises BrokerError.
    """
    mosquitto = find_mosquitto()
    if mosquitto is None and importlib.util.find_spec("amqtt") is None:
        raise BrokerError(
            "there is no MQTT broker here: install mosquitto (apt install mosquitto), or the pure-Python one"
            " (pip install 'vedette[demo]')"
        )
    said = ""
    for _ in range(ATTEMPTS):  # somebody else may take the port that was free
        port = free_port()
        with tempfile.TemporaryFile() as log:
            if mosquitto is not None:
                broker = Broker(port, "mosquitto", MQTT5, _mosquitto(mosquitto, port, log))
            else:
                broker = Broker(port, "amqtt", MQTT311, _amqtt(port, log))
            if _accepts(broker):
                return broker
            broker.stop()
            log.seek(0)
            said = log.read()[-500:].decode(errors="replace").strip()
    raise BrokerError(
        f"{broker.kind} did not start within {START_S:g} s: {said or 'it said nothing'}: start a broker"
        " yourself and give its address"
    )


def find_mosquitto() -> str | None:
    """Debian keeps it in /usr/sbin, which is not on every user's PATH."""
    return shutil.which("mosquitto", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"]))


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind((HOST, 0))
        port: int = sock.getsockname()[1]
        return port


def _mosquitto(program: str, port: int, log: IO[bytes]) -> subprocess.Popen[bytes]:
    """`user`: as root it would change its user, at which the kernel forgets whom to die with."""
    lines = [
        f"listener {port} {HOST}",
        "allow_anonymous true",
        "persistence false",
        "set_tcp_nodelay true",
        "log_type error",
        "log_dest stderr",
        *(["user root"] if os.geteuid() == 0 else []),
    ]
    with tempfile.TemporaryDirectory(prefix="vedette-broker-") as folder:
        config = Path(folder, "mosquitto.conf")
        config.write_text("\n".join(lines) + "\n", encoding="utf-8")
        wrapper = [sys.executable, "-I", "-S", "-c", _DIES_WITH_US, str(os.getpid())]
        process = subprocess.Popen(
            [*wrapper, program, "-c", str(config)], stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        _until(lambda: process.poll() is not None or _listens(port))
        return process


def _amqtt(port: int, log: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "agent.tools.amqtt_broker", str(port), str(os.getpid())],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
    )


def _accepts(broker: Broker) -> bool:
    _until(lambda: broker.process.poll() is not None or _listens(broker.port))
    return broker.process.poll() is None and _listens(broker.port)


def _until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_S
    while not done() and time.monotonic() < deadline:
        time.sleep(0.01)


def _listens(port: int) -> bool:
    try:
        with socket.create_connection((HOST, port), timeout=1):
            return True
    except OSError:
        return False
