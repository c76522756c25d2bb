"""The CPU backend for TFLite files with the real LiteRT."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from backends.artifact import Artifact
from backends.contract import ArtifactError, Device, EngineError
from backends.litert import LiteRT, Options
from backends.models.resolve import open_artifact
from backends.testing.conformance import BackendConformance
from backends.testing.driver import Driven
from backends.tflite.engine import TFLiteEngine
from tests.contract.backends.coral_worker import (
    EDGETPU,
    HEIGHT,
    LITERT,
    WIDTH,
    Chips,
    artifact,
    detector,
    expected,
)
from tests.support import tiny_tflite

pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed (pip install 'vedette[edgetpu]')")
MODELS = Path(__file__).parents[3].parent / "shared/data/models"
CPU = Device("cpu", "cpu")
IMAGE = np.zeros((HEIGHT, WIDTH, 3), np.uint8)


class TestConformance(BackendConformance):
    """The contract, kept by the CPU twin of the tiny detector."""

    backend = "litert"
    entry_point = LITERT.entry_point
    runs = 100

    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path) -> None:
        self.made = detector(tmp_path, compiled=False)

    def artifact(self) -> Artifact:
        return self.made


class TestEdgeTpuConformance(BackendConformance):
    """The contract, kept by the Edge TPU backend on the double: nothing of a real chip is proven."""

    backend = "edgetpu"
    entry_point = EDGETPU.entry_point
    runs = 100

    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.chips = Chips(tmp_path / "machine")
        self.chips.mode.write_text("ok")
        for key, value in self.chips.environment.items():
            monkeypatch.setenv(key, value)
        self.made = detector(tmp_path)

    def artifact(self) -> Artifact:
        return self.made

    def make_runs_fail(self) -> bool:
        self.chips.mode.write_text("fail")
        return True


def engine(model: Artifact) -> TFLiteEngine:
    return LiteRT().load(model, CPU, Options(threads=1), lambda *_: None)


def test_the_twin_finds_what_the_chip_finds(tmp_path: Path) -> None:
    with Driven(LITERT, {}) as worker:
        ready = worker.load(detector(tmp_path, compiled=False), {"threads": 2}, None)
        (rows,) = worker.run([IMAGE], 5)
        assert worker.leave() == 0
    np.testing.assert_allclose(rows, expected(), atol=WIDTH / 255)
    assert (ready["info"]["device"], ready["info"]["exclusive"]) == ("cpu", False)
    assert ready["info"]["notes"] == ["2 threads"]


def test_a_table_without_rows_is_an_answer(tmp_path: Path) -> None:
    """Of an output whose size is known only after a run; the runtime gives none of no elements."""
    path = tmp_path / "bright.tflite"
    path.write_bytes(tiny_tflite.bright(HEIGHT, WIDTH))
    path.with_suffix(".yaml").write_text("family: boxes\nlabels: [bright]\n")
    image = IMAGE.copy()
    image[2, 3, 1] = 200
    found = np.array([[0, 0, 2 * WIDTH, 3 * HEIGHT, 1, 0]])
    with Driven(LITERT, {}) as worker:
        worker.load(open_artifact(path), {}, None)
        for given, rows in ((IMAGE, found[:0]), (image, found), (IMAGE, found[:0])):
            np.testing.assert_array_equal(worker.run([given], 5)[0], rows)


def test_a_compiled_file_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with Driven(LITERT, {}) as worker:
        message = worker.load(detector(tmp_path), {}, None, "refused")
    assert message["text"] == "tiny_edgetpu.tflite is compiled for the Edge TPU and runs nowhere else"


def test_a_compiled_file_that_was_taken_for_a_plain_one(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"tiny_edgetpu.tflite: ai-edge-litert cannot run it: .*edgetpu-custom-op"):
        engine(replace(detector(tmp_path), format="tflite"))


def data(name: str) -> Path:
    if not (MODELS / name).exists():
        pytest.skip(f"{name} is not in ../shared/data/models")
    return MODELS / name


@pytest.mark.data
def test_a_classifier_runs_and_no_head_takes_it() -> None:
    model = artifact(data("mobilenet_v1_0.25_128_quant.tflite"), kind="tflite", height=128, width=128)
    with Driven(LITERT, {}) as worker:
        message = worker.load(model, {}, None, "error")
    assert "MobilenetV1/Predictions/Reshape_1" in message["text"]
    loaded = engine(model)
    picture = np.random.default_rng(3).integers(0, 256, (128, 128, 3), np.uint8)
    (found,) = loaded.run(picture)
    (output,) = loaded.info.outputs
    assert (output.shape, output.dtype, output.scale, output.zero_point) == ((1, 1001), "uint8", 1 / 256, 0)
    assert 0.5 < found.sum() / 256 < 1.1  # they are probabilities, most of them too small for eight bits
    again = loaded.run(255 - picture)[0]
    assert not np.array_equal(found, again)  # and the first answer was not overwritten


@pytest.mark.data
def test_several_inputs_are_refused_by_name() -> None:
    model = artifact(data("traffic_model.tflite"), kind="tflite", height=256, width=256)
    with pytest.raises(ArtifactError, match="a detector has one input, this has 3: normalized_input_image_tensor, raw"):
        engine(model)


@pytest.mark.data
def test_channels_first_in_int8() -> None:
    model = artifact(
        data("yolox_nano_mask3_only_int8_quantize.tflite"),
        kind="tflite", height=416, width=416, layout="NCHW", dtype="int8",
    )  # fmt: skip
    (found,) = engine(model).run(np.full((416, 416, 3), 114, np.uint8))
    assert (found.shape, found.dtype) == ((1, 3549, 8), np.int8)


@pytest.mark.data
def test_a_file_without_a_picture_as_input() -> None:
    model = artifact(data("model_invoking_error.tflite"), kind="tflite")
    with pytest.raises(ArtifactError, match=r"its input is \[1, 3\]"):
        engine(model)


def plain(folder: Path, given: tiny_tflite.Tensor, **spec: object) -> Artifact:
    content = tiny_tflite.boxes(given, [(0.2, 0.2, 1, 1, 0.8, 0)], compiled=False)
    return artifact(folder / "plain.tflite", content, "boxes", "tflite", **spec)


def test_an_open_batch_becomes_one(tmp_path: Path) -> None:
    given = tiny_tflite.Tensor("image", (3, HEIGHT, WIDTH, 3), "uint8", 1 / 255, 0, open_batch=True)
    (found,) = engine(plain(tmp_path, given)).run(IMAGE)
    np.testing.assert_allclose(found[0, 0], [0.2, 0.2, 1, 1, 0.8, 0], rtol=1e-6)


@pytest.mark.parametrize(
    ("shape", "spec", "text"),
    [
        ((2, HEIGHT, WIDTH, 3), {}, r"its input is \[2, 32, 48, 3\], the sidecar or metadata says \[1, 32, 48, 3\]"),
        ((1, HEIGHT, WIDTH, 3), {"width": 64}, r"says \[1, 32, 64, 3\]"),
        ((1, HEIGHT, WIDTH, 3), {"layout": "NCHW"}, r"says \[1, 3, 32, 48\]"),
        ((1, HEIGHT, WIDTH), {}, r"its input is \[1, 32, 48\]"),
    ],
)
def test_an_input_of_another_shape(tmp_path: Path, shape: tuple[int, ...], spec: dict, text: str) -> None:
    with pytest.raises(ArtifactError, match=text):
        engine(plain(tmp_path, tiny_tflite.Tensor("image", shape), **spec))


@pytest.mark.parametrize("content", [b"", b"TFL3" * 20, b"\x1c\0\0\0TFL3" + bytes(50)])
def test_a_file_that_is_no_model(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "broken.tflite").write_bytes(content)
    with pytest.raises(ArtifactError, match=r"broken.tflite: ai-edge-litert cannot run it"):
        engine(artifact(tmp_path / "broken.tflite", kind="tflite"))


def test_an_odd_input_range_is_noted(tmp_path: Path) -> None:
    given = tiny_tflite.image(HEIGHT, WIDTH, "int8", (0.0186, -14))
    assert "state input.mean and input.std" in engine(plain(tmp_path, given)).info.notes[-1]


def test_a_closed_engine_says_so(tmp_path: Path) -> None:
    loaded = engine(detector(tmp_path, compiled=False))
    loaded.close()
    loaded.close()
    with pytest.raises(EngineError, match="it is closed"):
        loaded.run(IMAGE)
