"""The child that converts a model when it is pulled."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from backends.models.convertible import to_ir

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_module_in_the_working_directory_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever pulls a model stands in a folder of their own, where a file may be called as a library is."""
    (tmp_path / "openvino.py").write_text("raise SystemExit('run from the working directory')")
    model = tmp_path / "model.pb"
    model.write_bytes(b"\x0a\x02no")
    monkeypatch.chdir(tmp_path)
    with caplog.at_level(logging.WARNING):
        assert to_ir(model, lambda *_: None) == model
    assert "model.pb is kept as it is" in caplog.text
    assert "working directory" not in caplog.text
