"""What `vedette bench` says where a measurement does not come to its end."""

from __future__ import annotations

import pytest

from agent.tools import bench


def test_a_bare_engine_that_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "_LONGEST", 0.1)
    with pytest.raises(bench.BenchError, match=r"http.server took more than 0.1 s: try a smaller model"):
        bench._child("http.server", "0")
