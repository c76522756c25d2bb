"""What `check` says of sources that are not there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent.config import parse
from agent.tools.sources import missing


def warnings(folder: Path, source: str, *, enabled: bool = True) -> list[str]:
    text = json.dumps({"cameras": {"gate": {"source": source, "enabled": enabled}}})
    return [problem.message for problem in missing(parse(text, "vedette.yaml", folder))]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("nofile.mp4", "put it there, or correct the path"),
        ("csi0", "did you mean csi:0?"),
        ("video2", "did you mean /dev/video2?"),
        ("/dev/video99", "there is no /dev/video99"),
        ("none/", "there is no folder"),
        ("empty", "put .jpg, .png or .bmp files there"),
    ],
)
def test_what_is_not_there_is_a_warning_with_its_fix(tmp_path: Path, source: str, words: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty/notes.txt").touch()
    (warning,) = warnings(tmp_path, source)
    assert words in warning
    assert "until it is there the camera is offline" in warning
    assert warnings(tmp_path, source, enabled=False) == []


@pytest.mark.parametrize(
    "source", ["clip.mp4", "pictures", "rtsp://10.0.0.7/x", "csi:0", "gst:videotestsrc", "/dev/null"]
)
def test_what_is_there_or_cannot_be_seen_from_here_is_none(tmp_path: Path, source: str) -> None:
    (tmp_path / "clip.mp4").touch()
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures/1.JPG").touch()
    assert warnings(tmp_path, source) == []
