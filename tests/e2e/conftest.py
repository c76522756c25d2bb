"""Somebody who listens to the whole daemon."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.support.audience import Audience
from tests.support.brokers import BrokerProcess


@pytest.fixture
def listen() -> Iterator[Callable[[BrokerProcess], Audience]]:
    """`listen(broker)`: who hears everything."""
    started: list[Audience] = []

    def start(broker: BrokerProcess) -> Audience:
        started.append(Audience(broker))
        return started[-1]

    yield start
    for audience in started:
        audience.subscriber.stop()
