"""A store of models that is the test's, and a catalog."""

from __future__ import annotations

import hashlib

import pytest

from backends.models import catalog

SIDECAR = {"labels": ["person", "dog"], "licence": "MIT", "head": {"iou": 0.5}}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Made by the first model that is put there."""
    monkeypatch.setenv("VEDETTE_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture
def offered(tmp_path, monkeypatch):
    """Puts a model file into the catalog: offered(bytes, suffix) gives its entry."""

    def offer(data, suffix=".onnx", sha256=None, **sidecar):
        path = tmp_path / f"offered{suffix}"
        path.write_bytes(data)
        entry = catalog.Entry(
            "tiny", "a tiny one", path.as_uri(), sha256 or hashlib.sha256(data).hexdigest(), len(data), "MIT",
            {"name": "tiny", "description": "a tiny one", **SIDECAR, **sidecar},
        )  # fmt: skip
        monkeypatch.setattr(catalog, "models", lambda: {"tiny": entry})
        return entry

    return offer
