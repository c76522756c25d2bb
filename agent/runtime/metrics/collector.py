"""From what the daemon knows of itself to Prometheus' metrics, at the moment somebody asks."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from agent import __version__
from agent.histogram import BOUNDS
from agent.runtime.health import ladders

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from prometheus_client.core import Metric

    from agent.histogram import Histogram
    from agent.publish.mqtt import Publisher
    from agent.publish.payloads import Health
    from agent.runtime.report import Report
    from agent.runtime.view import View

    Times = Mapping[tuple[str, ...], Histogram]


class Daemon(Collector):
    """Read on the thread of whoever asks. What is not known is left out."""

    def __init__(self, report: Report, publisher: Publisher) -> None:
        self._report = report
        self._publisher = publisher

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterator[Metric]:
        now = time.monotonic()
        health, views = self._report.health(now), self._report.views
        yield from self._device(health)
        yield from _cameras(health, views)
        yield from _engines(health, views)
        yield from self._delivery(health)

    def _device(self, health: Health) -> Iterator[Metric]:
        yield _gauge("vedette_info", "What runs here", ("version", "device"), [((__version__, health.device), 1)])
        yield _gauge("vedette_uptime_seconds", "Since the daemon's start", (), [((), health.uptime)])
        yield _gauge("vedette_resident_memory_bytes", "Of the daemon, without its workers", (), [((), health.rss)])
        yield _gauge("vedette_temperature_celsius", "The hottest zone", (), [((), health.temperature)])
        yield _gauge("vedette_throttled", "1 while the board is slowed down", (), [((), health.throttled)])
        alerts = [((a["code"], a["subject"], a["severity"]), 1.0) for a in health.alerts]
        yield _gauge("vedette_alert", "1 for each that is raised", ("code", "subject", "severity"), alerts)

    def _delivery(self, health: Health) -> Iterator[Metric]:
        mqtt, outbox = health.mqtt, health.outbox
        yield _gauge("vedette_mqtt_connected", "1 while connected to the broker", (), [((), self._publisher.connected)])
        yield _counter("vedette_mqtt_connects", "Sessions opened", (), [((), mqtt.connects)])
        sent = {"live": mqtt.sent, "retained": mqtt.retained, "event": mqtt.events, "snapshot": mqtt.snapshots}
        yield _counter("vedette_mqtt_messages", "By kind", ("kind",), _by(sent))
        yield _counter(
            "vedette_mqtt_dropped", "Live messages nobody could take, by cause", ("cause",), _by(mqtt.dropped)
        )
        yield _counter("vedette_mqtt_rejected", "By the broker's reason", ("reason",), _by(mqtt.rejected))
        yield _counter("vedette_events_lost", "Events that will never come, by cause", ("cause",), _by(mqtt.missed))
        if outbox is not None:
            yield _gauge("vedette_outbox_events", "Not answered by the broker", (), [((), outbox.depth)])
            yield _gauge("vedette_outbox_bytes", "Of those", (), [((), outbox.bytes)])
            yield _gauge("vedette_outbox_oldest_age_seconds", "Of the oldest of them", (), [((), outbox.age)])


def _cameras(health: Health, views: Mapping[str, View]) -> Iterator[Metric]:
    label = ("camera",)
    seen = [(views[name], camera) for name, camera in health.cameras.items() if name in views]

    def of(value: Any) -> list[tuple[tuple[str, ...], Any]]:
        return [((view.lane.camera,), value(view, camera)) for view, camera in seen]

    yield _gauge("vedette_camera_up", "1 while pictures come", label, of(lambda _, c: c.status == "online"))
    yield _gauge("vedette_camera_frame_age_seconds", "Since the last frame", label, of(lambda _, c: c.frame_age))
    yield _gauge("vedette_camera_inference_age_seconds", "Since the last look", label, of(lambda _, c: c.inference_age))
    yield _counter("vedette_camera_frames", "Decoded", label, of(lambda v, _: v.camera.frames))
    yield _counter("vedette_camera_inferred_frames", "Looked at", label, of(lambda v, _: v.lane.inferred))
    yield _counter("vedette_camera_inferences", "Runs of the engine", label, of(lambda v, _: v.lane.inferences))
    yield _counter("vedette_camera_reconnects", "Of its source", label, of(lambda v, _: v.camera.reconnects))
    yield _counter("vedette_camera_published", "Messages of detections", label, of(lambda v, _: v.published))
    drops = [((view.lane.camera, cause), n) for view, c in seen for cause, n in c.drops.items()]
    yield _counter("vedette_camera_dropped_frames", "Not looked at, by cause", ("camera", "cause"), drops)
    latencies: Times = {(view.lane.camera,): view.latency for view, _ in seen}
    yield _histogram("vedette_camera_latency_seconds", "From capture to the answer", label, latencies)


def _engines(health: Health, views: Mapping[str, View]) -> Iterator[Metric]:
    states = [((name, engine.state), 1.0) for name, engine in health.engines.items()]
    yield _gauge("vedette_engine_state", "1 for the state it is in", ("engine", "state"), states)
    restarts = [((name,), engine.restarts) for name, engine in health.engines.items()]
    yield _counter("vedette_engine_restarts", "Of its worker", ("engine",), restarts)
    rungs = [rung for ladder in ladders(views.values()) for rung in ladder.rungs]
    times: Times = {(rung.spec.id,): rung.counters.inference for rung in rungs}
    yield _histogram("vedette_engine_inference_seconds", "Of one run", ("engine",), times)


def _by(values: Mapping[str, int]) -> list[tuple[tuple[str, ...], float]]:
    return [((name,), number) for name, number in values.items()]


def _gauge(name: str, text: str, labels: tuple[str, ...], rows: Any) -> Metric:
    return _filled(GaugeMetricFamily(name, text, labels=labels), rows)


def _counter(name: str, text: str, labels: tuple[str, ...], rows: Any) -> Metric:
    return _filled(CounterMetricFamily(name, text, labels=labels), rows)


def _filled(family: Any, rows: Iterable[tuple[tuple[str, ...], float | bool | None]]) -> Metric:
    for labels, value in rows:
        if value is not None:
            family.add_metric(labels, float(value))
    metric: Metric = family
    return metric


def _histogram(name: str, text: str, labels: tuple[str, ...], found: Times) -> HistogramMetricFamily:
    family = HistogramMetricFamily(name, text, labels=labels)
    bounds = [*(f"{bound:g}" for bound in BOUNDS), "+Inf"]
    for values, histogram in found.items():
        counts = [float(n) for n in histogram.cumulative()]
        family.add_metric(values, list(zip(bounds, counts, strict=True)), histogram.total)
    return family
