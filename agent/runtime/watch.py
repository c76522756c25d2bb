"""`vedette watch`: what any device says, as a live table, read over MQTT."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from agent.config import ConfigError, Problem, load
from agent.config.broker import parse
from agent.config.model import TlsConfig
from agent.config.problems import InvalidError
from agent.config.secrets import Secret
from agent.publish.link import Endpoint
from agent.publish.subscribe import Subscriber
from agent.runtime import watch_table
from agent.runtime.watched import Watched

if TYPE_CHECKING:
    from pathlib import Path

    from agent.publish.link import Message

_EVERY = 0.25
_ONCE_SECONDS = 1.5
_WAITING = 10_000
"""Messages that may wait to be shown; more than that are not looked at."""
_WIDEST = 1000
_CLEAR, _HOME, _HIDE, _SHOW = "\x1b[J", "\x1b[H", "\x1b[?25l", "\x1b[?25h"


class WatchError(Exception):
    """Why there is nothing to watch; the text is for the user."""


@dataclass(frozen=True, slots=True)
class Target:
    """device: None for all that are heard."""

    endpoint: Endpoint
    device: str | None
    prefix: str

    @property
    def topics(self) -> list[str]:
        prefix = self.prefix.strip("/")
        root = f"{prefix}/vedette/1/{self.device or '+'}" if prefix else f"vedette/1/{self.device or '+'}"
        heard = ("status", "info", "health", "events", "alert/#", "engine/#")
        camera = ("status", "state", "detections", "count/#", "occupancy/#", "zone/#", "line/#")
        return [*(f"{root}/{topic}" for topic in heard), *(f"{root}/cam/+/{topic}" for topic in camera)]


def audience(
    *,
    config: Path | None,
    device: str | None,
    broker: str | None,
    username: str | None,
    password: str | None,
    ca: str | None,
    insecure: bool,
    prefix: str,
) -> Target:
    """What to listen to, from a config, options, or both; options win. Raises ConfigError."""
    if config is not None and broker is None:
        loaded = load(config)
        return Target(Endpoint.of(loaded.mqtt), device or loaded.device, prefix or loaded.mqtt.prefix)
    try:
        host, port, tls, _ = parse(broker or "mqtt://localhost:1883")
    except InvalidError as e:
        raise ConfigError((Problem("--broker", 0, 0, "", e.message),)) from None
    secret = None if password is None else Secret(password)
    settings = TlsConfig(ca=ca, insecure=insecure) if tls else None
    return Target(Endpoint(host, port, username, secret, settings), device, prefix)


def watch(target: Target, out: TextIO, *, as_json: bool = False, once: bool = False) -> None:
    """Until interrupted, or `once` for what is retained and a moment of the rest. Raises WatchError.

    On a terminal the table is drawn in place; elsewhere each piece of news is a line; as_json: each message is one.
    """
    heard: queue.Queue[Message] = queue.Queue(_WAITING)

    def hear(message: Message) -> None:
        with contextlib.suppress(queue.Full):  # a screen shows what it can
            heard.put_nowait(message)

    subscriber = Subscriber("", 0, target.topics, hear, verb="watch", endpoint=target.endpoint)
    try:
        subscriber.start()
    except ConnectionError as e:
        raise WatchError(e) from None
    screen = _screen(out, as_json=as_json, once=once)
    end = time.monotonic() + _ONCE_SECONDS if once else float("inf")
    try:
        while (now := time.monotonic()) < end:
            with contextlib.suppress(queue.Empty):
                screen.hear(heard.get(timeout=_EVERY))
            screen.turn(now, subscriber.error)
    finally:
        screen.close()
        subscriber.stop()


def _screen(out: TextIO, *, as_json: bool, once: bool) -> _Lines:
    if as_json:
        return _Messages(out)
    if once:
        return _Once(out)
    return _Table(out) if out.isatty() else _Lines(out)


class _Lines:
    """Each piece of news as a line, and what the broker is at."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._watched = Watched()
        self._fault: str | None = None

    def hear(self, message: Message) -> None:
        news = self._watched.hear(message.topic, message.payload, message.at)
        if news is not None:
            self._say(news)

    def turn(self, now: float, fault: str | None) -> None:  # noqa: ARG002
        if fault != self._fault:
            self._fault = fault
            self._say(f"broker: {fault or 'back'}")

    def close(self) -> None:
        """The last word."""

    def _say(self, text: str) -> None:
        (line,) = watch_table.fitted([text], _WIDEST, 1)
        self._out.write(line + "\n")
        self._out.flush()


class _Messages(_Lines):
    """Each message as one line of JSON."""

    def hear(self, message: Message) -> None:
        self._out.write(json.dumps(_plain(message)) + "\n")
        self._out.flush()

    def turn(self, now: float, fault: str | None) -> None:
        """Programs hear of messages only."""


class _Once(_Lines):
    """The table when all is heard."""

    def hear(self, message: Message) -> None:
        self._watched.hear(message.topic, message.payload, message.at)

    def close(self) -> None:
        for row in watch_table.lines(self._watched):
            self._say(row)


class _Table(_Lines):
    """The table in place, at most four times a second."""

    def __init__(self, out: TextIO) -> None:
        super().__init__(out)
        self._due = 0.0
        out.write(_HIDE)

    def hear(self, message: Message) -> None:
        self._watched.hear(message.topic, message.payload, message.at)

    def turn(self, now: float, fault: str | None) -> None:
        if now < self._due:
            return
        self._due = now + _EVERY
        self._watched.forget_silent(now)
        width, height = os.get_terminal_size(self._out.fileno())
        away = [f"broker: {fault}", ""] if fault else []
        rows = watch_table.fitted([*away, *watch_table.lines(self._watched)], width, height - 1)
        self._out.write(_HOME + "".join(f"{row}\x1b[K\n" for row in rows) + _CLEAR)
        self._out.flush()

    def close(self) -> None:
        self._out.write(_SHOW)
        self._out.flush()


def _plain(message: Message) -> dict[str, object]:
    text = message.payload.decode(errors="replace")
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    return {"topic": message.topic, "retained": message.retain, "payload": value}
