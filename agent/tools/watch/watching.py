"""Watches what devices say, for as long as somebody looks."""

from __future__ import annotations

import contextlib
import queue
import time
from typing import TYPE_CHECKING

from agent.publish.subscribe import Subscriber
from agent.tools.watch.messages import hear
from agent.tools.watch.state import MOST, Watched, address
from agent.tools.watch.table import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.publish.message import Message
    from agent.tools.target import Target
    from agent.tools.watch.output import Output

ONCE_SECONDS = 1.5
"""What is retained comes at once; of the rest, what is said every second."""
PATIENCE = 5.0
"""Seconds in which the broker must answer at first, and the device that is asked for be heard of."""
_TURN = 0.1
_WAITING = 10_000
"""Messages that may wait to be shown; more than that are not looked at."""


class WatchError(Exception):
    """Why there is nothing to watch; the text is for the user."""


def watch(target: Target, output: Output, seconds: float = float("inf")) -> None:
    """Until interrupted, or for some seconds. Raises WatchError if the broker cannot be reached.

    Also when a device is named of which nothing is heard in these seconds.
    """
    heard: queue.Queue[Message] = queue.Queue(_WAITING)

    def take(message: Message) -> None:
        with contextlib.suppress(queue.Full):  # a screen shows what it can
            heard.put_nowait(message)

    subscriber = _subscribed(target, topics(target), take)
    try:
        watched = _watch(subscriber, heard, output, seconds, target)
    finally:
        subscriber.stop()
    if target.device is not None and not watched.devices:
        raise WatchError(_absent(target))


def _subscribed(target: Target, filters: list[str], take: Callable[[Message], None]) -> Subscriber:
    subscriber = Subscriber(target.endpoint, filters, take, verb="watch")
    try:
        subscriber.start(PATIENCE)
    except ConnectionError as e:
        raise WatchError(target.words(str(e))) from None
    return subscriber


def _absent(target: Target) -> str:
    place, there = target.endpoint.place, ", ".join(_others(target)) or "no device at all"
    return f"nothing is heard of {target.device} at {place}; below {target.root('+')} there is: {there}"


def _others(target: Target) -> list[str]:
    """The devices of which something is kept there."""
    found: set[str] = set()

    def take(message: Message) -> None:
        if message.payload and (told := address(message.topic)) is not None and len(found) < MOST:
            found.add(printable(told[0]))

    subscriber = _subscribed(target, [f"{target.root('+')}/status"], take)
    time.sleep(ONCE_SECONDS)
    subscriber.stop()
    return sorted(found)


def topics(target: Target) -> list[str]:
    """The topic filters; no pictures, and nothing that is an answer to somebody else."""
    root = target.root(target.device or "+")
    heard = ("status", "info", "health", "events", "alert/#", "engine/#")
    camera = ("status", "state", "detections", "count/#", "occupancy/#", "zone/#", "line/#")
    return [*(f"{root}/{topic}" for topic in heard), *(f"{root}/cam/+/{topic}" for topic in camera)]


def _watch(
    subscriber: Subscriber, heard: queue.Queue[Message], output: Output, seconds: float, target: Target
) -> Watched:
    """What is known in the end."""
    watched = known = Watched()
    fault: str | None = None
    end = time.monotonic() + seconds
    asked = time.monotonic() + PATIENCE if target.device is not None else float("inf")
    try:
        while (now := time.monotonic()) < end:
            with contextlib.suppress(queue.Empty):
                message = heard.get(timeout=_TURN)
                output.heard(message, hear(watched, message.topic, message.payload, message.at))
            if (error := subscriber.error) != fault:
                if fault is None:  # what is retained comes anew, and what is not then no longer holds
                    known, watched = watched, Watched(events=watched.events)
                elif error is None:
                    known = watched
                fault = error
                output.broker(fault and target.words(fault))
            if known.devices:
                asked = float("inf")
            elif now > asked and fault is None:
                asked = float("inf")
                with contextlib.suppress(WatchError):
                    output.absent(_absent(target))
            known.forget_gone(now)
            output.draw(known, now)
    finally:
        output.close(known, time.monotonic())
    return known
