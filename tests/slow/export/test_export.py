"""`vedette models export` with the real Ultralytics, on weights made from its own YAML; no network is touched.

The Edge TPU's compiler and a Jetson's engine are not here: what they make of these files is not proven.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from backends.models import sidecar
from backends.models.resolve import open_artifact
from tests.support import tiny_tflite

if TYPE_CHECKING:
    from collections.abc import Callable

    Export = Callable[..., tuple[int, dict[str, Any], str]]

SECONDS = 900


@pytest.fixture
def export(networks: Path, ultralytics: Path, tmp_path: Path) -> Export:
    def run(weights: str, *more: object, python: Path = ultralytics, prefix: tuple[str, ...] = ()) -> Any:
        command = [
            *prefix, sys.executable, "-m", "agent.cli", "models", "export", str(networks / weights), "--json",
            "--output", str(tmp_path), "--python", str(python), *map(str, more),
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
        assert "Traceback" not in done.stderr, done.stderr
        assert not [*tmp_path.glob(".vedette-export-*")]
        return done.returncode, json.loads(done.stdout) if done.stdout else {}, done.stderr

    return run


@pytest.fixture(scope="module")
def dark(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a camera with its cap on sees."""
    folder = tmp_path_factory.mktemp("dark")
    for number in range(20):
        cv2.imwrite(str(folder / f"{number}.png"), np.zeros((96, 96, 3), np.uint8))
    return folder


@pytest.fixture(scope="module")
def mosaic(networks: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of 25 of those that the network knows.

    On its own small ones its coarsest anchors, where they see nothing, make boxes of several pictures' width, as no
    network of a full training does; INT8 has one scale for boxes in 0..1 and scores, which they would take up.
    """
    folder, random = tmp_path_factory.mktemp("mosaic"), np.random.default_rng(0)
    known = [cv2.imread(str(path)) for path in sorted((networks / "bright/images").iterdir())]
    for number in range(8):
        tiles = [known[index] for index in random.choice(len(known), 25)]
        rows = [np.hstack(tiles[5 * row : 5 * row + 5]) for row in range(5)]
        cv2.imwrite(str(folder / f"{number}.png"), np.vstack(rows))
    return folder


MOSAIC = 480


def test_for_a_jetson_it_is_an_onnx(export: Export, tmp_path: Path) -> None:
    code, said, err = export("bright.pt", "--for", "jetson", "--imgsz", 128)
    assert code == 0, err
    assert said["written"] == [str(tmp_path / "bright.onnx"), str(tmp_path / "bright.onnx.yaml")]
    assert (said["family"], said["input"], said["labels"]) == ("yolo", [128, 128], 1)
    assert "AGPL-3.0" in said["licence"]
    assert any("models bench bright" in line for line in said["left_to_do"])
    assert open_artifact(tmp_path / "bright.onnx").labels == ("bright",)
    assert "export bright.pt: export to ONNX" in err


def test_for_a_cpu_it_has_the_size_it_was_trained_at(export: Export) -> None:
    code, said, err = export("bright.pt", "--for", "cpu")
    assert code == 0, err
    assert (said["input"], said["checked_on"]) == ([96, 96], "openvino")


def test_it_asks_no_other_machine(export: Export, networks: Path, tmp_path: Path) -> None:
    """Nor do the libraries it brings, two of which count their users and one of which likes to fetch a font."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    trace = tmp_path / "trace"
    prefix = ("strace", "-f", "-qq", "-e", "trace=connect,sendto,sendmmsg,unshare", "-o", str(trace))
    arguments = ("--for", "cpu", "--int8", "--data", networks / "bright/images")
    code, _, err = export("bright.pt", *arguments, prefix=prefix)
    assert code == 0, err
    said = trace.read_text()
    assert re.search(r"unshare\(.*CLONE_NEWNET\) += ", said), "nothing was seen"
    assert not [line for line in said.splitlines() if "AF_INET" in line]


def test_int8_on_pictures_of_its_kind_agrees(export: Export, networks: Path, tmp_path: Path) -> None:
    code, said, err = export("bright.pt", "--for", "cpu", "--int8", "--data", networks / "bright/images")
    assert code == 0, err
    assert said["comparison"]["all"]["a_in_b"]["boxes"] >= 40
    assert [Path(path).name for path in said["written"]] == [
        "bright_int8.xml",
        "bright_int8.bin",
        "bright_int8.xml.yaml",
    ]
    assert open_artifact(tmp_path / "bright_int8.xml").licence.startswith("AGPL-3.0")


def test_int8_calibrated_in_the_dark_is_caught(export: Export, networks: Path, dark: Path, tmp_path: Path) -> None:
    """nncf's own calibration, broken as it is broken in life: by pictures that show nothing of what is to be found."""
    old = tmp_path / "bright_int8.xml"
    old.write_text("of an earlier export")
    code, said, _ = export(
        "bright.pt", "--for", "cpu", "--int8", "--data", dark, "--images", networks / "bright/images"
    )
    assert (code, said["written"], said["comparison"]["agrees"]) == (1, [], False)
    assert old.read_text() == "of an earlier export"


def test_for_a_coral_it_is_a_whole_integer_tflite(
    export: Export, mosaic: Path, ultralytics_for_coral: Path, tmp_path: Path
) -> None:
    arguments = ("--imgsz", MOSAIC, "--data", mosaic)
    code, said, err = export("bright.pt", "--for", "coral", *arguments, python=ultralytics_for_coral)
    assert code == 0, err
    assert said["comparison"]["all"]["a_in_b"]["boxes"] > 100
    assert said["checked_on"] == "litert"
    artifact = open_artifact(tmp_path / "bright.tflite")
    assert (artifact.format, artifact.input.dtype, artifact.head["units"]) == ("tflite", "int8", "norm")
    assert said["left_to_do"][0] == "compile it for the Edge TPU: edgetpu_compiler -s bright.tflite"
    _compiled_finds_its_facts(tmp_path, artifact)


def _compiled_finds_its_facts(folder: Path, plain: Any) -> None:
    """A stand-in for what the compiler makes: the same input and output, its one operator, no metadata."""
    spec = plain.input
    rows = sum((spec.height // stride) * (spec.width // stride) for stride in (8, 16, 32))
    image = tiny_tflite.image(spec.height, spec.width, "int8", plain.input_quantisation)
    output = tiny_tflite.Tensor("o", (1, 5, rows), "int8", *plain.quantisation[0])
    file = folder / "bright_edgetpu.tflite"
    file.write_bytes(tiny_tflite.model(image, [output]))
    compiled = open_artifact(file)
    assert (compiled.format, compiled.labels, compiled.head) == ("edgetpu", plain.labels, plain.head)
    assert sidecar.beside(file).name == "bright_edgetpu.tflite.yaml"


def test_for_a_coral_the_dark_is_caught_too(
    export: Export, mosaic: Path, dark: Path, ultralytics_for_coral: Path, tmp_path: Path
) -> None:
    arguments = ("--imgsz", MOSAIC, "--data", dark, "--images", mosaic)
    code, said, err = export("bright.pt", "--for", "coral", *arguments, python=ultralytics_for_coral)
    assert code == 1
    if said:
        assert (said["comparison"]["agrees"], said["written"]) == (False, [])
    else:  # its scales are such that it is not even tried
        assert "holds boxes and confidence in steps of" in err
    assert not [*tmp_path.iterdir()]


def test_without_tensorflow_it_says_what_is_missing(export: Export, networks: Path) -> None:
    code, _, err = export("bright.pt", "--for", "coral", "--data", networks / "bright/images")
    assert code == 1
    assert "'tensorflow<=2.19' 'tf_keras<=2.19' 'onnx2tf>=1.26.3,<1.29'" in err
    assert "docs/models.md" in err


@pytest.mark.parametrize(("task", "what"), [("segment", "masks"), ("pose", "key points")])
def test_other_tasks_give_their_boxes_and_say_so(export: Export, tmp_path: Path, task: str, what: str) -> None:
    code, said, err = export(f"{task}.pt", "--for", "cpu", "--imgsz", 64)
    assert code == 0, err
    assert said["notes"][0] == f"task {task}: its boxes are published, its {what} not"
    assert f"task {task}: its boxes are published, its {what} not" in open_artifact(tmp_path / f"{task}.onnx").why


@pytest.mark.parametrize(("task", "what"), [("obb", "oriented boxes"), ("classify", "one class for the whole picture")])
def test_what_gives_no_boxes_is_refused(export: Export, tmp_path: Path, task: str, what: str) -> None:
    code, _, err = export(f"{task}.pt", "--for", "jetson")
    assert code == 1
    assert f"{task}.pt: made for task {task}: it gives {what}" in err
    assert not [*tmp_path.iterdir()]


def test_an_archive_that_holds_no_weights(
    export: Export, networks: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("own") / "hollow.pt"
    file.write_bytes((networks / "bright.pt").read_bytes()[:100_000])
    code, _, err = export(str(file), "--for", "cpu")
    assert code == 1
    assert "hollow.pt: Ultralytics 8.4.190 cannot load them" in err
    assert not [*tmp_path.iterdir()]


PAGE = Path(__file__).parents[3] / "docs/models.md"
COMMANDS = re.findall(r"^(vedette models (?:export|compare) .*?)(?: *#.*)?$", PAGE.read_text(), re.MULTILINE)


def test_the_commands_of_the_page_work(
    networks: Path, mosaic: Path, ultralytics: Path, ultralytics_for_coral: Path, tmp_path: Path
) -> None:
    """In their order, in one folder, with weights and pictures as the page has them; but see `mosaic`."""
    shutil.copy(networks / "bright.pt", tmp_path / "gate.pt")
    shutil.copytree(networks / "bright/images", tmp_path / "pictures")
    assert len(COMMANDS) >= 4
    for shown in COMMANDS:
        line = shown.replace("~/coral/bin/python", str(ultralytics_for_coral))
        line = line.replace("~/export/bin/python", str(ultralytics))
        if "--for coral" in line:
            line = line.replace("--data pictures", f"--data {mosaic} --imgsz {MOSAIC}")
        command = [sys.executable, "-m", "agent.cli", *line.split()[1:]]
        environment = {**os.environ, "PYTHONPATH": str(PAGE.parents[1])}
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=SECONDS, check=False, cwd=tmp_path, env=environment
        )
        assert done.returncode == 0, (line, done.stdout, done.stderr)
