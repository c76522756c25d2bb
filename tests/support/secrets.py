"""The secrets that a process remembers, to mask them. Tests share one: the password of one is the word of another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.config import redact

if TYPE_CHECKING:
    import pytest


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until the end of the test nothing is known but what it says itself."""
    monkeypatch.setattr(redact, "_forms", frozenset())
    monkeypatch.setattr(redact, "_pattern", None)
