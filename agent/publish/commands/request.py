"""From a message to an order: whether it may be one at all, who wants the answer, and what it says. Pure."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, get_args

from agent.config.model import Command
from agent.config.suggest import did_you_mean
from agent.publish.commands.arguments import checked
from agent.publish.commands.body import read
from agent.publish.commands.call import Call, Caller, Refusal

if TYPE_CHECKING:
    from collections.abc import Collection

    from agent.publish.message import Message
    from agent.publish.topics import Topics

LONGEST_LIFE_S = 30.0
"""A command that waited longer is not what anybody wants any more."""
LONGEST_TOPIC = 256
LONGEST_CORRELATION = 1024
LONGEST_TRANSACTION = 1024
COMMANDS: tuple[str, ...] = get_args(Command)


def understand(
    message: Message, topics: Topics, allowed: Collection[str], cameras: Collection[str], now: float
) -> Call:
    """Never raises: what is wrong is the order's refusal. now: time.monotonic()."""
    name = message.topic.removeprefix(topics.command(""))
    caller, key = Caller(), None
    try:
        caller = _by_properties(message, topics)
        unfit = _unfit(name, message, now)
        try:
            body = read(name, message.payload)
        except Refusal as refusal:
            raise unfit or refusal from None
        caller = _by_body(caller, body, topics)
        if unfit is not None:
            raise unfit
        key = _key(name, caller, body)
        _permitted(name, allowed)
        return Call(name, message.at, caller, checked(name, body, cameras), key)
    except Refusal as refusal:
        return Call(name, message.at, caller, key=key, refusal=refusal)


def _unfit(name: str, message: Message, now: float) -> Refusal | None:
    """What is wrong whatever the body says. To be told once the body is read: in MQTT 3.1.1 it names the caller."""
    if message.retain:
        return Refusal("retained", "commands are not retained: publish without the flag, and empty that topic")
    life = LONGEST_LIFE_S if message.expiry is None else min(LONGEST_LIFE_S, message.expiry)
    if now - message.at > life:
        return Refusal("expired", f"it has waited for {now - message.at:.0f} s, longer than its {life:g} s", "expired")
    if name not in COMMANDS:
        return Refusal("unknown_command", f"no command {name[:64]!r}{did_you_mean(name, COMMANDS)}")
    return None


def _permitted(name: str, allowed: Collection[str]) -> None:
    if name not in allowed:
        raise Refusal("not_allowed", f"{name} is not allowed here; add it to remote.commands in the config")


def _by_properties(message: Message, topics: Topics) -> Caller:
    if len(message.correlation or b"") > LONGEST_CORRELATION:
        raise Refusal("bad_reply", f"correlation data is longer than {LONGEST_CORRELATION} bytes")
    if message.response_topic is None:
        return Caller(None, message.correlation)
    return Caller(_fenced(message.response_topic, topics), message.correlation)


def _by_body(caller: Caller, body: dict[str, Any], topics: Topics) -> Caller:
    """Takes `reply_to` and `transaction` out of the body. What the properties say wins."""
    wanted, transaction = body.pop("reply_to", None), body.pop("transaction", None)
    if transaction is not None and len(json.dumps(transaction)) > LONGEST_TRANSACTION:
        raise Refusal("bad_reply", f"the transaction is longer than {LONGEST_TRANSACTION} characters")
    if caller.topic is None and wanted is not None:
        if not isinstance(wanted, str):
            raise Refusal("bad_reply", "reply_to must be a topic, as text")
        return Caller(_fenced(wanted, topics), caller.correlation, transaction)
    return Caller(caller.topic, caller.correlation, transaction)


def _fenced(topic: str, topics: Topics) -> str:
    """Only below `reply/`: else anybody could have this device write where only it may."""
    below = topic.removeprefix(f"{topics.replies}/")
    if below == topic or not below or len(topic) > LONGEST_TOPIC or any(map(_unfit_for_topics, below)):
        text = f"answers go below {topics.replies}/ only, as {topics.replies}/me, without +, # and control characters"
        raise Refusal("bad_reply", text)
    return topic


def _unfit_for_topics(character: str) -> bool:
    """Wildcards; controls and what is no character: a broker may end the connection for one, and ours it would be.

    MQTT 5, 1.5.4.
    """
    number = ord(character)
    controls = number < 0x20 or 0x7F <= number < 0xA0
    none = 0xD800 <= number < 0xE000 or 0xFDD0 <= number < 0xFDF0 or number & 0xFFFE == 0xFFFE
    return character in "+#" or controls or none


def _key(name: str, caller: Caller, body: dict[str, Any]) -> str | None:
    """None where nothing tells a copy from the same wish uttered again."""
    if caller.correlation is None and caller.transaction is None:
        return None
    told = [name, caller.topic, (caller.correlation or b"").hex(), caller.transaction, body]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
