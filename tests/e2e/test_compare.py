"""`vedette models compare`: a network and its INT8 twin, well and badly calibrated, through the daemon's own worker."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from agent import cli
from tests.support.compared import compared
from tests.support.synthetic import boxes_network, bright_network

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Compare = Callable[..., tuple[int, dict[str, Any]]]

pytest.importorskip("openvino")


@pytest.fixture
def compare(capsys: pytest.CaptureFixture[str]) -> Compare:
    return partial(compared, capsys)


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
    broken.write_text(broken.read_text().replace('type="Const"', 'type="NoSuchOperator"'))
    code, said = compare(model, broken, bright)
    assert code == 1
    assert "openvino: " in said["said"]
