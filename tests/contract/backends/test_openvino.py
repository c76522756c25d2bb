"""The input encoding that OpenVINO builds into a graph, run by the real runtime."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import backends.openvino
from backends import compile_cache, tuning
from backends.artifact import Artifact, InputSpec
from backends.contract import BackendUnavailable, EngineError
from backends.openvino import OpenVINO, Options, with_encoding
from backends.tflite.quantise import Encoder
from tests.contract.backends.models import boxes_model

openvino = pytest.importorskip("openvino")
ALL = np.arange(256, dtype=np.uint8).reshape(16, 16)
IMAGE = np.stack([ALL, ALL[::-1], ALL ^ 0x55], 2)


def encoded(spec: InputSpec, inner: str, quantised: tuple[float, int], precision: str) -> np.ndarray:
    """What comes to a network whose input is `inner`."""
    from openvino import opset13 as ops

    shape = [1, 3, 16, 16] if spec.layout == "NCHW" else [1, 16, 16, 3]
    given = ops.parameter(shape, np.dtype(inner), name="image")
    model = openvino.Model([ops.result(ops.convert(given, "i32"))], [given], "echo")
    artifact = Artifact("echo", Path("echo.xml"), "openvino", "", "boxes", spec, ("a",), input_quantisation=quantised)
    settings = {"INFERENCE_PRECISION_HINT": precision}
    compiled = openvino.Core().compile_model(with_encoding(model, artifact), "CPU", settings)
    return np.array(compiled(IMAGE[None])[0])


@pytest.mark.parametrize("precision", ["f32", "bf16"])
@pytest.mark.parametrize(("layout", "color"), [("NHWC", "RGB"), ("NCHW", "BGR")])
@pytest.mark.parametrize("dtype", ["uint8", "int8"])
@pytest.mark.parametrize(
    ("mean", "std", "scale", "zero_point"),
    [
        ((0.0,) * 3, (1.0,) * 3, 1 / 255, 0),
        ((0.0,) * 3, (255.0,) * 3, 1 / 255, 0),
        ((0.0,) * 3, (255.0,) * 3, 1 / 255, -128),
        ((127.5,) * 3, (127.5,) * 3, 1 / 64, 0),
        ((127.5,) * 3, (127.5,) * 3, 1 / 64, 128),
        ((123.7, 116.3, 103.5), (58.4, 57.1, 57.4), 0.0186, -14),
        ((120.0, 110.0, 100.0), (2.0, 3.0, 4.0), 0.0, 0),
    ],
)
def test_a_quantised_input_holds_what_litert_puts_there(
    mean: tuple, std: tuple, scale: float, zero_point: int, dtype: str, layout: str, color: str, precision: str
) -> None:
    spec = InputSpec(16, 16, layout, dtype, color=color, mean=mean, std=std)  # type: ignore[arg-type]
    found = encoded(spec, dtype, (scale, zero_point), precision)
    np.testing.assert_array_equal(found, Encoder(spec, dtype, scale, zero_point)(IMAGE))


def test_a_float_input_holds_the_formula() -> None:
    spec = InputSpec(16, 16, "NCHW", "float32", color="BGR", mean=(1.0, 2.0, 3.0), std=(0.5, 0.25, 0.125))
    expected = ((IMAGE[..., ::-1] - np.float64(spec.mean)) / spec.std).transpose(2, 0, 1)[None]
    np.testing.assert_array_equal(encoded(spec, "float32", (0.0, 0), "f32"), expected)


@pytest.mark.parametrize("dtype", ["bf16", "f16", "f64"])
def test_real_outputs_are_float32_and_keep_their_numbers(dtype: str) -> None:
    """NumPy has no bfloat16, and is slow with float16: it cost the head of a YOLO five times as long, or more."""
    from openvino import opset13 as ops

    given = ops.parameter([1, 3, 16, 16], np.float32, name="image")
    model = openvino.Model([ops.result(ops.convert(given, dtype))], [given], "echo")
    artifact = Artifact("echo", Path("echo.xml"), "openvino", "", "boxes", InputSpec(16, 16, "NCHW", "float32"), ("a",))
    compiled = openvino.Core().compile_model(with_encoding(model, artifact), "CPU")
    found = compiled(IMAGE[None])[0]
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, IMAGE.transpose(2, 0, 1)[None].astype(np.float32))


def test_looking_for_the_cpu_loads_no_other_plug_in_and_no_converter() -> None:
    """That of GPUs alone is 15 MB of the worker's memory, the converter 8 MB, and time at each start."""
    code = """
import sys
from pathlib import Path
from backends.openvino import OpenVINO
OpenVINO().probe()
print(*(name for name in sys.modules if name.startswith("openvino.tools.ovc.")))
print(*{line.rpartition("/")[2] for line in Path("/proc/self/maps").read_text().splitlines() if "_plugin" in line})
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    converter, plug_ins = found.stdout.splitlines()
    assert converter == ""
    (plug_in,) = plug_ins.split()
    assert "cpu_plugin" in plug_in


def test_a_package_without_the_cpu_plug_in_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    class Core:
        def get_property(self, device: str, _name: str) -> str:
            return str(openvino.Core().get_property(f"NO-{device}", "FULL_DEVICE_NAME"))

    monkeypatch.setattr(backends.openvino, "_import", lambda: SimpleNamespace(Core=Core))
    with pytest.raises(BackendUnavailable, match=r"no CPU plug-in here: .*not registered"):
        OpenVINO().probe()


def test_a_model_that_could_not_be_measured_serves_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> list[tuning.Measured]:
        raise EngineError("measuring tiny failed: killed by SIGKILL")

    monkeypatch.setattr(tuning, "measure", killed)
    backend = OpenVINO()
    engine = backend.load(boxes_model(tmp_path), backend.probe()[0], Options(), lambda _phase, _done: None)
    engine.close()
    assert engine.info.streams == 1
    expected = "not compared with throughput mode: measuring tiny failed: killed by SIGKILL"
    assert engine.info.notes == ("latency mode", expected)


def test_a_model_is_compiled_once_and_again_where_that_is_damaged_or_another(tmp_path: Path) -> None:
    """OpenVINO would load a damaged blob, and answer with other numbers."""
    artifact = boxes_model(tmp_path, busy=2)
    image = np.full((artifact.input.height, artifact.input.width, 3), (10, 200, 90), np.uint8)

    def answer(artifact: Artifact = artifact, mode: str = "latency") -> np.ndarray:
        backend = OpenVINO()
        engine = backend.load(artifact, backend.probe()[0], Options(mode), lambda _phase, _done: None)
        found = np.array(engine.run(image)[0])
        engine.close()
        return found

    def kept() -> dict[str, int]:
        return {blob.name: blob.stat().st_ino for blob in (tmp_path / "cache").iterdir()}

    expected, made = answer(), kept()
    ((name, _),) = made.items()
    blob = tmp_path / "cache" / name
    artifact.path.with_suffix(".bin").write_bytes(b"")  # read no more
    np.testing.assert_array_equal(answer(), expected)
    assert kept() == made
    boxes_model(tmp_path, busy=2)
    whole = blob.read_bytes()
    at = whole.rindex(np.float32(1e-4).tobytes() * 64)
    foreign = hashlib.sha256(b"of another version").digest() + b"of another version"
    for damaged in (whole[:at] + bytes(64) + whole[at + 64 :], whole[: len(whole) // 2], b"", foreign):
        blob.chmod(0o644)
        blob.write_bytes(damaged)
        np.testing.assert_array_equal(answer(), expected)
        assert blob.read_bytes() != damaged
        assert kept().keys() == made.keys()
    answer(mode="throughput")
    answer(replace(artifact, content="b" * 64))
    brighter = answer(replace(artifact, input=replace(artifact.input, std=(85.0,) * 3)))
    np.testing.assert_allclose(brighter[..., :2], 3 * expected[..., :2], rtol=1e-4)
    assert len(kept()) == 4
    answer(replace(artifact, content="c" * 64))
    assert len(kept()) == 4
    assert name not in kept(), "the oldest makes room"


def test_names_of_outputs_that_the_runtime_does_not_export_are_kept(tmp_path: Path) -> None:
    """It forgets those of tensors that it has merged; a sidecar's `head.outputs` may say one of them."""
    artifact, backend = boxes_model(tmp_path), OpenVINO()

    def names() -> list[str]:
        engine = backend.load(artifact, backend.probe()[0], Options("latency"), lambda _phase, _done: None)
        engine.close()
        return [output.name for output in engine.info.outputs]

    first = names()
    assert names() == first
    (blob,) = (tmp_path / "cache").iterdir()
    _, exported = compile_cache.read(blob) or pytest.fail("damaged")
    compile_cache.keep(blob, b'["forgotten"]\n', exported)
    assert names() == ["forgotten"]


def test_what_it_compiled_needs_no_folder_that_can_be_written(tmp_path: Path) -> None:
    artifact = boxes_model(tmp_path)
    (tmp_path / "cache").touch()
    backend = OpenVINO()
    engine = backend.load(artifact, backend.probe()[0], Options("latency"), lambda _phase, _done: None)
    engine.close()
    assert (tmp_path / "cache").read_bytes() == b""
