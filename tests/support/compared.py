"""What `vedette models compare` says of two models."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from agent import cli

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def compared(
    capsys: pytest.CaptureFixture[str], a: object, b: object, images: Path, *more: str
) -> tuple[int, dict[str, Any]]:
    """Its exit code, and what it printed: the figures, or as `said` the error."""
    code = cli.main(["models", "compare", str(a), str(b), "--images", str(images), "--json", *more])
    out = capsys.readouterr()
    return code, json.loads(out.out) if out.out else {"said": out.err.splitlines()[-1]}
