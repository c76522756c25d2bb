"""A fleet on this machine: N devices, each a real MQTT 5 client with a connection of its own, in one process.

    python -m tests.fleet_sim --port 1883 --devices 1000 --seconds 30 [--events 6] [--detections 0] [--prefix site-a]

Each does what a device does: its will, its commands subscribed, all that is retained, `status` last, then `health`
every 10 s and events with QoS 1. Only to a broker on loopback. It prints a line of JSON when all are there, and one at
the end. It ends after `--seconds`, or when its standard input does.
"""

from __future__ import annotations

import argparse
import json
import resource
import select
import sys
import time
from typing import TYPE_CHECKING, Any

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from agent.publish import payloads
from agent.publish.properties import connecting, publishing
from tests.support.brokers import HOST
from tests.support.simulated import CAMERA, Simulated

if TYPE_CHECKING:
    from collections.abc import Sequence

DESCRIPTORS = 3
"""Of each client: its socket, and the pair with which paho wakes itself."""
SPARE = 100
HEALTH_S, KEEPALIVE_S, MISC_S, DRAIN_S = 10.0, 60, 1.0, 20.0
PATIENCE_S = 120.0
MOST_SECONDS = 3600.0
UNDER_WAY = 100
"""Devices that connect at a time: as many as a broker's queue of new connections holds."""


class Player:
    """One device on its connection."""

    def __init__(self, device: Simulated, port: int, poll: select.epoll) -> None:
        self.device, self._poll = device, poll
        self.online = self.gone = False
        self.events: set[int] = set()
        self.acked = self.looks = 0
        self.next_health = self.next_event = self.next_look = 0.0
        self.client = client = Client(
            CallbackAPIVersion.VERSION2,
            device.topics.device,
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
        )
        client.will_set(device.topics.status, payloads.OFFLINE, qos=1, retain=True)
        client.on_connect, client.on_publish, client.on_disconnect = self._connected, self._published, self._ended
        client.on_socket_register_write = lambda *_: self._want(select.EPOLLIN | select.EPOLLOUT)
        client.on_socket_unregister_write = lambda *_: self._want(select.EPOLLIN)
        client.on_socket_open = lambda _c, _u, sock: poll.register(sock, select.EPOLLIN)
        client.connect(HOST, port, KEEPALIVE_S, clean_start=True, properties=connecting())

    @property
    def descriptor(self) -> int:
        return int(self.client.socket().fileno())

    def _want(self, events: int) -> None:
        if (sock := self.client.socket()) is not None:
            self._poll.modify(sock, events)

    def _connected(self, _c: Client, _u: Any, _f: Any, reason: Any, _p: Any) -> None:
        if reason.is_failure:
            raise SystemExit(f"the broker refused {self.device.topics.device}: {reason}")
        self.client.subscribe(self.device.topics.command(), qos=1)
        for topic, payload in self.device.retained().items():
            self.client.publish(topic, payload, qos=1, retain=True)
        self._last = self.client.publish(self.device.topics.status, payloads.ONLINE, qos=1, retain=True).mid

    def _published(self, _c: Client, _u: Any, mid: int, _r: Any, _p: Any) -> None:
        self.online = self.online or mid == self._last
        if mid in self.events:
            self.events.remove(mid)
            self.acked += 1

    def _ended(self, *_: Any) -> None:
        self.gone, self.online = True, False

    def turn(self, now: float, events_s: float, looks_s: float, healths: bool) -> int:
        """Says what is due, and returns how many `health` that were. events_s, looks_s: between two; inf for none."""
        device, said = self.device, 0
        if healths and now >= self.next_health:
            self.next_health, said = now + HEALTH_S, 1
            health = payloads.health(device.health())
            self.client.publish(device.topics.health, health, properties=publishing(30, None, None))
        if now >= self.next_event:
            self.next_event = now + events_s
            message = device.event()
            self.events.add(self.client.publish(device.topics.events, message, 1, properties=_WEEK).mid)
        if now >= self.next_look:
            self.next_look = now + looks_s
            self.looks += 1
            topic, payload = device.topics.detections(CAMERA), device.look(self.looks)
            self.client.publish(topic, payload, properties=publishing(5, None, None))
        return said

    def start(self, now: float, part: float, events_s: float, looks_s: float) -> None:
        """part: 0..1, where it stands in the fleet, so that not all speak at once."""
        self.next_health = now + part * HEALTH_S
        self.next_event = now + part * events_s if events_s < MOST_SECONDS else float("inf")
        self.next_look = now + part * looks_s if looks_s < MOST_SECONDS else float("inf")


_WEEK = publishing(604_800, None, None)


class Fleet:
    def __init__(self, devices: Sequence[Simulated], port: int) -> None:
        _allow(len(devices) * DESCRIPTORS + SPARE)
        self._devices, self._port = devices, port
        self._poll = select.epoll()
        self.players: list[Player] = []
        self._by_descriptor: dict[int, Player] = {}
        self._misc_at = 0.0
        self.healths = 0

    def connect(self) -> float:
        """Seconds until all were online."""
        began = time.monotonic()
        for device in self._devices:
            player = Player(device, self._port, self._poll)
            self.players.append(player)
            self._by_descriptor[player.descriptor] = player
            while sum(not p.online for p in self.players[-UNDER_WAY:]) >= UNDER_WAY // 2:
                self._turn(0.01)
                self._check(began)
        while not all(player.online for player in self.players):
            self._turn(0.05)
            self._check(began)
        return time.monotonic() - began

    def _check(self, began: float) -> None:
        if time.monotonic() > began + PATIENCE_S:
            raise SystemExit(f"not all devices were online within {PATIENCE_S:g} s")

    def play(self, seconds: float, events_per_minute: float, looks_per_second: float) -> None:
        """Until then, until standard input ends, or until somebody's connection does."""
        events_s = 60 / events_per_minute if events_per_minute else float("inf")
        looks_s = 1 / looks_per_second if looks_per_second else float("inf")
        now = time.monotonic()
        end = now + seconds
        for n, player in enumerate(self.players):
            player.start(now, n / len(self.players), events_s, looks_s)
        while (now := time.monotonic()) < end and not select.select([sys.stdin], [], [], 0)[0]:
            for player in self.players:
                if not player.gone:
                    self.healths += player.turn(now, events_s, looks_s, healths=True)
            self._turn(0.02)
        deadline = time.monotonic() + DRAIN_S
        while any(p.events and not p.gone for p in self.players) and time.monotonic() < deadline:
            self._turn(0.05)

    def stop(self) -> None:
        """Each as at a clean stop."""
        for player in self.players:
            if not player.gone:
                player.client.publish(player.device.topics.status, payloads.OFFLINE, qos=1, retain=True)
        self._turns(1.0)
        for player in self.players:
            player.client.disconnect()
        self._turns(1.0)
        self._poll.close()

    def _turns(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while any(p.client.want_write() for p in self.players) and time.monotonic() < deadline:
            self._turn(0.02)

    def _turn(self, timeout: float) -> None:
        for descriptor, ready in self._poll.poll(timeout, len(self.players) + 1):
            player = self._by_descriptor[descriptor]
            if ready & (select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR):
                player.client.loop_read()
            if ready & select.EPOLLOUT and not player.gone:
                player.client.loop_write()
        if (now := time.monotonic()) >= self._misc_at:
            self._misc_at = now + MISC_S
            for player in self.players:
                player.client.loop_misc()

    def account(self) -> dict[str, Any]:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return {
            "devices": len(self.players),
            "gone": sum(player.gone for player in self.players),
            "events": {player.device.topics.device: player.device.seq for player in self.players},
            "acked": sum(player.acked for player in self.players),
            "healths": self.healths,
            "looks": sum(player.looks for player in self.players),
            "cpu_s": round(usage.ru_utime + usage.ru_stime, 2),
        }


def _allow(descriptors: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < descriptors:
        raise SystemExit(f"{descriptors} descriptors are needed, {hard} are allowed: raise the limit (ulimit -Hn)")
    if soft < descriptors:
        resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, hard))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--devices", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--events", type=float, default=6.0, help="of each device, a minute")
    parser.add_argument("--detections", type=float, default=0.0, help="of each device, a second")
    parser.add_argument("--prefix", default="")
    parser.add_argument("--first", type=int, default=0, help="number of the first: more than 6000 need two processes")
    given = parser.parse_args()
    fleet = Fleet([Simulated(given.first + n, given.prefix) for n in range(given.devices)], given.port)
    print(json.dumps({"online": given.devices, "seconds": round(fleet.connect(), 2)}), flush=True)
    fleet.play(min(given.seconds, MOST_SECONDS), given.events, given.detections)
    account = fleet.account()
    fleet.stop()
    print(json.dumps(account), flush=True)


if __name__ == "__main__":
    main()
