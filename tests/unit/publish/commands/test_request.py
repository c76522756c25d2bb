"""What is made of a message on a command topic: an order, or the reason why not."""

from __future__ import annotations

import json
import random
import string
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.publish.commands.arguments import ARGUMENTS
from agent.publish.commands.body import DEEPEST, MOST_BYTES, MOST_CONFIG_BYTES
from agent.publish.commands.call import Call, Outcome, reply
from agent.publish.commands.request import COMMANDS, understand
from agent.publish.message import Message
from agent.publish.topics import Topics

if TYPE_CHECKING:
    from collections.abc import Callable

TOPICS = Topics("", "gate")
CAMERAS = ("yard", "hall")
NOW = 1000.0
ANSWERED = f"{TOPICS.replies}/me"
WORDS = st.text(max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)


def order(name: str, body: object = b"{}", *, allowed: tuple[str, ...] = COMMANDS, **more: Any) -> Call:
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    message = Message(
        TOPICS.command(name), payload, 1, more.pop("retain", False), more.pop("expiry", None), NOW, **more
    )
    return understand(message, TOPICS, allowed, CAMERAS, NOW)


def code(found: Call) -> str | None:
    return None if found.refusal is None else found.refusal.code


def test_arguments_are_completed_with_their_defaults() -> None:
    assert order("log.tail", {"level": "debug"}).arguments == {
        "level": "debug",
        "ttl": 60.0,
        "rate": 10.0,
        "filter": "",
    }
    assert order("ping").arguments == {}
    assert order("ping", {"reply_to": ANSWERED, "transaction": 1}).arguments == {}


def test_the_names_are_those_of_the_interface() -> None:
    assert set(ARGUMENTS) == set(COMMANDS)


@pytest.mark.parametrize(
    ("name", "body", "wrong"),
    [
        ("snapshot", {}, "needs 'camera'"),
        ("snapshot", {"camera": "yrad"}, 'did you mean "yard"'),
        ("snapshot", {"camera": ["yard"]}, "is one of yard, hall"),
        ("camera.set", {"camera": "yard", "enabled": 1}, "is true or false"),
        ("camera.set", {"camera": "yard", "enabled": "off"}, "is true or false"),
        ("camera.set", {"camera": "yard", "confidence": 1.1}, "0 to 1"),
        ("camera.set", {"camera": "yard", "confidence": True}, "0 to 1"),
        ("camera.set", {"camera": "yard"}, "enabled or confidence"),
        ("camera.set", {"camera": "yard", "enable": True}, 'did you mean "enabled"'),
        ("log.tail", {"ttl": 900.1}, "0 to 900"),
        ("log.tail", {"rate": 21}, "0.1 to 20"),
        ("log.tail", {"filter": "x" * 257}, "256 characters"),
        ("model.select", {"model": ""}, "1 to 256 characters"),
        ("log.level", {"level": "chatty"}, "debug, info, warning, error"),
        ("replay", {"from": 5, "to": 4}, "oldest first"),
        ("replay", {"from": 1, "to": 100_001}, "100000"),
        ("replay", {"from": 1.5, "to": 2}, "whole number"),
        ("replay", {"from": 0, "to": 2}, "whole number"),
        ("ping", {"x": 1}, "takes nothing"),
    ],
)
def test_wrong_arguments_are_named_with_their_limits(name: str, body: object, wrong: str) -> None:
    found = order(name, body)
    assert found.refusal is not None
    assert (found.refusal.code, found.refusal.status) == ("bad_arguments", "rejected")
    assert wrong in found.refusal.text


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (b"", "empty"),
        (b"{", "not_json"),
        (b"\xff\xfe", "not_json"),
        (b'{"a": NaN}', "not_json"),
        (b'{"a": 1e999}', "not_json"),
        (b'{"a": 1, "a": 2}', "not_json"),
        (b'{"a": "\\ud800"}', "not_json"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not_json"),
        (b'{"a":' * 9000 + b"1" + b"}" * 9000, "too_deep"),
        (b'{"a":' * DEEPEST + b"1" + b"}" * DEEPEST, "bad_arguments"),
        (b'{"a":' * (DEEPEST + 1) + b"1" + b"}" * (DEEPEST + 1), "too_deep"),
        (b" " * (MOST_BYTES + 1), "too_large"),
        (b"[]", "not_an_object"),
        (b"null", "not_an_object"),
    ],
)
def test_bodies_that_are_none(body: bytes, wanted: str) -> None:
    assert code(order("ping", body)) == wanted


def test_a_config_may_be_larger() -> None:
    assert code(order("config.validate", {"yaml": "#" * (2 * MOST_BYTES)})) is None
    assert code(order("config.validate", b" " * (MOST_CONFIG_BYTES + 1))) == "too_large"


def test_retained_old_unknown_and_forbidden_commands_are_refused() -> None:
    assert code(order("ping", retain=True)) == "retained"
    late = Message(TOPICS.command("ping"), b"{}", 1, False, 3, NOW - 3.5)
    found = understand(late, TOPICS, COMMANDS, CAMERAS, NOW)
    assert found.refusal is not None
    assert (found.refusal.code, found.refusal.status) == ("expired", "expired")
    forgotten = Message(TOPICS.command("ping"), b"{}", 1, False, None, NOW - 31)
    assert code(understand(forgotten, TOPICS, COMMANDS, CAMERAS, NOW)) == "expired"
    assert code(order("restart", allowed=("ping",))) == "not_allowed"
    assert code(order("reboot")) == "unknown_command"


@pytest.mark.parametrize(
    "topic",
    [
        "vedette/1/gate/status",
        "vedette/1/gate/reply/",
        "vedette/1/gate/replyto/me",
        "vedette/1/other/reply/me",
        f"{ANSWERED}/#",
        f"{ANSWERED}/+/x",
        f"{ANSWERED}\0",
        f"{ANSWERED}a\x01b",
        f"{ANSWERED}a\x7fb",
        f"{ANSWERED}a\x85b",
        f"{ANSWERED}a\ufdd0",
        f"{ANSWERED}a\ufffe",
        f"{TOPICS.replies}/{'x' * 300}",
    ],
)
def test_answers_stay_behind_the_fence(topic: str) -> None:
    for found in (order("ping", response_topic=topic), order("ping", {"reply_to": topic})):
        assert code(found) == "bad_reply"
        assert found.caller.topic is None


def test_what_the_properties_say_wins_over_the_body() -> None:
    found = order("ping", {"reply_to": "a/b", "transaction": "t"}, response_topic=ANSWERED, correlation=b"c")
    assert (found.caller.topic, found.caller.correlation, found.caller.transaction) == (ANSWERED, b"c", "t")
    body = json.loads(reply(Outcome("ok", {"n": float("nan")}), found.caller, 1.23456))
    assert body == {"status": "ok", "error": None, "data": {"n": None}, "took_ms": 1.235, "transaction": "t"}


def test_copies_have_one_key_and_other_wishes_have_others() -> None:
    def key(body: dict[str, Any], correlation: bytes | None = b"1", topic: str = ANSWERED) -> str | None:
        return order("log.level", body, response_topic=topic, correlation=correlation).key

    first = key({"level": "info"})
    assert first == key({"level": "info"})
    assert (
        len(
            {first, key({"level": "debug"}), key({"level": "info"}, b"2"), key({"level": "info"}, topic=f"{ANSWERED}2")}
        )
        == 4
    )
    assert key({"level": "info"}, None) is None
    assert key({"level": "info", "transaction": 0}, None) is not None


@given(st.sampled_from(COMMANDS), JSON | st.binary(max_size=200))
def test_whatever_comes_is_an_order_or_a_reason(name: str, body: object) -> None:
    found = order(name, body, response_topic=ANSWERED)
    assert found.name == name
    if found.refusal is None:
        assert set(found.arguments) == set(ARGUMENTS[name])
    else:
        assert found.refusal.text
        json.loads(reply(Outcome.of(found.refusal), found.caller, 0.0))


JUNK: tuple[Callable[[random.Random], bytes], ...] = (
    lambda draw: draw.randbytes(draw.randrange(300)),
    lambda draw: b"[" * draw.randrange(20_000),
    lambda draw: b'{"camera":' * (n := draw.randrange(2, 60)) + b'"yard"' + b"}" * n,
    lambda draw: b'{"filter":"' + b"x" * draw.randrange(70_000) + b'"}',
    lambda draw: json.dumps({"camera": draw.choice(["yrad", None, 7, [], {}]), "enabled": draw.random()}).encode(),
    lambda draw: json.dumps({"".join(draw.choices("\0\ud7ff\U0001f600e\u202e%s{}", k=20)): 1}).encode(),
    lambda draw: json.dumps({"from": draw.choice([-1, 1e300, 2**64, "1"]), "to": 1}).encode(),
    lambda draw: json.dumps(draw.choice([[], 1, "ping", None, True])).encode(),
    lambda draw: "".join(draw.choices(string.printable, k=draw.randrange(1, 200))).encode(),
)
"""As much like commands as a hostile or broken client makes them."""


def test_ten_thousand_pieces_of_junk_are_each_refused_with_a_reason() -> None:
    draw = random.Random(20261124)
    codes = set()
    for _ in range(10_000):
        name = draw.choice([*COMMANDS, "", "x/y", "camera.set "])
        body = draw.choice(JUNK)(draw) or b"?"
        found = order(name, body, retain=draw.random() < 0.1)
        if found.refusal is None:  # by chance it is none: a filter of a length that may be
            assert (name, *found.arguments) == ("log.tail", "level", "ttl", "rate", "filter")
            continue
        assert 0 < len(found.refusal.text) < 500
        codes.add(found.refusal.code)
    assert codes >= {"retained", "not_json", "too_deep", "too_large", "not_an_object", "bad_arguments"}
    assert "unknown_command" in codes


def test_a_refusal_is_answered_where_only_the_body_says_to_whom() -> None:
    body = {"reply_to": ANSWERED, "transaction": 6}
    for found in (order("reboot", body), order("ping", body, retain=True)):
        assert (found.caller.topic, found.caller.transaction) == (ANSWERED, 6)
        assert code(found) in {"unknown_command", "retained"}
    assert code(order("reboot", b"{")) == "unknown_command"


def test_a_name_without_an_answer_tells_copies_apart_too() -> None:
    keys = [order("restart", correlation=name).key for name in (b"1", b"1", b"2")]
    assert keys[0] == keys[1] != keys[2]
    assert None not in keys
