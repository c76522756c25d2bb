"""What the doctor makes of what backends say. That they say it, the backends' own tests prove."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.tools.doctor.engines import runners, told
from backends.artifact import Artifact, InputSpec
from backends.contract import Device
from backends.registry.survey import Report, Survey

CPU = Device("cpu", "CPU", {})


def survey(name: str, status: str = "available", refusals: tuple[str | None, ...] = (), remarks: str = "") -> Survey:
    devices = (Device("cpu", "CPU", {"remarks": remarks} if remarks else {}),) if status == "available" else ()
    return Survey(Report(name, "vedette 1", status, "" if devices else "no reason", "a hint", devices), refusals)


def file(path: str, kind: str) -> Artifact:
    spec = InputSpec(320, 320, "NHWC", "uint8")
    return Artifact(Path(path).stem, Path(path), kind, "0" * 64, "ssd", spec, ("person",))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("status", "wanted", "present", "state"),
    [
        ("available", "auto", False, "ok"),
        ("unavailable", "auto", False, "skipped"),
        ("unavailable", "auto", True, "warning"),
        ("unavailable", "edgetpu", False, "failed"),
        ("broken", "auto", False, "warning"),
        ("broken", "edgetpu", True, "failed"),
    ],
)
def test_a_backend_that_is_not_there_matters_if_it_should_be(
    status: str, wanted: str, present: bool, state: str
) -> None:
    finding = told(survey("edgetpu", status), {wanted}, present=present)
    assert finding.state == state
    assert finding.text == "edgetpu: " + ("cpu (CPU)" if status == "available" else "no reason")


def test_a_remark_is_a_warning() -> None:
    assert told(survey("edgetpu", remarks="usb:2-1 runs at 480 Mbit/s"), {"auto"}, present=True).state == "warning"


def test_which_backends_run_a_model_in_any_of_its_files() -> None:
    files = [("cat", file("cat.onnx", "onnx")), ("cat", file("cat_edgetpu.tflite", "edgetpu"))]
    surveys = [
        survey("openvino", refusals=(None, "no")),
        survey("edgetpu", refusals=("no", None)),
        survey("tensorrt", "broken"),
    ]
    assert [finding.text for finding in runners(files, surveys)] == ["cat runs on openvino, edgetpu"]


def test_a_model_that_nothing_runs() -> None:
    files = [("cat", file("cat_edgetpu.tflite", "edgetpu")), ("dog", file("dog.onnx", "onnx"))]
    surveys = [survey("openvino", refusals=(None, "too many dimensions")), survey("own", refusals=("not mine", None))]
    cat, dog = runners(files, surveys)
    assert (cat.state, cat.text) == ("failed", "nothing here runs cat: own: not mine")
    assert (dog.state, dog.text) == ("ok", "dog runs on own")
    (alone,) = runners(files[:1], [survey("openvino", "unavailable")])
    assert alone.text == "nothing here runs cat: no backend that reads its files is available"
