"""Decoders that are too slow, networks that stand still, and clocks of cameras that are wrong."""

from __future__ import annotations

import pytest

from agent.capture.lag import BEHIND, LONGEST, PATIENCE, Lag

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
