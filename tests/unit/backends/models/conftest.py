"""A store of models that is the test's."""

from __future__ import annotations

import pytest


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Made by the first model that is put there."""
    monkeypatch.setenv("VEDETTE_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"
