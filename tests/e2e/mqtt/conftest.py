"""A publisher under test and a subscriber who hears everything, over whichever broker."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest

from agent.config.model import MqttConfig
from agent.publish.mqtt import Publisher
from tests.support.audience import DEVICE
from tests.support.brokers import HOST, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def publisher() -> Iterator[Callable[..., Publisher]]:
    """`publisher(port, **config)` starts one; `tick` is called for it as the daemon does."""
    made: list[Publisher] = []
    ended = threading.Event()

    def tick() -> None:
        while not ended.wait(0.5):
            for each in made:
                each.tick(time.monotonic())

    def start(port: int, *, host: str = HOST, protocol: int = 5, **config: object) -> Publisher:
        made.append(Publisher(MqttConfig(host=host, port=port, **config), DEVICE, protocol=protocol))
        made[-1].start()
        return made[-1]

    ticker = threading.Thread(target=tick)
    ticker.start()
    yield start
    for each in made:
        each.stop(0.5)
    ended.set()
    ticker.join()
    for each in made:
        wait_for(lambda each=each: not each._thread.is_alive(), 8, "the network thread has not ended")
