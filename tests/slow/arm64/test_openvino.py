"""The daemon on arm64 with the default model: what it publishes is what it publishes here.

This proves that what the package carries for aarch64 fits together there and computes the same. It proves nothing
about speed, memory, cameras, heat or a Pi's own operating system: the processor is emulated, the kernel this machine's.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.staged import staged

if TYPE_CHECKING:
    from tests.slow.arm64.both import Both
    from tests.slow.arm64.root import Root

pytestmark = pytest.mark.rooted

THRESHOLD = 0.3


def test_openvino_finds_the_same_on_arm64(both: Both, person_model: str) -> None:
    def prepare(folder: Path, root: Root | None) -> dict[str, str]:
        if root is not None:  # the package has put it there
            return {"VEDETTE_MODELS": "/var/cache/vedette/models"}
        # Equal numbers are asked for, so the shortcut that only this machine may have (bfloat16) is not taken.
        staged(person_model, folder / "models" / person_model, precision="f32")
        return {"VEDETTE_MODELS": str(folder / "models")}

    keys = {
        "backend": "openvino",
        "model": person_model,
        "engine": {"mode": "latency"},
        "camera": {"confidence": THRESHOLD},
    }
    both.same(keys, prepare, THRESHOLD)
