"""What `vedette bench` says where a measurement does not come to its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agent.cli import main
from agent.tools import bench

if TYPE_CHECKING:
    from pathlib import Path


def test_a_bare_engine_that_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "_LONGEST", 0.1)
    with pytest.raises(bench.BenchError, match=r"http.server took more than 0.1 s: try a smaller model"):
        bench._child("http.server", "0")


def test_a_clip_that_is_none_is_told_before_anything_is_measured(
    person_model: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    text = tmp_path / "notes.mp4"
    text.write_text("no video")
    for clip, why in ((tmp_path / "missing.mp4", "No such file"), (text, "is not a video")):
        assert main(["bench", "--model", person_model, "--clip", str(clip)]) == 1
        said = capfd.readouterr().err
        assert (said.count("\n"), why in said) == (1, True), said
