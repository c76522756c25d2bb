"""The public conformance suite: it passes on backends that keep the contract, and finds each way to break it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from backends.testing.conformance import BackendConformance
from backends.testing.model import boxes_model
from tests.contract.backends import models

if TYPE_CHECKING:
    from collections.abc import Callable

    from backends.artifact import Artifact


class TestFake(BackendConformance):
    """An engine that does as it should, with two streams."""

    backend = "fake"
    entry_point = "backends.testing.fake:Fake"
    runs = 100

    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.script = tmp_path / "script.json"
        self.tell(streams=2)
        monkeypatch.setenv("VEDETTE_FAKE", str(self.script))
        self.made = boxes_model(tmp_path)

    def tell(self, **script: Any) -> None:
        self.script.write_text(json.dumps(script))

    def artifact(self) -> Artifact:
        return self.made

    def make_runs_fail(self) -> bool:
        self.tell(streams=2, run="retriable")
        return True


class TestOpenVINO(BackendConformance):
    """A real runtime."""

    backend = "openvino"
    runs = 100

    options: ClassVar[dict[str, Any]] = {"mode": "latency", "threads": 1}

    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path) -> None:
        self.made = models.boxes_model(tmp_path)

    def artifact(self) -> Artifact:
        return self.made


class Suite(TestFake):
    """Driven by hand below, so that its failures can be looked at; not collected by this name."""

    __test__ = False


FAULTS: list[tuple[dict[str, Any], Callable[[Suite], object], str]] = [
    ({"probe": "abort"}, Suite.test_probe_answers_with_devices_or_a_reason_and_a_hint, "killed by SIGABRT"),
    ({"probe": "raise"}, Suite.test_probe_answers_with_devices_or_a_reason_and_a_hint, "probe raises RuntimeError"),
    ({"devices": []}, Suite.test_probe_answers_with_devices_or_a_reason_and_a_hint, "probe returns"),
    ({"devices": ["a", "a"]}, Suite.test_probe_answers_with_devices_or_a_reason_and_a_hint, "two devices have one id"),
    (
        {"formats": ["onnx", "openvino", "tflite", "tensorflow", "edgetpu", "tensorrt"]},
        Suite.test_takes_its_model_and_refuses_other_formats_in_one_sentence,
        "it accepts every format",
    ),
    (
        {"refuse": "no"},
        Suite.test_takes_its_model_and_refuses_other_formats_in_one_sentence,
        "its own model|suite's own",
    ),
    ({"lie": "dtype"}, Suite.test_runs_return_what_info_says_and_leave_the_image_alone, "info says float32"),
    ({"lie": "shape"}, Suite.test_runs_return_what_info_says_and_leave_the_image_alone, r"\(1, 1, 5\); info says"),
    ({"lie": "count"}, Suite.test_runs_return_what_info_says_and_leave_the_image_alone, "info says float32"),
    ({"change": True}, Suite.test_runs_return_what_info_says_and_leave_the_image_alone, "changes the image"),
    ({"keep": True}, Suite.test_runs_return_what_info_says_and_leave_the_image_alone, "keeps images"),
    ({"noise": True}, Suite.test_runs_return_what_info_says_and_leave_the_image_alone, "same image in two ways"),
    ({"run": "raise"}, Suite.test_runs_return_what_info_says_and_leave_the_image_alone, "which is not an EngineError"),
    ({"run": "pause", "deadline": 0.5}, Suite.test_runs_return_what_info_says_and_leave_the_image_alone, "in time"),
    ({"run": "segv"}, Suite.test_runs_return_what_info_says_and_leave_the_image_alone, "ended with code -11"),
    ({"telemetry": {"t": "hot"}}, Suite.test_runs_return_what_info_says_and_leave_the_image_alone, "not numbers"),
    ({"telemetry": "raise"}, Suite.test_runs_return_what_info_says_and_leave_the_image_alone, "telemetry raises"),
    ({"telemetry": "slow:0.6"}, Suite.test_runs_return_what_info_says_and_leave_the_image_alone, "telemetry takes 0.6"),
    ({"noise": True, "streams": 2}, Suite.test_calls_that_overlap_are_answered_as_single_ones, "in two ways"),
    ({"open": "raise"}, Suite.test_can_be_loaded_again_in_the_same_worker, "load raises RuntimeError"),
    ({"close": "raise"}, Suite.test_is_closed_twice_without_harm, "ended with code 1:"),
    ({"close": "exit:9"}, Suite.test_is_closed_twice_without_harm, "ended with code 9:"),
    ({"leak": 400_000}, Suite.test_nothing_grows, r"MB larger"),
    ({"leak_fds": 1}, Suite.test_nothing_grows, "100 runs left 100 descriptors"),
]


@pytest.mark.parametrize(("script", "check", "complaint"), FAULTS, ids=lambda v: str(v) if isinstance(v, dict) else "")
def test_each_breach_is_found(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    script: dict[str, Any],
    check: Callable[[Suite], object],
    complaint: str,
) -> None:
    suite = make(tmp_path, monkeypatch, script)
    try:
        with pytest.raises(AssertionError, match=complaint):
            check(suite)
    finally:
        suite.teardown_method()


@pytest.mark.parametrize("exclusive", [True, False])
def test_a_device_for_one_process_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exclusive: bool) -> None:
    suite = make(tmp_path, monkeypatch, {"exclusive": f"{tmp_path}/lock-"} if exclusive else {})
    try:
        suite.test_a_second_process_is_served_or_told()
    finally:
        suite.teardown_method()


def test_without_a_device_the_reason_is_told_and_the_rest_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite = make(tmp_path, monkeypatch, {"probe": "unavailable"})
    suite.test_probe_answers_with_devices_or_a_reason_and_a_hint()
    with pytest.raises(pytest.skip.Exception, match="the fake device is gone at probe"):
        suite.test_nothing_grows()
    suite.teardown_method()


def test_garbage_on_stdout_harms_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    suite = make(tmp_path, monkeypatch, {"probe": "garbage", "open": "garbage", "run": "garbage", "streams": 2})
    try:
        suite.test_calls_that_overlap_are_answered_as_single_ones()
        suite.test_is_closed_twice_without_harm()
    finally:
        suite.teardown_method()


def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: dict[str, Any]) -> Suite:
    class Fresh(Suite):  # the suite remembers its survey by class
        script = tmp_path / "script.json"
        made = boxes_model(tmp_path)

    monkeypatch.setenv("VEDETTE_FAKE", str(Fresh.script))
    suite = Fresh()
    suite.tell(**script)
    suite.setup_method()
    return suite
