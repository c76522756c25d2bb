from __future__ import annotations

import os

import pytest

import agent.config.redact as redaction


@pytest.fixture(autouse=True)
def clean_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """No secret of another test, and none of this machine."""
    monkeypatch.setattr(redaction, "_forms", frozenset())
    monkeypatch.setattr(redaction, "_pattern", None)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    for name in [name for name in os.environ if name.startswith("VEDETTE_SECRET_")]:
        monkeypatch.delenv(name)
