"""`vedette models compare`: a network and its INT8 twin, well and badly calibrated, through the daemon's own worker."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from agent import cli
from backends.models import catalog
from backends.models.resolve import open_artifact
from tests.support.quantised import quantise
from tests.support.staged import staged
from tests.support.synthetic import boxes_network, bright_network

if TYPE_CHECKING:
    from collections.abc import Callable

    Compare = Callable[..., tuple[int, dict[str, Any]]]

pytest.importorskip("openvino")

DATA = Path(__file__).parents[3] / "shared" / "data"
CLIP, YOLOX = DATA / "videos" / "vtest.avi", DATA / "models" / "yolox_nano.onnx"


@pytest.fixture
def compare(capsys: pytest.CaptureFixture[str]) -> Compare:
    def run(a: object, b: object, images: Path, *more: str) -> tuple[int, dict[str, Any]]:
        code = cli.main(["models", "compare", str(a), str(b), "--images", str(images), "--json", *more])
        out = capsys.readouterr()
        return code, json.loads(out.out) if out.out else {"said": out.err.splitlines()[-1]}

    return run


@pytest.fixture
def bright(tmp_path: Path) -> Path:
    """Pictures of one bright rectangle each, at another place."""
    folder = tmp_path / "bright"
    folder.mkdir()
    for number in range(8):
        picture = np.full((120, 160, 3), 30, np.uint8)
        picture[20 + 5 * number : 60 + 5 * number, 10 + 12 * number : 50 + 12 * number] = 230
        cv2.imwrite(str(folder / f"{number}.png"), picture)
    return folder


def test_a_twin_calibrated_on_such_pictures_agrees(tmp_path: Path, bright: Path, compare: Compare) -> None:
    a, b = bright_network(tmp_path / "a"), bright_network(tmp_path / "b", levels=(0, 255))
    code, said = compare(a, b, bright)
    assert (code, said["agrees"], said["pictures"]) == (0, True, 8)
    person = {"boxes": 8, "found": 8, "share": 1, "mean_iou": 1, "confidence_difference": 0}
    assert said["labels"] == {"person": {"a_in_b": person, "b_in_a": person}}
    assert said["notes"] == ["only 8 boxes: more pictures would tell more"]
    assert all(said[side]["backend"] == "openvino" and said[side]["p50_ms"] > 0 for side in ("a", "b"))


def test_a_person_reads_a_table(tmp_path: Path, bright: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = bright_network(tmp_path / "a"), bright_network(tmp_path / "b", levels=(0, 60))
    for other, code, row, said in (
        (a, 0, "person 8 1.000 8 1.000 1.000 +0.000", "B sees what A sees"),
        (b, 1, "person 8 0.000 0 - - -", "B cannot replace A"),
    ):
        assert cli.main(["models", "compare", str(a), str(other), "--images", str(bright)]) == code
        out, err = capsys.readouterr()
        assert row in [" ".join(line.split()) for line in out.splitlines()]
        assert f"8 pictures, confidence 0.5: {said}" in out.splitlines()
        assert "bright.xml: look 100%" not in out
        assert "bright.xml: look" in err


def test_a_twin_calibrated_on_the_dark_is_caught(tmp_path: Path, bright: Path, compare: Compare) -> None:
    a, b = bright_network(tmp_path / "a"), bright_network(tmp_path / "b", levels=(0, 60))
    code, said = compare(a, b, bright)
    assert (code, said["all"]["a_in_b"]["share"], said["all"]["b_in_a"]["boxes"]) == (1, 0, 0)
    assert "B sees nothing at all" in said["notes"]


def test_a_model_that_sees_nothing_is_no_measure(tmp_path: Path, bright: Path, compare: Compare) -> None:
    blind, seeing = bright_network(tmp_path / "a", levels=(0, 60)), bright_network(tmp_path / "b")
    for b in (blind, seeing):
        code, said = compare(blind, b, bright, "--at-least", "0")
        assert code == 1
        assert said["notes"][0].startswith("unknown: A sees nothing")


def test_other_labels_are_not_compared(tmp_path: Path, bright: Path, compare: Compare) -> None:
    a, b = bright_network(tmp_path / "a"), bright_network(tmp_path / "b")
    sidecar = b.with_suffix(".yaml")
    sidecar.write_text(sidecar.read_text().replace("bicycle", "car"))
    code, said = compare(a, b, bright)
    assert code == 2
    assert said["said"].endswith("label 1 is 'car' here and 'bicycle' there")


def test_unreadable_pictures_are_named_and_not_counted(tmp_path: Path, bright: Path, compare: Compare) -> None:
    (bright / "3.png").write_bytes(b"no picture")
    (bright / "empty.jpg").touch()
    (bright / "notes.txt").write_text("not asked for")
    model = bright_network(tmp_path / "a")
    code, said = compare(model, model, bright)
    assert (code, said["pictures"], said["unreadable"]) == (0, 7, ["3.png", "empty.jpg"])
    for file in bright.iterdir():
        file.write_bytes(b"no picture")
    code, said = compare(model, model, bright)
    assert (code, said["notes"]) == (1, ["unknown: none of the 9 pictures can be decoded"])


@pytest.mark.parametrize("folder", ["empty", "missing", "bright/0.png"])
def test_a_folder_without_pictures_is_a_mistake_of_the_caller(
    tmp_path: Path, bright: Path, compare: Compare, folder: str
) -> None:
    (tmp_path / "empty").mkdir()
    model = bright_network(tmp_path / "a")
    code, said = compare(model, model, tmp_path / folder)
    assert code == 2
    assert str(tmp_path / folder) in said["said"]


@pytest.mark.parametrize("share", ["1.5", "-1", "most"])
def test_a_share_is_one(tmp_path: Path, compare: Compare, share: str) -> None:
    with pytest.raises(SystemExit, match="2"):
        compare("a", "b", tmp_path, "--at-least", share)


def test_a_file_that_no_engine_runs_says_who_refused(tmp_path: Path, bright: Path, compare: Compare) -> None:
    model = bright_network(tmp_path / "a")
    broken = boxes_network(tmp_path / "b", "f32")
    broken.with_suffix(".bin").write_bytes(b"")
    code, said = compare(model, broken, bright)
    assert code == 1
    assert "openvino: " in said["said"]


@pytest.fixture(scope="session")
def street(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of a street with people, out of a clip."""
    if not CLIP.exists():
        pytest.skip(f"no {CLIP.name} in shared/data/videos")
    folder = tmp_path_factory.mktemp("street")
    clip: Any = cv2.VideoCapture(str(CLIP))
    number = 0
    while (read := clip.read())[0]:
        if number % 60 == 0:
            cv2.imwrite(str(folder / f"{number:04}.jpg"), read[1])
        number += 1
    clip.release()
    return folder


@pytest.mark.data
def test_the_default_model_quantised_on_its_street_agrees_and_on_the_dark_does_not(
    person_model: str, street: Path, tmp_path: Path, compare: Compare
) -> None:
    a = staged(person_model, tmp_path / "a", precision="f32", sha256=None, origin=None)
    frames = [cv2.resize(cv2.imread(str(path)), (300, 300))[None, :, :, ::-1] for path in sorted(street.iterdir())]
    for name, pictures, wanted in (("street", frames, 0), ("dark", [np.zeros_like(frames[0])], 1)):
        b = tmp_path / name / a.name
        b.parent.mkdir()
        quantise(a, b, [np.ascontiguousarray(picture) for picture in pictures])
        shutil.copy(a.with_suffix(".yaml"), b.parent)
        code, said = compare(a, b, street)
        assert said["all"]["a_in_b"]["boxes"] > 30
        assert code == wanted, said["notes"]


@pytest.mark.data
def test_yolox_calibrated_on_pixels_of_the_wrong_scale_is_caught(
    street: Path, tmp_path: Path, compare: Compare
) -> None:
    """The usual mistake: pictures in 0..1 for a network that is fed with 0..255."""
    if not YOLOX.exists():
        pytest.skip(f"no {YOLOX.name} in shared/data/models")
    known = {key: value for key, value in catalog.models()["yolox-nano"].sidecar.items() if key != "sha256"}
    a = staged(str(YOLOX), tmp_path / "a", **{**known, "precision": "f32"})
    spec = open_artifact(a).input
    pictures = [cv2.resize(cv2.imread(str(path)), (spec.width, spec.height)) for path in sorted(street.iterdir())[:4]]
    b = tmp_path / "b" / "yolox.xml"
    b.parent.mkdir()
    quantise(a, b, [np.float32(picture.transpose(2, 0, 1)[None] / 255) for picture in pictures])
    shutil.copy(a.with_suffix(".yaml"), b.with_suffix(".yaml"))
    code, said = compare(a, b, street)
    assert said["all"]["a_in_b"]["boxes"] > 100
    assert (code, said["agrees"]) == (1, False)
    assert said["all"]["a_in_b"]["share"] < 0.1
