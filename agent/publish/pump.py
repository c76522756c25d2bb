"""What goes next over the connection: replies, retained values and events, in turns, then pictures of cameras."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from agent.publish.events import HISTORICAL_AFTER_S, as_historical
from agent.publish.faults import CLOSES, TOO_LARGE
from agent.publish.replies import EXPIRY_S

if TYPE_CHECKING:
    from agent.publish.ledger import Ledger
    from agent.publish.link import Link

HEADER_BYTES = 80
"""At most, with all properties but correlation data."""
EVENT, PICTURE = "application/cloudevents+json", "image/jpeg"
"""Content types, as CloudEvents' binding to MQTT wants them."""
ALL_PICTURES = "pictures"


def fits(link: Link, topic: str, payload: bytes, correlation: bytes | None = None) -> bool:
    """Whether the broker takes a message of this size, as far as it said."""
    size = len(payload) + len(topic.encode()) + len(correlation or b"") + HEADER_BYTES
    return link.largest is None or size <= link.largest


def send(link: Link | None, ledger: Ledger, topic: str, payload: bytes, expiry: float | None) -> bool:
    """A live message; False when dropped, and counted by cause. link: None while offline."""
    if link is None:
        cause = "offline"
    elif ledger.full:
        cause = "backlog"
    elif not fits(link, topic, payload):
        ledger.refuse(topic, TOO_LARGE)
        cause = "too_large"
    else:
        ledger.refused.pop(topic, None)
        ledger.live(link.publish(topic, payload, qos=0, retain=False, expiry=expiry), len(payload))
        return True
    ledger.counters.dropped[cause] += 1
    return False


def pump(link: Link, ledger: Ledger, now: float, *, announced: bool) -> None:
    """Queues everything that may go now; only retained values until the device is announced.

    Where the broker takes only so many, those that wait have their turns: values that change all the time must not keep
    the events from it, nor a backlog of events the values.
    """
    ledger.memory.save(now)
    ledger.late_due = None
    kinds = (_reply, _value, _event) if announced else (_value,)
    first = ledger.turn % len(kinds)
    waiting = deque((*kinds[first:], *kinds[:first]))
    while waiting:
        kind = waiting.popleft()
        if kind(link, ledger, now):  # else nothing more of it can go now
            waiting.append(kind)
            ledger.turn = kinds.index(kind) + 1
    if announced:
        show(link, ledger, now)


def show(link: Link, ledger: Ledger, now: float) -> None:
    """Queues the pictures of cameras that are due."""
    while not ledger.full and (shown := ledger.pictures.take(now)) is not None:
        topic, payload, left = shown
        if (reason := _refusal(link, ledger, topic, payload, ALL_PICTURES, now)) is None:
            ledger.refused.pop(topic, None)
            mid = link.publish(topic, payload, qos=0, retain=True, expiry=left, content_type=PICTURE, hold=True)
            ledger.live(mid, len(payload))
            ledger.poison.sent(mid, ALL_PICTURES, len(payload), now)
        else:
            ledger.refuse(topic, reason)


def _refusal(link: Link, ledger: Ledger, topic: str, payload: bytes, what: str, now: float) -> str | None:
    """Why it is not to be sent, since the broker would not take it. what: as `PoisonMessages` knows it."""
    if not fits(link, topic, payload):
        return TOO_LARGE
    return CLOSES if ledger.poison.spoils(what, len(payload), now) else None


def _reply(link: Link, ledger: Ledger, now: float) -> bool:
    """Whether one has gone; as the next two. Never more than half of the window."""
    most = min(max(1, ledger.window // 2), ledger.window - ledger.events.flying - ledger.retained.flying)
    reply = ledger.replies.take(most)
    if reply is None:
        return False
    topic, payload, name = reply.topic, reply.payload, reply.correlation
    mid = link.publish(topic, payload, qos=1, retain=False, expiry=EXPIRY_S, correlation=name, hold=True)
    ledger.replies.sent(mid, now)
    return True


def _value(link: Link, ledger: Ledger, now: float) -> bool:
    retained = ledger.retained
    retained.window = ledger.window - ledger.events.flying - ledger.replies.flying
    value = retained.take()
    if value is None:
        return False
    topic, payload = value
    if (reason := _refusal(link, ledger, topic, payload, topic, now)) is None:
        mid = link.publish(topic, payload, qos=1, retain=True, hold=True)
        retained.sent(mid, topic, payload, now)
        ledger.poison.sent(mid, topic, len(payload), now)
    else:
        retained.refused(topic, payload)
        ledger.refuse(topic, reason)
    return True


def _event(link: Link, ledger: Ledger, now: float) -> bool:
    """Or its picture."""
    line = ledger.events
    departure = line.take(now, ledger.window - ledger.retained.flying - ledger.replies.flying)
    if departure is None:
        return False
    payload = departure.payload
    what = ALL_PICTURES if departure.picture else f"{departure.row.epoch}-{departure.row.seq}"
    if (reason := _refusal(link, ledger, departure.topic, payload, what, now)) is not None:
        line.refuse(departure, reason)
        ledger.refuse(departure.place, reason)
        return True
    late = departure.row.late or now - departure.row.happened > HISTORICAL_AFTER_S
    if late and not departure.row.allowed and not ledger.drain.allows(now):
        ledger.late_due = ledger.drain.next
        return False
    departure.row.allowed = True
    if late and not departure.picture:
        payload = as_historical(payload)
    left, kind = departure.expires - now, PICTURE if departure.picture else EVENT
    mid = link.publish(departure.topic, payload, qos=1, retain=False, expiry=left, content_type=kind, hold=True)
    line.sent(mid, departure, now)
    ledger.poison.sent(mid, what, len(departure.payload), now)
    return True
