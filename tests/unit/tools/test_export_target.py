"""What each target of an export means, and which pictures of a folder are taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.tools.comparison.pictures import NoPictures, pictures
from agent.tools.exporting.ask import ExportError, interpreter
from agent.tools.exporting.target import Unfit, left_to_do, target
from agent.tools.exporting.workplace import PREFIX, workplace
from tests.support.stranger import holds_outside

DATA = Path("pictures")


@pytest.mark.parametrize(
    ("name", "int8", "imgsz", "kind", "suffix", "size"),
    [
        ("jetson", False, None, "onnx", ".onnx", None),
        ("cpu", False, 640, "onnx", ".onnx", 640),
        ("cpu", True, None, "openvino-int8", "_int8.xml", None),
        ("coral", False, None, "tflite-int8", ".tflite", 320),
        ("coral", True, 256, "tflite-int8", ".tflite", 256),
    ],
)
def test_what_is_made(name, int8, imgsz, kind, suffix, size):
    wanted = target(name, int8=int8, data=DATA, imgsz=imgsz)
    assert (wanted.kind, wanted.suffix, wanted.imgsz) == (kind, suffix, size)
    assert wanted.quantised == (kind != "onnx")


@pytest.mark.parametrize(
    ("name", "int8", "data", "imgsz"),
    [("coral", False, None, None), ("cpu", True, None, None), ("jetson", True, DATA, None), ("cpu", False, None, 333)],
)
def test_what_does_not_go_together(name, int8, data, imgsz):
    with pytest.raises(Unfit):
        target(name, int8=int8, data=data, imgsz=imgsz)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("jetson", ["copy gate.onnx and gate.onnx.yaml to the Jetson", "models add gate.onnx", "models bench gate"]),
        ("coral", ["edgetpu_compiler -s gate.tflite", "x86-64 only", "models add gate_edgetpu.tflite"]),
        ("cpu", ["models add /models/gate.onnx"]),
    ],
)
def test_what_is_left_to_do(name, said):
    wanted = target(name, int8=False, data=DATA, imgsz=None)
    lines = "\n".join(left_to_do(wanted, Path(f"/models/gate{wanted.suffix}")))
    assert [part for part in said if part not in lines] == []


def test_of_many_pictures_some_are_taken_evenly(tmp_path):
    for number in range(10):
        (tmp_path / f"{number}.JPG").touch()
    (tmp_path / "below.png").mkdir()
    (tmp_path / "notes.txt").touch()
    assert [path.stem for path in pictures(tmp_path, 5)] == ["0", "2", "4", "6", "8"]
    assert len(pictures(tmp_path)) == 10
    with pytest.raises(NoPictures, match="no picture in it"):
        pictures(tmp_path / "below.png")


def test_another_export_may_end_beside_it(tmp_path):
    (tmp_path / f"{PREFIX}gone").symlink_to("nowhere")  # there in the listing, and not when it is asked for
    with workplace(tmp_path) as work:
        assert work.is_dir()


def test_a_python_in_a_closed_folder(tmp_path):
    folder = tmp_path / "closed"

    def told():
        with pytest.raises(ExportError, match="or none that you may look at"):
            interpreter(str(folder / "python"))
        return True

    assert holds_outside(folder, told)
