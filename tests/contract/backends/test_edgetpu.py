"""The Edge TPU backend in its real worker, with the real LiteRT and a double of libedgetpu (edgetpu_double.c).

Not proven: anything of a real chip, of USB, of the real library's binary interface and of its speed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from backends.artifact import Artifact
from backends.protocol import PROBE_SECONDS
from backends.testing.driver import Driven
from tests.contract.backends.coral_worker import FOUND, HEIGHT, WIDTH, Chips, artifact, detector, expected
from tests.support import coral_tree, tiny_tflite

pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed (pip install 'vedette[edgetpu]')")
MODELS = Path(__file__).parents[3].parent / "shared/data/models"
IMAGE = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
ANSWERS = ("ready", "refused", "unavailable", "error")


@pytest.fixture
def chips(tmp_path: Path) -> Chips:
    return Chips(tmp_path / "machine")


@pytest.fixture
def model(tmp_path: Path) -> Artifact:
    return detector(tmp_path)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Chips, Driven]]:
    """One machine and worker for all tests that do it no harm."""
    chips = Chips(tmp_path_factory.mktemp("shared") / "machine")
    with chips.worker() as worker:
        yield chips, worker
        assert worker.leave() == 0


@pytest.fixture
def served(shared: tuple[Chips, Driven]) -> Driven:
    chips, worker = shared
    chips.mode.write_text("ok")
    return worker


def text_of(message: dict) -> str:
    return message.get("text") or f"{message['reason']} ({message['hint']})"


def test_what_the_chip_finds_is_what_comes_back(shared: tuple[Chips, Driven], served: Driven, model: Artifact) -> None:
    ready = served.load(model, {}, None)
    (rows,) = served.run([IMAGE], 5)
    np.testing.assert_allclose(rows, expected(), atol=WIDTH / 255)
    info = ready["info"]
    assert (info["device"], info["exclusive"], info["deadline"], info["streams"]) == ("usb:2-1", True, 1.0, 1)
    assert "RuntimeVersion(14), ai-edge-litert " in info["version"]
    assert shared[0].asked() == {"device": "usb:0"}


@pytest.mark.parametrize(("dtype", "color"), [("uint8", "RGB"), ("int8", "RGB"), ("int8", "BGR"), ("float32", "BGR")])
def test_the_picture_reaches_the_chip_as_the_model_stores_it(
    served: Driven, tmp_path: Path, dtype: str, color: str
) -> None:
    """The double tells two numbers of its input as a box's corner: red and blue of the second pixel."""
    given = tiny_tflite.image(HEIGHT, WIDTH, dtype)
    content = tiny_tflite.boxes(given, [(tiny_tflite.pixel(3), tiny_tflite.pixel(5), 1, 1, 0.8, 0)])
    model = artifact(tmp_path / "e.tflite", content, "boxes", dtype=dtype, color=color)
    picture = IMAGE.copy()
    picture[0, 1] = (10, 20, 30)
    served.load(model, {}, None)
    (rows,) = served.run([picture], 5)
    first, last = (10, 30) if color == "RGB" else (30, 10)
    stored = [(value ^ 0x80 if dtype == "int8" else value) / 255 for value in (first, last)]
    np.testing.assert_allclose(rows[0, :2], np.array(stored) * [WIDTH, HEIGHT], rtol=1e-4)
    np.testing.assert_allclose(rows[0, 4:], [0.8, 0], rtol=1e-4)


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "size", "shapes"),
    [
        ("mobilenet_v1_0.25_128_quant_edgetpu.tflite", 128, [(1, 1001)]),
        (
            "ssd_mobilenet_v2_coco_quant_postprocess_segment_0_of_2_edgetpu.tflite",
            300,
            [(1, 19, 19, 576), (1, 10, 10, 256), (1, 10, 10, 1280)],
        ),
    ],
)
def test_really_compiled_files_run(
    chips: Chips, monkeypatch: pytest.MonkeyPatch, name: str, size: int, shapes: list
) -> None:
    """In this process, because no head takes their outputs."""
    from backends.edgetpu import EdgeTPU, Options

    if not (MODELS / name).exists():
        pytest.skip(f"{name} is not in ../shared/data/models")
    for key, value in chips.environment.items():
        monkeypatch.setenv(key, value)
    chips.mode.write_text("ok")
    backend = EdgeTPU()
    (device,) = backend.probe()
    engine = backend.load(artifact(MODELS / name, height=size, width=size), device, Options(), lambda *_: None)
    try:
        found = engine.run(np.zeros((size, size, 3), np.uint8))
        assert [output.shape for output in engine.info.outputs] == [one.shape for one in found] == shapes
        assert all(output.scale > 0 for output in engine.info.outputs)
        assert engine.telemetry() == {}
    finally:
        engine.close()
        engine.close()


@pytest.mark.data
def test_a_compiled_file_with_several_inputs_is_refused(served: Driven) -> None:
    path = MODELS / "ssd_mobilenet_v2_coco_quant_postprocess_segment_1_of_2_edgetpu.tflite"
    if not path.exists():
        pytest.skip(f"{path.name} is not in ../shared/data/models")
    message = served.load(artifact(path), {}, None, *ANSWERS)
    assert "a detector has one input, this has 3: FeatureExtractor/" in message["text"]


@pytest.mark.parametrize(
    ("mode", "op", "text"),
    [
        ("none", "unavailable", "took no operator of tiny_edgetpu.tflite"),
        ("refuse", "error", "the Edge TPU does not take it: the double refuses this graph"),
        ("old-runtime", "unavailable", "is older than the compiler of tiny_edgetpu.tflite"),
        ("old-abi", "error", "the delegate does not fit this runtime, it was built for another"),
        ("absent", "unavailable", "usb:2-1 is there, but libedgetpu does not see it (it lists no device)"),
        ("fail", "error", "the double fails at call"),
    ],
)
def test_what_goes_wrong_while_loading_is_said(
    shared: tuple[Chips, Driven], served: Driven, model: Artifact, mode: str, op: str, text: str
) -> None:
    shared[0].mode.write_text(mode)
    message = served.load(model, {}, None, *ANSWERS)
    assert (message["op"], text in text_of(message)) == (op, True), message
    assert len(text_of(message)) < 500
    assert "\n" not in text_of(message)


@pytest.mark.parametrize(("mode", "code"), [("abort-open", -6), ("segfault-open", -11)])
def test_a_crash_while_opening_takes_the_worker_only(chips: Chips, model: Artifact, mode: str, code: int) -> None:
    with chips.worker(mode) as worker, pytest.raises(AssertionError, match=f"it ended with code {code},"):
        worker.load(model, {}, None)


def test_a_chip_that_hangs_while_opening_was_announced(chips: Chips, model: Artifact) -> None:
    """The interpreter's lock is held then: the parent must have heard of it before, and how long to wait."""
    with chips.worker("hang-open") as worker:
        asked = {"artifact": model.to_json(), "options": {}, "device": None}
        first = worker.ask("load", "progress", within=20, **asked)
        assert (first["phase"], first["within"]) == ("probe", PROBE_SECONDS)  # three runtimes, each in a child
        for _ in range(2):
            told = worker.wait("progress", within=20)
            assert (told["phase"], told["within"]) == ("open", 10.0)
        with pytest.raises(AssertionError, match="no ready or unavailable in time"):
            worker.wait("ready", "unavailable", within=0.5)
    # Leaving the context killed it; a worker in the double's pause() must not outlive that.


def run(worker: Driven, within: float = 5) -> dict:
    worker.images[0][:] = 0
    return worker.ask("run", "done", "error", within=within, slot=0, n=1, floor=0.1)


@pytest.mark.parametrize(("mode", "end"), [("abort:3", "it ended with code -6"), ("hang-invoke:3", "no done or error")])
def test_a_death_in_the_middle(chips: Chips, model: Artifact, mode: str, end: str) -> None:
    with chips.worker(mode) as worker:
        worker.load(model, {}, None)  # its trial run is call 0
        assert [run(worker)["count"] for _ in range(2)] == [len(FOUND)] * 2
        with pytest.raises(AssertionError, match=end):
            run(worker, within=1)


def test_the_chip_is_free_for_the_next_worker_after_a_death(chips: Chips, model: Artifact) -> None:
    for _ in range(2):
        with chips.worker() as worker:
            worker.load(model, {}, None)
            chips.mode.write_text("abort")
            with pytest.raises(AssertionError, match="code -6"):
                run(worker)


def test_failed_calls_are_told_apart_and_their_text_does_not_grow(chips: Chips, model: Artifact) -> None:
    with chips.worker("fail:3") as worker:
        worker.load(model, {}, None)
        assert [run(worker)["op"] for _ in range(2)] == ["done"] * 2
        failures = [run(worker) for _ in range(4)]
    assert [one["retriable"] for one in failures] == [True, True, False, False]
    assert "the double fails at call 3" in failures[0]["text"]
    assert "the double fails at call 4" in failures[1]["text"]
    assert "call 3" not in failures[1]["text"]
    assert "(3 times in a row)" in failures[2]["text"]


def test_after_one_failed_call_the_same_worker_serves_on(chips: Chips, model: Artifact) -> None:
    """The double lets one opener in at a time: the failed interpreter must be gone before the next is made."""
    with chips.worker("hiccup:2") as worker:
        worker.load(model, {}, None)
        seen = [run(worker) for _ in range(6)]
        before = worker.descriptors()
        chips.mode.write_text("ok")
        run(worker)
        assert worker.descriptors() == before
    assert [one["op"] for one in seen] == ["done", "error", "done", "done", "done", "done"]
    assert seen[1]["retriable"]


def test_a_chip_that_is_opened_again_has_the_time_of_an_opening(chips: Chips, model: Artifact) -> None:
    """More than that of a run, which is 1 s."""
    with chips.worker("hiccup:1") as worker:
        worker.load(model, {}, None)
        worker.images[0][:] = 0
        told = worker.ask("run", "progress", "error", within=5, slot=0, n=1, floor=0.1)
        assert (told["op"], told["phase"], told["within"]) == ("progress", "open", 10.0)
        assert worker.wait("error", within=5)["retriable"]


def test_a_slow_chip_is_measured(chips: Chips, model: Artifact) -> None:
    with chips.worker("slow:60") as worker:
        worker.load(model, {}, None)
        assert run(worker)["infer_ms"] >= 60


def test_models_are_swapped_in_one_worker(served: Driven, model: Artifact, tmp_path: Path) -> None:
    other = artifact(
        tmp_path / "other.tflite",
        tiny_tflite.boxes(tiny_tflite.image(HEIGHT, WIDTH), [(0.2, 0.2, 1, 1, 0.8, 0)]),
        "boxes",
    )
    served.load(model, {}, None)
    assert len(served.run([IMAGE], 5)[0]) == len(FOUND)
    served.load(other, {}, None)
    assert len(served.run([IMAGE], 5)[0]) == 1


def test_each_worker_takes_the_next_free_chip(tmp_path: Path, model: Artifact) -> None:
    chips = Chips(tmp_path / "machine", ("usb:1-1", "usb:2-1", "pci:0"))
    taken = []
    with chips.worker() as first, chips.worker() as second, chips.worker() as third, chips.worker() as fourth:
        for worker in (first, second, third):
            device = worker.load(model, {}, None)["info"]["device"]
            taken.append((device, chips.asked()["device"]))
        late = fourth.load(model, {}, None, *ANSWERS)
        assert len(third.run([IMAGE], 5)[0]) == len(FOUND)
        assert third.telemetry == {"temperature_c": 45.6}
    # The library lists them the other way round.
    assert taken == [("usb:1-1", "usb:1"), ("usb:2-1", "usb:0"), ("pci:0", "pci:0")]
    assert late["op"] == "unavailable"


def test_the_chip_that_was_asked_for_or_none(tmp_path: Path, model: Artifact) -> None:
    chips = Chips(tmp_path / "machine", ("usb:1-1", "usb:2-1"))
    with chips.worker() as first, chips.worker() as second:
        assert first.load(model, {}, "usb:2-1")["info"]["device"] == "usb:2-1"
        busy = second.load(model, {}, "usb:2-1", *ANSWERS)
        absent = second.load(model, {}, "usb:9-1", *ANSWERS)
    assert (busy["op"], busy["reason"].startswith("usb:2-1 cannot be opened")) == ("unavailable", True)
    assert (absent["op"], absent["hint"]) == ("unavailable", "devices of edgetpu: usb:1-1, usb:2-1")


def test_a_holder_that_can_be_seen_is_named(chips: Chips, model: Artifact) -> None:
    node = chips.root / "dev/bus/usb/002/001"
    with node.open(), chips.worker() as first, chips.worker() as second:
        first.load(model, {}, None)
        busy = second.load(model, {}, None, *ANSWERS)
    assert f"(process {os.getpid()}) has it open" in busy["reason"]


def test_a_container_without_the_node_is_told_so(chips: Chips, model: Artifact) -> None:
    """The library is not even asked for the chip."""
    (chips.root / "dev/bus/usb/002/001").unlink()
    with chips.worker("absent") as worker:
        message = worker.load(model, {}, None, *ANSWERS)
    assert message["reason"].endswith("dev/bus/usb/002/001 does not exist")
    assert "in a container" in message["hint"]


def test_performance_goes_with_an_indexed_device(shared: tuple[Chips, Driven], served: Driven, model: Artifact) -> None:
    served.load(model, {"performance": "Low"}, None)
    assert shared[0].asked() == {"device": "usb:0", "Performance": "Low"}
    wrong = served.load(model, {"performance": "fast"}, None, *ANSWERS)
    assert wrong["text"] == "edgetpu: performance is 'fast', not one of Low, Medium, High, Max"


def test_the_library_of_the_option_comes_first(chips: Chips, model: Artifact, tmp_path: Path) -> None:
    library = chips.environment["VEDETTE_LIBEDGETPU"]
    chips.environment["VEDETTE_LIBEDGETPU"] = str(tmp_path / "nothing.so")
    with chips.worker() as worker:
        missing = worker.load(model, {}, None, *ANSWERS)
        assert (missing["op"], missing["reason"]) == ("unavailable", f"there is no library {tmp_path}/nothing.so")
        assert worker.load(model, {"library": library}, None)["op"] == "ready"


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        (lambda root: None, "no Edge TPU is plugged in"),
        (coral_tree.pci_without_driver, "the PCIe Edge TPU has no driver"),
    ],
)
def test_without_a_chip_it_says_why(tmp_path: Path, model: Artifact, build: object, reason: str) -> None:
    chips = Chips(tmp_path / "machine", ())
    build(chips.root)  # type: ignore[operator]
    with chips.worker() as worker:
        message = worker.load(model, {}, None, *ANSWERS)
        assert worker.ask("probe", "unavailable", within=20)["reason"] == message["reason"]
    assert (message["op"], message["reason"].startswith(reason)) == ("unavailable", True)
    assert message["hint"]


def test_other_formats_are_refused(served: Driven, model: Artifact) -> None:
    message = served.load(replace(model, format="tflite"), {}, None, *ANSWERS)
    assert (message["op"], message["text"]) == (
        "refused",
        "tiny_edgetpu.tflite is tflite, not compiled for the Edge TPU",
    )


def test_devices_are_listed_without_opening_one(tmp_path: Path, model: Artifact) -> None:
    """A crash while opening is not met."""
    chips = Chips(tmp_path / "machine", ("usb:1-1", "pci:0"))
    with chips.worker("abort-open") as worker:
        usb, pci = worker.ask("probe", "devices", within=20)["devices"]
    assert (usb["id"], usb["name"], pci["id"]) == ("usb:1-1", "Coral USB Accelerator", "pci:0")
    assert usb["details"]["speed"] == "5000 Mbit/s"
    assert "RuntimeVersion(14)" in usb["details"]["library"]
