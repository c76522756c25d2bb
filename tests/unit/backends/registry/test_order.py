"""Which backends are tried for a model, in which order."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends.artifact import Artifact, Format, InputSpec
from backends.contract import BackendUnavailable
from backends.registry import Registered
from backends.registry.order import CHIPS, READS, no_fallback, rungs

KNOWN = {name: Registered(name, f"m:{name}", "") for name in ("edgetpu", "hailo", "litert", "openvino", "tensorrt")}


def file(kind: Format, name: str = "x") -> Artifact:
    spec = InputSpec(64, 64, "NCHW", "float32")
    return Artifact(name, Path(f"{name}.{kind}"), kind, "0" * 64, "boxes", spec, ("thing",))


def names(order: tuple[str, ...], *kinds: Format) -> list[str]:
    return [rung.program.name for rung in rungs(KNOWN, order, [file(kind) for kind in kinds])]


@pytest.mark.parametrize(
    ("order", "kinds", "expected"),
    [
        (("auto",), ("onnx",), ["tensorrt", "hailo", "openvino"]),
        (("auto",), ("edgetpu", "tflite"), ["edgetpu", "hailo", "litert", "openvino"]),
        (("auto",), ("openvino",), ["hailo", "openvino"]),
        (("openvino", "edgetpu"), ("edgetpu", "tflite"), ["openvino", "edgetpu"]),
        (("edgetpu",), ("edgetpu", "tflite"), ["edgetpu"]),
        (("edgetpu", "auto"), ("edgetpu", "onnx"), ["edgetpu", "tensorrt", "hailo", "openvino"]),
    ],
)
def test_the_order(order: tuple[str, ...], kinds: tuple[Format, ...], expected: list[str]) -> None:
    assert names(order, *kinds) == expected


@pytest.mark.parametrize(
    ("fps", "expected"),
    [
        ({"litert": 30.0, "openvino": 40.0}, ["edgetpu", "hailo", "openvino", "litert"]),
        ({"litert": 50.0, "openvino": 40.0}, ["edgetpu", "hailo", "litert", "openvino"]),
        ({"openvino": 40.0, "edgetpu": 1.0}, ["edgetpu", "hailo", "litert", "openvino"]),
    ],
)
def test_what_was_measured_here_decides_between_those_that_are_no_chip_of_ours(
    fps: dict[str, float], expected: list[str]
) -> None:
    found = rungs(KNOWN, ("auto",), [file("edgetpu"), file("tflite")], fps)
    assert [rung.program.name for rung in found] == expected


def test_each_rung_has_the_files_it_reads_in_their_order() -> None:
    found = rungs(KNOWN, ("auto",), [file("edgetpu"), file("onnx"), file("tflite")])
    assert {r.program.name: [a.format for a in r.artifacts] for r in found} == {
        "tensorrt": ["onnx"],
        "edgetpu": ["edgetpu"],
        "hailo": ["edgetpu", "onnx", "tflite"],  # nobody knows what a stranger reads
        "litert": ["tflite"],
        "openvino": ["onnx", "tflite"],
    }
    assert [r.program.name for r in found if r.expected] == ["edgetpu", "openvino"]


@pytest.mark.parametrize(
    ("order", "kinds", "message"),
    [
        (("nope",), ("onnx",), "backend 'nope' is not installed (installed: edgetpu, hailo"),
        (("edge-tpu", "openvin"), ("onnx",), "'edge-tpu' is not installed; did you mean edgetpu?; backend 'openvin'"),
        (("atuo",), ("onnx",), "backend 'atuo' is not installed; did you mean auto? (installed: "),
        (("edgetpu",), ("onnx",), "no backend runs x.onnx (onnx) (tried: edgetpu"),
    ],
)
def test_what_cannot_be_is_said(order: tuple[str, ...], kinds: tuple[Format, ...], message: str) -> None:
    with pytest.raises(BackendUnavailable) as caught:
        names(order, *kinds)
    assert message in str(caught.value)


def test_one_that_cannot_be_started_is_said_where_it_was_asked_for() -> None:
    broken = {**KNOWN, "hailo": Registered("hailo", "m:h", "", error="hailo.yaml:1:1: nonsense")}
    with pytest.raises(BackendUnavailable, match="nonsense"):
        rungs(broken, ("hailo",), [file("onnx")])
    assert "hailo" not in {rung.program.name for rung in rungs(broken, ("auto",), [file("onnx")])}


@pytest.mark.parametrize(
    ("order", "kinds", "lost"),
    [
        (("auto",), ("edgetpu", "tflite"), False),
        (("edgetpu",), ("edgetpu", "tflite"), True),
        (("edgetpu", "tensorrt"), ("edgetpu", "onnx"), True),
        (("openvino",), ("onnx",), False),
    ],
)
def test_where_nothing_could_take_over(order: tuple[str, ...], kinds: tuple[Format, ...], lost: bool) -> None:
    text = no_fallback(rungs(KNOWN, order, [file(kind) for kind in kinds]))
    assert (text is not None) is lost
    assert text is None or text.startswith("no fallback: x.edgetpu runs on edgetpu only")


def test_what_is_said_of_our_own_backends_is_true() -> None:
    """READS stands in for asking them, so it must say what they would."""
    from backends.edgetpu import EdgeTPU
    from backends.litert import LiteRT
    from backends.openvino import OpenVINO
    from backends.tensorrt import TensorRT

    every: tuple[Format, ...] = ("onnx", "openvino", "tflite", "tensorflow", "edgetpu", "tensorrt")
    for backend in (EdgeTPU(), LiteRT(), OpenVINO(), TensorRT()):
        assert tuple(kind for kind in every if backend.accepts(file(kind)) is None) == READS[backend.name]
    assert set(READS) == {"edgetpu", "litert", "openvino", "tensorrt"}
    assert {kind for kinds in READS.values() for kind in kinds} >= CHIPS
