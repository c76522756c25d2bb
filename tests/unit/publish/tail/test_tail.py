"""The log read over MQTT: what comes, how much of it, and what never."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config.secrets import Secret
from agent.publish.tail.line import BATCH_BYTES, LONGEST, Line, batches
from agent.publish.tail.ring import LAST, PENDING, Ring
from agent.publish.tail.tail import MOST, Tail

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = Secret("swordfish-of-the-tail")


class Reader:
    """A logger, its ring, a tail, and what was sent."""

    def __init__(self) -> None:
        self.woken = 0
        self.connected = self.takes = True
        self.level: int | None = None
        self.batches: list[dict[str, Any]] = []
        self.sizes: list[int] = []
        self.logger = logging.getLogger("vedette.tail-test")
        self.logger.propagate = False
        self.logger.setLevel(logging.DEBUG)
        self.ring = Ring(("CAMERA",), self._wake)
        self.logger.handlers[:] = [self.ring]
        self.tail = Tail(self.ring, self._send, self._set_level, lambda: self.connected)

    def _wake(self) -> None:
        self.woken += 1

    def _set_level(self, level: int | None) -> None:
        self.level = level

    def _send(self, batch: bytes) -> bool:
        if not (self.connected and self.takes):
            return False
        self.sizes.append(len(batch))
        self.batches.append(json.loads(batch))
        return True

    @property
    def messages(self) -> list[str]:
        return [line["message"] for batch in self.batches for line in batch["lines"]]

    def lease(self, now: float = 0.0, **given: Any) -> int | None:
        asked: dict[str, Any] = {"reader": "me", "level": "info", "ttl": 60.0, "rate": 10.0, "part": ""} | given
        return self.tail.lease(now=now, **asked)


@pytest.fixture
def reader() -> Iterator[Reader]:
    found = Reader()
    yield found
    found.logger.handlers.clear()
    found.logger.propagate = True


def test_the_last_lines_come_first_then_live_ones(reader: Reader) -> None:
    for n in range(LAST + 50):
        reader.logger.info("line %d", n, extra={"CAMERA": "yard"})
    assert reader.batches == []
    assert reader.lease() == LAST
    assert reader.messages == [f"line {n}" for n in range(50, LAST + 50)]
    assert reader.batches[0]["lines"][0]["fields"] == {"camera": "yard"}
    reader.logger.warning("now")
    assert reader.woken == 1
    reader.tail.turn(1.0)
    assert reader.messages[-1] == "now"
    assert reader.batches[-1]["lines"][0] | {"ts": ""} == {
        "ts": "",
        "level": "warning",
        "logger": "tail-test",
        "message": "now",
        "fields": {},
    }


def test_it_ends_by_itself_and_all_is_as_before(reader: Reader) -> None:
    reader.lease(level="debug", ttl=5.0)
    assert reader.level == logging.DEBUG
    assert reader.tail.due() == 5.0
    reader.tail.turn(5.0)
    assert reader.level is None
    assert reader.tail.due() is None
    reader.logger.error("unheard")
    reader.tail.turn(6.0)
    assert reader.messages == []
    assert not reader.ring.waiting


def test_renewing_does_not_repeat_the_last_lines(reader: Reader) -> None:
    reader.logger.info("once")
    assert [reader.lease(), reader.lease(30.0), reader.lease(30.0, level="debug")] == [1, 0, 1]
    assert reader.lease(31.0, ttl=0.0) == 0
    assert reader.level is None


def test_other_filters_bring_the_last_lines_no_faster_than_the_rate(reader: Reader) -> None:
    for n in range(LAST):
        reader.logger.info("line %d %s", n, "word " * 40)
    assert reader.lease(rate=1.0) == LAST
    first = len(reader.batches)
    assert first > 5
    told = [reader.lease(n / 100, rate=1.0, part="line" if n % 2 else "word") for n in range(100)]
    assert told == [0] * 100
    assert reader.lease(first + 1.0, rate=1.0, part="line 19") == 11
    reader.logger.info("line 19 comes")
    reader.logger.info("another")
    reader.tail.turn(first + 2.0)
    assert reader.messages[-1] == "line 19 comes"


def test_what_nobody_could_be_sent_is_counted_as_left_out(reader: Reader) -> None:
    reader.logger.info("before")
    reader.takes = False
    reader.lease()
    reader.logger.info("while away")
    reader.tail.turn(1.0)
    reader.takes = True
    reader.logger.info("back")
    reader.tail.turn(2.0)
    assert reader.messages == ["back"]
    assert [batch["dropped"] for batch in reader.batches] == [2]


def test_lines_of_an_outage_wait_and_come_once_more_to_who_was_cut_off_too(reader: Reader) -> None:
    reader.lease()
    reader.connected = False
    for now in (1.0, 2.0, 3.0):
        reader.logger.info("lost %d", now)
        reader.tail.turn(now)
    due = reader.tail.due()
    assert due is not None
    assert 3.0 < due <= 4.0  # no spinning while nothing can be sent
    reader.connected = True
    reader.tail.turn(4.0)
    assert reader.messages == ["lost 1", "lost 2", "lost 3"]
    assert [batch["dropped"] for batch in reader.batches] == [0]
    assert reader.lease(5.0) == 3
    assert reader.lease(6.0) == 0
    assert reader.lease(6.0, reader="other") == 3


def test_a_flood_is_bounded_and_what_is_left_out_is_counted(reader: Reader) -> None:
    reader.lease(rate=20.0)
    logged = 0
    for tick in range(200):  # two seconds of 10,000 lines each
        for _ in range(100):
            reader.logger.info("a line of the flood, of some length, as lines have it: %d", logged)
            logged += 1
        now = tick / 100
        due = reader.tail.due()
        if due is not None and due <= now:
            reader.tail.turn(now)
    assert len(reader.batches) <= 2 * 20 + 1
    assert max(reader.sizes) <= BATCH_BYTES
    for now in range(10, 50):
        reader.tail.turn(float(now))
    dropped = sum(batch["dropped"] for batch in reader.batches)
    assert len(reader.messages) + dropped == logged
    assert reader.ring.waiting is False


def test_several_read_what_any_of_them_wants(reader: Reader) -> None:
    reader.lease(reader="a", level="warning")
    reader.lease(reader="b", level="debug", part="GATE")
    for level, text in [("debug", "gate opens"), ("debug", "yard"), ("warning", "yard"), ("info", "the gate")]:
        getattr(reader.logger, level)(text)
    reader.tail.turn(1.0)
    assert reader.messages == ["gate opens", "yard", "the gate"]
    for n in range(MOST - 2):
        assert reader.lease(reader=str(n)) is not None
    assert reader.lease(reader="one too many") is None


def test_secrets_are_neither_sent_nor_found_by_their_parts(reader: Reader) -> None:
    value = SECRET.reveal()
    try:
        Path(f"/nowhere/{value}").read_bytes()
    except OSError:
        reader.logger.exception("the password is %s", value, extra={"CAMERA": value})
    reader.logger.info("%s", "x" * (LONGEST - 5) + value)
    assert reader.lease() == 2
    assert value not in json.dumps(reader.batches)
    assert value[:5] not in reader.messages[1]
    assert reader.lease(part=value[3:9], reader="guess") == 0
    reader.logger.info("again: %s", value)
    reader.lease(reader="me", ttl=0.0)
    before = len(reader.messages)
    reader.tail.turn(2.0)
    assert len(reader.messages) == before


def test_what_is_looked_for_is_the_line_as_it_is_shown(reader: Reader) -> None:
    reader.logger.warning("offline", extra={"CAMERA": "gate"})
    reader.logger.warning("offline", extra={"CAMERA": "yard"})
    assert reader.lease(part="offline camera=gate") == 1
    assert reader.lease(part="Warning tail-test: off", reader="another") == 2
    reader.logger.warning("online", extra={"CAMERA": "gate"})
    reader.tail.lease("another", "info", 0.0, 1.0, "", 1.0)
    reader.tail.turn(2.0)
    assert reader.messages[-1] == "offline", "live lines are looked at alike"
    reader.logger.warning("offline", extra={"CAMERA": "gate"})
    reader.tail.turn(4.0)
    assert reader.messages.count("offline") == 4


def test_a_record_that_cannot_be_formatted_harms_nobody(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)
    reader.logger.info(*["%d %d", "one"])
    reader.logger.info("fine")
    reader.lease()
    assert reader.messages == ["fine"]


def test_who_waits_is_bounded(reader: Reader) -> None:
    reader.lease()
    for n in range(PENDING + 10):
        reader.logger.info("%d", n)
    lines, dropped = reader.ring.take(PENDING + 10)
    assert (len(lines), dropped) == (PENDING, 10)


@given(st.lists(st.text(max_size=3000), max_size=60), st.integers(0, 10**12))
def test_batches_hold_every_line_and_keep_to_their_size(texts: list[str], dropped: int) -> None:
    encoded = [Line(0.0, logging.INFO, "x", text).encoded() for text in texts]
    made = batches(encoded, dropped)
    read = [json.loads(batch) for batch in made]
    assert sum(len(batch["lines"]) for batch in read) == len(texts)
    assert sum(batch["dropped"] for batch in read) == min(dropped, 10**9)
    for batch, body in zip(made, read, strict=True):
        assert len(batch) <= BATCH_BYTES or len(body["lines"]) == 1
