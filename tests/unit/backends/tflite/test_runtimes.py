"""How long the search for a TFLite runtime may take. The children are stand-ins: tests/slow/backends has real ones."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from backends.contract import BackendUnavailable
from backends.protocol import PROBE_SECONDS
from backends.tflite import runtimes


def test_three_packages_that_hang_take_no_longer_than_a_probe_may(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the worker is killed, and nobody hears what hung."""
    spent: list[float] = []

    def hangs(_name: str, seconds: float) -> tuple[str, str]:
        spent.append(seconds)
        return "", "gave no sign of life"

    monkeypatch.setattr(runtimes, "time", SimpleNamespace(monotonic=lambda: sum(spent)))
    monkeypatch.setattr(runtimes, "_missing", lambda _name: None)
    monkeypatch.setattr(runtimes, "_tried", hangs)
    with pytest.raises(BackendUnavailable, match="pycoral gave no sign of life"):
        runtimes.find.__wrapped__((runtimes.LITERT, runtimes.TFLITE, runtimes.PYCORAL))
    assert len(spent) == 3
    assert min(spent) >= 1
    assert sum(spent) < PROBE_SECONDS - 2
