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
    in_place = out.isatty() and not as_json and not once
    try:
        _show(heard, out, in_place=in_place, as_json=as_json, once=once)
    finally:
        if in_place:
            out.write(_SHOW)
            out.flush()
        subscriber.stop()


def _show(heard: queue.Queue[Message], out: TextIO, *, in_place: bool, as_json: bool, once: bool) -> None:
    watched = Watched()
    end = time.monotonic() + _ONCE_SECONDS if once else float("inf")
    if in_place:
        out.write(_HIDE)
    due = 0.0
    while (now := time.monotonic()) < end:
        try:
            message = heard.get(timeout=_EVERY)
        except queue.Empty:
            pass
        else:
            news = watched.hear(message.topic, message.payload, message.at)
            if as_json:
                _line(out, json.dumps(_plain(message)))
            elif news is not None and not in_place and not once:
                _line(out, watch_table.fitted([news], 1000, 1)[0])
        if in_place and now >= due:
            due = now + _EVERY
            watched.forget_silent(now)
            width, height = os.get_terminal_size(out.fileno())
            rows = watch_table.fitted(watch_table.lines(watched), width, height - 1)
            out.write(_HOME + "".join(f"{row}\x1b[K\n" for row in rows) + _CLEAR)
            out.flush()
    if once and not as_json:
        for row in watch_table.fitted(watch_table.lines(watched), 1000, 10_000):
            _line(out, row)


def _line(out: TextIO, text: str) -> None:
    out.write(text + "\n")
    out.flush()


def _plain(message: Message) -> dict[str, object]:
    text = message.payload.decode(errors="replace")
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    return {"topic": message.topic, "retained": message.retain, "payload": value}
