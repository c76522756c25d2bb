"""What Prometheus is told: over real HTTP, read by Prometheus' own parser."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import threading
import time
import urllib.request
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from agent.histogram import BOUNDS, Histogram
from agent.publish.counters import Counters
from agent.publish.payloads import CameraHealth, EngineHealth, Health, OutboxHealth
from agent.runtime.metrics.collector import Daemon
from agent.runtime.metrics.listening import Metrics
from agent.runtime.metrics.server import AT_ONCE, PATIENCE_S, Server

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ODD = 'a "quoted"\\ label\nof two lines'


def report() -> Any:
    """What the collector reads, with a camera and an engine of each kind of number."""
    latency = Histogram()
    for seconds in (0.004, 0.2, 60.0):
        latency.observe(seconds)
    counters = Counters(sent=5, connects=2)
    counters.rejected[ODD] += 1
    health = Health(
        device="gate",
        boot_id="9f1c",
        at=1.7e9,
        synced=True,
        uptime=12.5,
        cameras={"yard": CameraHealth("online", 0.1, None, 25.0, 5.0, {"busy": 3})},
        engines={"openvino-person": EngineHealth("serving", 5.0, 9.0, 1, {})},
        mqtt=counters,
        rss=94_000_000,
        load=(0.1, 0.1, 0.1),
        temperature=None,
        throttled=False,
        outbox=OutboxHealth(3, 1.5, 900),
        alerts=[{"code": "thermal", "subject": "device", "severity": "warning", "text": "hot"}],
    )
    rung = SimpleNamespace(spec=SimpleNamespace(id="openvino-person"), counters=SimpleNamespace(inference=latency))
    view = SimpleNamespace(
        lane=SimpleNamespace(camera="yard", inferred=7, inferences=9),
        camera=SimpleNamespace(frames=100, reconnects=1),
        published=6,
        latency=latency,
        dispatcher=SimpleNamespace(ladder=SimpleNamespace(rungs=(rung,))),
    )
    return SimpleNamespace(health=lambda _: health, views={"yard": view})


PUBLISHER: Any = SimpleNamespace(connected=True)


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server(("127.0.0.1", 0), Daemon(report(), PUBLISHER))
    yield found
    found.stop()


def scraped(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        text: str = answer.read().decode()
    return text


def test_a_scrape_is_understood_and_says_what_health_says(server: Server) -> None:
    families = {family.name: family for family in text_string_to_metric_families(scraped(server.port))}
    values = {(sample.name, *sample.labels.values()): sample.value for f in families.values() for sample in f.samples}
    assert values["vedette_camera_up", "yard"] == 1
    assert values["vedette_camera_frames_total", "yard"] == 100
    assert values["vedette_camera_dropped_frames_total", "yard", "busy"] == 3
    assert values["vedette_engine_restarts_total", "openvino-person"] == 1
    assert values["vedette_outbox_events",] == 3
    assert values["vedette_alert", "thermal", "warning", "device"] == 1
    assert values["vedette_mqtt_rejected_total", ODD] == 1
    assert "vedette_temperature_celsius" not in {name for name, *_ in values}, "what is not known is not 0"
    assert values["vedette_camera_latency_seconds_count", "yard"] == 3
    assert values["vedette_camera_latency_seconds_bucket", "yard", "0.2"] == 2
    assert all(name.startswith("vedette_") for name in families)


def test_promtool_finds_no_fault(server: Server) -> None:
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed (apt install prometheus)")
    done = subprocess.run(
        ["promtool", "check", "metrics"],
        input=scraped(server.port),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_other_paths_and_words_are_turned_down(server: Server) -> None:
    with pytest.raises(urllib.error.HTTPError, match="404") as caught:
        urllib.request.urlopen(f"http://127.0.0.1:{server.port}/etc/passwd", timeout=10)
    caught.value.close()
    with socket.create_connection(("127.0.0.1", server.port), 10) as asker:
        asker.sendall(b"\x16\x03\x01 nonsense\r\n\r\n")
        assert b"400" in asker.recv(4096)
    assert scraped(server.port)


@contextlib.contextmanager
def connections(server: Server, number: int) -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as opened:
        yield [opened.enter_context(socket.create_connection(("127.0.0.1", server.port), 10)) for _ in range(number)]


def scraped_in_time(server: Server, slow: Sequence[socket.socket] = ()) -> bytes:
    """Asked for until it is answered. slow: send a byte before each time."""
    deadline = time.monotonic() + 5 * PATIENCE_S
    while True:
        for each in slow:
            with contextlib.suppress(OSError):
                each.sendall(b"G")
        try:
            return scraped(server.port)
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.2)


def test_a_hundred_who_say_nothing_do_not_keep_it_for_long(server: Server) -> None:
    before = threading.active_count()
    with connections(server, 100):
        time.sleep(0.3)
        assert threading.active_count() - before <= AT_ONCE
        assert scraped_in_time(server)


def test_those_who_send_a_byte_now_and_then_are_not_waited_for(server: Server) -> None:
    with connections(server, AT_ONCE) as slow:
        assert scraped_in_time(server, slow)


def test_a_thread_that_cannot_be_had_keeps_no_place(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", none_left)
        for _ in range(2 * AT_ONCE):
            with pytest.raises(OSError, match=r"reset|closed|without response"):
                scraped(server.port)
    assert scraped(server.port)


def test_an_address_that_is_taken_is_told_and_tried_again() -> None:
    taken = socket.create_server(("127.0.0.1", 0))
    port = taken.getsockname()[1]
    metrics = Metrics(report(), PUBLISHER)
    try:
        assert not metrics.turn(0.0, None)
        ((subject, fault),) = metrics.turn(1.0, ("127.0.0.1", port)).items()
        assert subject.code == "metrics"
        assert str(port) in fault.text
        taken.close()
        assert not metrics.turn(200.0, ("127.0.0.1", port))
        assert scraped(port)
        assert not metrics.turn(201.0, None)
        with pytest.raises(OSError, match="refused"):
            scraped(port)
    finally:
        metrics.stop()
        taken.close()


@given(st.lists(st.floats(0, 100)))
def test_buckets_are_cumulative_and_hold_all(durations: list[float]) -> None:
    histogram = Histogram()
    for seconds in durations:
        histogram.observe(seconds)
    counts = histogram.cumulative()
    assert counts == [sum(s <= bound for s in durations) for bound in BOUNDS] + [len(durations)]
    assert histogram.total == pytest.approx(sum(durations))
