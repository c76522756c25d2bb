"""`vedette models compare` on real networks and their INT8 twins, well and badly calibrated."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from backends.models import catalog
from backends.models.resolve import open_artifact
from tests.support.compared import compared
from tests.support.quantised import quantise
from tests.support.staged import staged

pytest.importorskip("openvino")

DATA = Path(__file__).parents[4] / "shared" / "data"
CLIP, YOLOX = DATA / "videos" / "vtest.avi", DATA / "models" / "yolox_nano.onnx"


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
    person_model: str, street: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a = staged(person_model, tmp_path / "a", precision="f32", sha256=None, origin=None)
    frames = [cv2.resize(cv2.imread(str(path)), (300, 300))[None, :, :, ::-1] for path in sorted(street.iterdir())]
    for name, pictures, wanted in (("street", frames, 0), ("dark", [np.zeros_like(frames[0])], 1)):
        b = tmp_path / name / a.name
        b.parent.mkdir()
        quantise(a, b, [np.ascontiguousarray(picture) for picture in pictures])
        shutil.copy(a.with_suffix(".yaml"), b.parent)
        code, said = compared(capsys, a, b, street)
        assert said["all"]["a_in_b"]["boxes"] > 30
        assert code == wanted, said["notes"]


@pytest.mark.data
def test_yolox_calibrated_on_pixels_of_the_wrong_scale_is_caught(
    street: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
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
    code, said = compared(capsys, a, b, street)
    assert said["all"]["a_in_b"]["boxes"] > 100
    assert (code, said["agrees"]) == (1, False)
    assert said["all"]["a_in_b"]["share"] < 0.1
