"""How many random examples a test that wants a number of its own draws."""

from __future__ import annotations

from hypothesis import settings

FEW = 50
"""Of a test that wants none, in `make test`."""


def examples(number: int) -> int:
    """That many in `make test`, as many times more as the profile in use has more than that: see conftest.py."""
    return number * settings.default.max_examples // FEW
