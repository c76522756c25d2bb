"""How old an event is: on over restarts, whatever the wall clock does."""

from __future__ import annotations

import time

import pytest

from agent.boot import boot_id
from agent.publish.outbox.age import AgeClock


@pytest.mark.parametrize(
    ("ago", "boot", "expected"),
    [
        (50.0, None, 150.0),
        (50.0, "another", 100.0),  # how long it was off nobody knows
        (50.0, "", 100.0),
        (-50.0, None, 100.0),  # never backwards
    ],
)
def test_it_goes_on_by_what_the_kernel_has_counted_since(ago: float, boot: str | None, expected: float) -> None:
    boot = boot_id() if boot is None else boot
    clock = AgeClock(100.0, boot, time.clock_gettime(time.CLOCK_BOOTTIME) - ago)
    assert clock.now() == pytest.approx(expected, abs=1)
    assert AgeClock(*clock.saved()).now() == pytest.approx(expected, abs=1)


def test_an_instant_has_an_age_and_an_age_its_instant() -> None:
    clock = AgeClock(100.0)
    before = time.monotonic() - 7
    assert clock.at(before) == pytest.approx(93, abs=1)
    assert clock.monotonic(clock.at(before)) == pytest.approx(before, abs=1)
