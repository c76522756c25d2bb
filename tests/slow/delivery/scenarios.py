"""What can happen between a device and those who listen to it."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.slow.delivery.stage import Stage


def broker_killed(stage: Stage, draw: random.Random) -> None:
    time.sleep(draw.uniform(0.8, 1.5))
    stage.lose_broker()
    time.sleep(draw.uniform(1.5, 3.0))
    stage.bring_broker_back()


def broker_frozen(stage: Stage, draw: random.Random) -> None:
    """For longer than the 8 s after which the connection is given up."""
    time.sleep(draw.uniform(0.8, 1.5))
    stage.broker.freeze()
    time.sleep(draw.uniform(9.5, 11.0))
    stage.broker.thaw()
    stage.back()


def device_killed(stage: Stage, draw: random.Random) -> None:
    time.sleep(draw.uniform(0.8, 2.0))
    stage.kill_device()
    time.sleep(draw.uniform(0.1, 1.0))
    stage.start_device()
    stage.back()


def device_killed_in_commit(stage: Stage, draw: random.Random) -> None:
    """At the moment in which the database is seen to grow; of the others, which have none, at any."""
    time.sleep(draw.uniform(0.8, 2.0))
    stage.kill_device_in_commit()
    time.sleep(draw.uniform(0.1, 1.0))
    stage.start_device()
    stage.back()


def both_killed(stage: Stage, draw: random.Random) -> None:
    time.sleep(draw.uniform(0.8, 1.5))
    stage.lose_broker()
    time.sleep(draw.uniform(0.5, 1.5))
    stage.kill_device()
    time.sleep(draw.uniform(0.2, 0.8))
    stage.start_device()
    time.sleep(draw.uniform(0.5, 1.5))
    stage.bring_broker_back()


def network_cut(stage: Stage, draw: random.Random) -> None:
    time.sleep(draw.uniform(0.8, 1.5))
    stage.proxy.refuse()
    time.sleep(draw.uniform(1.0, 3.0))
    stage.proxy.accept()
    stage.back()


def half_open(stage: Stage, draw: random.Random) -> None:
    """The connection stands, and carries nothing."""
    time.sleep(draw.uniform(0.8, 1.5))
    stage.proxy.stall()
    time.sleep(0.1)  # what was under way
    stage.back()
    stage.wait_until_back(40.0)


SCENARIOS: dict[str, Callable[[Stage, random.Random], None]] = {
    "broker killed -9": broker_killed,
    "broker frozen": broker_frozen,
    "device killed -9": device_killed,
    "device killed -9 in a commit": device_killed_in_commit,
    "both killed -9": both_killed,
    "network cut": network_cut,
    "connection half open": half_open,
}
