"""What lies in the model folder while one model is put in another's place."""

from __future__ import annotations

from pathlib import Path

import pytest

from backends.models.place import placed


@pytest.mark.parametrize(("aside", "left"), [(True, "old"), (False, "new")])
def test_a_signal_between_two_renames_leaves_a_model(tmp_path, monkeypatch, aside, left):
    model = tmp_path / "gate" / "model.onnx"
    model.parent.mkdir()
    model.write_text("old")
    rename = Path.rename

    def interrupted(self, target):
        done = rename(self, target)
        if (target.name == "model") is aside:
            monkeypatch.undo()
            raise KeyboardInterrupt
        return done

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt), placed(tmp_path, "gate") as build:
        (build / "model.onnx").write_text("new")
    assert model.read_text() == left
    assert [path.name for path in tmp_path.iterdir()] == ["gate"]


def test_what_another_one_removes_meanwhile_is_no_fault(tmp_path, monkeypatch):
    """Two `models add` at once sweep the same folder."""
    (tmp_path / ".part-other").touch()
    (tmp_path / ".build-other").mkdir()
    stat = Path.stat

    def gone(self, **more):
        if self.name.endswith("-other"):
            raise FileNotFoundError(2, "No such file or directory", str(self))
        return stat(self, **more)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "stat", gone)
        with placed(tmp_path, "gate") as build:
            (build / "model.onnx").write_text("new")
    assert (tmp_path / "gate" / "model.onnx").read_text() == "new"
