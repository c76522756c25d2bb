"""Real brokers as processes of a test: started on a free port, killed, frozen, restarted on the same port."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HOST = "127.0.0.1"
MOSQUITTO = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin")
_EC = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1"
"""A key that costs openssl no time."""

_PORTS = 20_000, 32_768
"""Below those that Linux gives away."""

MOSQUITTO_MISSING = "mosquitto is not installed (apt install mosquitto)"


def wait_for(what: Callable[[], object], timeout: float = 10.0, why: str | Callable[[], object] = "") -> None:
    """Until `what()` is true; fails the test at the deadline, and says why, or what is called then says."""
    deadline = time.monotonic() + timeout
    while not what():
        assert time.monotonic() < deadline, (why() if callable(why) else why) or f"not within {timeout} s"
        time.sleep(0.01)


def free_port() -> int:
    """Nobody listens there, nor will: whoever asks the kernel for any port is given a higher one."""
    while True:
        port = _PORTS[0] + secrets.randbelow(_PORTS[1] - _PORTS[0])
        with socket.socket() as sock, contextlib.suppress(OSError):
            sock.bind((HOST, port))
            return port


class BrokerProcess:
    """One broker. command: makes the command line for a port."""

    def __init__(self, command: Callable[[int], list[str]], log: Path) -> None:
        self.port = free_port()
        self._command = command
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command(self.port), stdout=log, stderr=log)
        wait_for(self._listens, why=lambda: f"the broker did not start: {self.log()}")

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def kill(self) -> None:
        """As a power cut would end it: nothing is saved, nobody is told."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(5)

    def freeze(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log()
        with socket.socket() as sock:
            sock.settimeout(1)
            return sock.connect_ex((HOST, self.port)) == 0


def mosquitto_process(folder: Path, *options: str) -> BrokerProcess:
    """options: more lines of mosquitto.conf; `allow_anonymous true` unless they speak of it."""
    assert MOSQUITTO is not None

    def command(port: int) -> list[str]:
        lines = [f"listener {port} {HOST}", "set_tcp_nodelay true", "persistence false", "user root", *options]
        if not any(line.startswith("allow_anonymous") for line in options):
            lines.append("allow_anonymous true")
        config = folder / "mosquitto.conf"
        config.write_text("\n".join(lines) + "\n")
        assert MOSQUITTO is not None
        return [MOSQUITTO, "-c", str(config)]

    return BrokerProcess(command, folder / "mosquitto.log")


def amqtt_process(folder: Path) -> BrokerProcess:
    def command(port: int) -> list[str]:
        return [sys.executable, "-m", "agent.tools.amqtt_broker", str(port), str(os.getpid())]

    return BrokerProcess(command, folder / "amqtt.log")


def make_certificates(folder: Path, name: str) -> None:
    """ca.pem, and server.pem with server.key for `name` (a DNS name or an IPv4 address), made with openssl."""
    extensions = folder / "extensions"
    kind = "IP" if name.replace(".", "").isdecimal() else "DNS"
    extensions.write_text(f"subjectAltName={kind}:{name}\nextendedKeyUsage=serverAuth\n")
    ca = "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=ca"
    request = f"req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN={name}"
    sign = (
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out server.pem -extfile extensions"
    )
    for step in (ca, request, sign):
        subprocess.run(["openssl", *step.split()], cwd=folder, check=True, capture_output=True, timeout=30)


def sign_client(folder: Path, name: str, *, ca: str = "ca", days: int = 2) -> tuple[str, str]:
    """The paths of a certificate with the CN `name`, signed by `ca` in the folder, and of its key."""
    request = f"req {_EC} -nodes -keyout {name}.key -out {name}.csr -subj /CN={name}"
    sign = f"x509 -req -in {name}.csr -CA {ca}.pem -CAkey {ca}.key -CAcreateserial -days {days} -out {name}.pem"
    for step in (request, sign):
        subprocess.run(["openssl", *step.split()], cwd=folder, check=True, capture_output=True, timeout=30)
    return str(folder / f"{name}.pem"), str(folder / f"{name}.key")


def make_ca(folder: Path, name: str) -> None:
    """Another CA in the folder."""
    command = f"req -x509 {_EC} -nodes -keyout {name}.key -out {name}.pem -days 2 -subj /CN={name}"
    subprocess.run(["openssl", *command.split()], cwd=folder, check=True, capture_output=True, timeout=30)
