"""`tests/fleet_sim.py` as a process of a test, and who asks about its fleet."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from agent.config.secrets import Secret
from agent.publish.endpoint import Endpoint
from agent.publish.link import MQTT5, MQTT311, Link
from tests.support.brokers import HOST

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from agent.publish.message import Message

CONNECT_S, STOP_S, SAID_S = 150.0, 60.0, 30.0


class Playing:
    """A fleet that is all online. Ends with `end`, or after the seconds it was given.

    connected: seconds until all were. account: what it has sent, once it has ended.
    """

    def __init__(self, port: int, devices: int, seconds: float, options: tuple[str, ...]) -> None:
        command = [sys.executable, "-m", "tests.fleet_sim", "--port", str(port), "--devices", str(devices)]
        command += ["--seconds", str(seconds), *options]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.account: dict[str, Any] = {}
        self.connected = float(json.loads(self._line(CONNECT_S))["seconds"])

    def _line(self, seconds: float) -> str:
        assert self._process.stdout is not None
        overdue = threading.Timer(seconds, self._process.kill)
        overdue.start()
        line = self._process.stdout.readline()
        overdue.cancel()
        assert line, f"the fleet ended ({self._process.wait(5)})"
        return line

    @property
    def pid(self) -> int:
        return self._process.pid

    def end(self) -> dict[str, Any]:
        """At a clean stop, all events answered."""
        out, _ = self._process.communicate("end\n", timeout=STOP_S)
        self.account = json.loads(out)
        return self.account

    def wait(self, seconds: float) -> dict[str, Any]:
        """For its own end."""
        self.account = json.loads(self._line(seconds))
        return self.account

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(5)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


@contextmanager
def playing(port: int, devices: int, *options: str, seconds: float = 300.0) -> Iterator[Playing]:
    fleet = Playing(port, devices, seconds, options)
    try:
        yield fleet
    finally:
        fleet.kill()


_LAST = "vedette/test/last"


def keep(port: int, values: Mapping[str, bytes], *, user: str | None = None, version: int = MQTT5) -> None:
    """Somebody else has the broker keep these values, an empty one none. user: his password is `<user>-word`."""
    say(port, values.items(), retain=True, user=user, version=version)


def say(
    port: int,
    messages: Iterable[tuple[str, bytes]],
    *,
    retain: bool = False,
    user: str | None = None,
    version: int = MQTT5,
) -> None:
    """All with QoS 1, in this order; the broker has them when it returns."""
    password = Secret(f"{user}-word") if user else None
    heard: list[Message] = []
    link = Link(Endpoint(HOST, port, user, password), "vedette-test-keep", version, on_message=heard.append)
    link.open(lambda: False)
    due = {link.publish(topic, payload, qos=1, retain=retain) for topic, payload in messages}
    until = time.monotonic() + SAID_S
    while due:
        assert link.loop(0.1)
        assert time.monotonic() < until, f"{len(due)} were not answered"
        due -= {answer.mid for answer in link.answers()}
    if version == MQTT311:  # amqtt answers before it keeps, and what it has not kept by our goodbye is lost
        link.subscribe([_LAST], 0)
        link.publish(_LAST, b"", qos=0, retain=False)
        while not heard:
            assert link.loop(0.1)
            assert time.monotonic() < until, "the last one did not come back"
    link.close(1.0)
