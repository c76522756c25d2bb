"""For how long the detections of a camera are asked for."""

from __future__ import annotations

from agent.publish.leases import Leases


def test_a_lease_ends_and_a_shorter_one_takes_nothing_away() -> None:
    leases = Leases()
    assert not leases.active("yard", 0.0)
    assert leases.grant("yard", 60, 0.0) == 60
    assert leases.grant("yard", 10, 20.0) == 40
    assert leases.active("yard", 59.9)
    assert not leases.active("yard", 60.0)
    assert not leases.active("hall", 1.0)


def test_all_means_every_camera_and_zero_ends_it() -> None:
    leases = Leases()
    leases.grant("all", 30, 0.0)
    assert leases.active("hall", 1.0)
    assert leases.grant("all", 0, 2.0) == 0
    assert not leases.active("hall", 2.0)
