"""Decoders that are too slow, networks that stand still, and clocks of cameras that are wrong."""

from __future__ import annotations

import pytest

from agent.capture import lag as lag_of
from agent.capture.lag import BEHIND, LONGEST, PATIENCE, Lag, Waits

FPS, GOP = 25, 50


def read(
    lag: Lag,
    seconds: float,
    *,
    decode: float,
    every: float = 1 / FPS,
    clock: float = 1.0,
    keys: bool = True,
    more: bool,
) -> tuple[list[float], list[bool]]:
    """A reader that takes `decode` seconds for each picture it does not leave out. Ages, and what was decoded.

    every: seconds between two pictures. clock: the camera's, of our seconds. more: whether some packet of the next
    picture is always here already.
    """
    now, ages, decoded = 0.0, [], []
    for n in range(int(seconds / every)):
        sent = n * every
        now = max(now, sent)
        behind = now >= sent + every
        out = lag.leaves_out(now, sent * clock, key=keys and n % GOP == 0, more=more or behind)
        decoded.append(not out)
        if not out:
            ages.append(now - sent)
            now += decode
    return ages, decoded


@pytest.mark.parametrize("more", [False, True])
def test_who_keeps_up_leaves_nothing_out(more: bool) -> None:
    ages, decoded = read(Lag(), 60, decode=0.03, more=more)
    assert all(decoded)
    assert max(ages) < 0.1


@pytest.mark.parametrize("decode", [0.05, 0.1, 0.3])
def test_no_picture_of_who_is_too_slow_is_old(decode: float) -> None:
    ages, decoded = read(Lag(), 120, decode=decode, more=False)
    assert max(ages) <= BEHIND + PATIENCE + 0.1 + decode
    assert sum(decoded) > 120 / decode / 4, "a good part of what could be decoded is"
    after = [n for n in range(1, len(decoded)) if decoded[n] and not decoded[n - 1]]
    assert after
    assert all(n % GOP == 0 for n in after), "after a gap only a key picture can be decoded"


def test_a_camera_whose_clock_runs_slow_is_not_behind_where_nothing_waits() -> None:
    assert all(read(Lag(), 300, decode=0.01, clock=0.5, more=False)[1])


def test_a_camera_whose_clock_runs_fast_or_jumps_is_not_behind() -> None:
    assert all(read(Lag(), 300, decode=0.01, clock=2.0, more=True)[1])
    lag = Lag()
    assert not any(lag.leaves_out(n / FPS, n / FPS + 1000 * (n > 100), key=False, more=True) for n in range(300))


def burst(lag: Lag, decode: float) -> list[bool]:
    """What is left out when the network has stood still for five seconds, and all that was sent comes at once."""
    now, left = 0.0, []
    for n in range(300):
        now = max(now, 7.0 if 50 <= n < 175 else n / FPS)
        left.append(
            lag.leaves_out(now, n / FPS, key=n % GOP == 0, more=now >= max((n + 1) / FPS, 7.0 * (49 <= n < 174)))
        )
        now += decode * (not left[-1])
    return left


def test_who_is_fast_decodes_what_came_late_in_a_burst() -> None:
    assert not any(burst(Lag(), 0.005))


def test_who_is_slow_goes_on_with_what_is_fresh_after_a_burst() -> None:
    left = burst(Lag(), 0.039)
    assert not any(left[:60])
    assert all(left[90:200])
    assert not any(left[200:])


def test_a_stream_without_key_pictures_goes_on_after_a_while() -> None:
    _, decoded = read(Lag(), 60, decode=0.1, keys=False, more=False)
    gaps = "".join("x" if d else " " for d in decoded).split("x")
    assert LONGEST * FPS <= max(map(len, gaps)) <= (LONGEST + BEHIND + PATIENCE) * FPS
    assert any(decoded[-int(15 * FPS) :])


def test_one_that_never_has_an_end_and_no_true_clock_is_shown_all_the_same() -> None:
    _, decoded = read(Lag(), 120, decode=0.01, clock=0.5, keys=False, more=True)
    assert sum(decoded) > len(decoded) / 5


def test_a_stream_without_a_clock_is_late_where_nothing_was_waited_for() -> None:
    lag = Lag()
    left = [lag.leaves_out(n / FPS, None, key=True, more=10 <= n < 60) for n in range(100)]
    assert abs(left.index(True) - 10 - PATIENCE * FPS) <= 1
    assert all(left[36:59])
    assert not any(left[60:])


def test_one_who_sends_as_fast_as_he_is_read_is_shown_half_of_the_time() -> None:
    lag = Lag()
    left = [lag.leaves_out(n / FPS, None, key=True, more=True) for n in range(20 * FPS)]
    assert 0.4 < sum(left) / len(left) < 0.6
    gaps = "".join(" " if out else "x" for out in left).split("x")
    assert max(map(len, gaps)) <= PATIENCE * FPS + 1


class Reader:
    """Reads and decodes: `waits` tells whether there was always more. As the clock of the thread's switches."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.switches = 100.0, 0
        monkeypatch.setattr(lag_of, "_switches", lambda: self.switches)
        self.waits = Waits(self.now)

    def read(self, seconds: float, *, busy: float, wait: float = 0.0, held_up: float = 0.0) -> list[bool]:
        """busy: seconds of decoding. wait, held_up: seconds within the read, for data and for a processor."""
        more = []
        while seconds > 0:
            self.now += busy
            self.waits.begin(self.now)
            self.now += wait + held_up
            self.switches += wait > 0
            more.append(self.waits.more(self.now))
            seconds -= busy + wait + held_up
        return more


def test_who_waits_now_and_then_has_read_all_there_was(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not any(Reader(monkeypatch).read(20, busy=0.03, wait=0.01)[5:])
    reader = Reader(monkeypatch)
    for _ in range(10):  # a playlist: parts of four seconds, each decoded in two
        reader.read(2, busy=0.0, wait=2.0)
        assert not any(reader.read(2, busy=0.02))


def test_who_never_waits_for_data_is_told_that_there_is_more(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = Reader(monkeypatch)
    assert all(reader.read(20, busy=0.1, held_up=0.1)[1:])
    assert reader.read(0.5, busy=0.0, wait=0.04)[-1] is False, "it has caught up"
    assert reader.read(5, busy=0.1, held_up=0.1)[-1] is True
