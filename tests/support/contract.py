"""What is really said over MQTT, held against `asyncapi.yaml`."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NoReturn

from cloudevents.core.formats.json import JSONFormat

from tests.support.asyncapi import channel_of, document, resolve, validator

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jsonschema import ValidationError

    from agent.publish.message import Message
    from tests.support.asyncapi import Channel

COMMAND = re.compile(r"vedette/1/[^/]+/cmd/")
OURS = re.compile(r"(?:^|/)(?P<own>vedette/1/.+)$")
SHOWN = 400
"""Bytes of a payload that is wrong."""


def violation(message: Message, *, expires: bool = False) -> str | None:
    """What a message that a device sent breaks; None if nothing, or if it is not ours.

    The message as one hears it who has subscribed with QoS 1, which is the highest there is: with the QoS it was sent
    with. The retain flag, though, is seen only on what was stored before, so one that is missing goes unnoticed here.
    expires: whether both speak MQTT 5, so that an expiry that is missing is a fault.
    """
    match = OURS.search(message.topic)
    if match is None or COMMAND.match(match["own"]):
        return None  # whoever gives commands may be wrong
    channel = channel_of(match["own"])
    fault = "no such channel" if channel is None else _broken(channel, message, expires)
    return f"{match['own']}: {fault}: {message.payload[:SHOWN]!r}" if fault else None


def is_retained(topic: str) -> bool:
    """Whether what a device says there has to be kept by the broker."""
    match = OURS.search(topic)
    channel = channel_of(match["own"]) if match else None
    return channel is not None and channel.retain


def reply_violation(command: str, payload: bytes) -> str | None:
    """What an answer to this very command breaks; the topic alone does not tell what was asked."""
    operation = document()["operations"].get(command)
    messages = operation["reply"]["messages"] if operation else [{"$ref": "#/components/messages/refused"}]
    fault = _unlike([_pointer(message["$ref"]) for message in messages], payload)
    return f"the answer to {command}: {fault}: {payload[:SHOWN]!r}" if fault else None


def _pointer(reference: str) -> str:
    """A message of a channel is itself a reference to one of the components."""
    found: Any = document()
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return str(found.get("$ref", reference)).removeprefix("#")


def _broken(channel: Channel, message: Message, expires: bool) -> str:
    if message.qos != channel.qos and message.payload:  # what is emptied is so for sure, with QoS 1
        return f"QoS {message.qos}, not {channel.qos}"
    if message.retain and not channel.retain:
        return "is retained"
    if message.expiry is not None and not channel.worded and message.expiry > (channel.expiry or -1):
        return f"expires in {message.expiry} s, not in {channel.expiry}"
    if message.expiry is None and expires and message.payload and (channel.expiry is not None or channel.worded):
        return "never expires"
    return _unlike(channel.messages.values(), message.payload)


def _unlike(messages: Iterable[str], payload: bytes) -> str:
    """What keeps a payload from being one of these messages; empty if it is one."""
    faults = []
    for pointer in messages:
        fault = _fault(pointer, payload)
        if fault is None:
            return ""
        faults.append(f"{pointer.rsplit('/', 1)[1]}: {fault}")
    return "; ".join(faults)


def _fault(pointer: str, payload: bytes) -> str | None:
    kind = resolve({"$ref": f"#{pointer}"}).get("contentType", "application/json")
    if kind == "image/jpeg":
        return None if payload.startswith(b"\xff\xd8\xff") and payload.endswith(b"\xff\xd9") else "no JPEG"
    try:
        text = payload.decode()
        value = text if kind == "text/plain" else json.loads(text, parse_constant=_refused)
    except ValueError as e:
        return str(e)
    error = next(validator(f"{pointer}/payload").iter_errors(value), None)
    if error is not None:
        error = _innermost(error)
        return f"{error.json_path}: {error.message[:300]}"
    return _event_fault(payload) if kind == "application/cloudevents+json" else None


def _innermost(error: ValidationError) -> ValidationError:
    """Of a choice the branch that was meant: one that is not of another type, with the fewest faults."""
    while error.context:
        branches: dict[object, list[ValidationError]] = {}
        for inner in error.context:
            branches.setdefault(inner.schema_path[0], []).append(inner)
        error = min(branches.values(), key=lambda faults: (any(map(_of_type, faults)), len(faults)))[0]
    return error


def _of_type(error: ValidationError) -> bool:
    return error.validator in {"type", "const", "enum"}


def _event_fault(payload: bytes) -> str | None:
    """What the SDK of CloudEvents finds, and what JSON Schema has no words for."""
    try:
        event = JSONFormat().read(None, payload)
    except Exception as e:  # noqa: BLE001 - whatever it raises, it cannot read the event
        return f"no CloudEvent: {e}"
    epoch, seq = event.get_extension("epoch"), event.get_extension("seq")
    return None if event.get_id() == f"{epoch}-{seq}" else f"id {event.get_id()} is not {epoch}-{seq}"


def _refused(text: str) -> NoReturn:
    raise ValueError(f"{text} is not JSON")
