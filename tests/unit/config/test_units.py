from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config.units import BYTES, SECONDS, number, quantity, spelled

if TYPE_CHECKING:
    from collections.abc import Mapping


@pytest.mark.parametrize(
    ("text", "value"),
    [("0", 0), ("-1", -1), ("+2.5", 2.5), (".5", 0.5), ("5.", 5), ("1e3", 1000), ("0.50", 0.5)],
)
def test_numbers(text: str, value: float) -> None:
    assert number(text) == value


@pytest.mark.parametrize("text", ["", "010", "1_000", "0x1F", "0o7", "1:30", ".inf", "nan", "5 ", "٣", "1e", "."])
def test_what_is_no_number(text: str) -> None:
    assert number(text) is None


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_is_read_as_python_writes_it(value: float) -> None:
    assert number(repr(value)) == value


def test_a_number_too_large_is_infinite_and_so_beyond_every_limit() -> None:
    assert number("9" * 10_000) == math.inf


@pytest.mark.parametrize(
    ("text", "value"),
    [("500ms", 0.5), ("5s", 5), ("1.5 m", 90), ("2h", 7200), ("7d", 604800), ("5M", None), ("m", None)],
)
def test_durations(text: str, value: float | None) -> None:
    assert quantity(text, SECONDS) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [("256MB", 256_000_000), ("1 GiB", 2**30), ("10B", 10), ("1mb", None), ("-1B", None), ("1B\n", None)],
)
def test_sizes(text: str, value: float | None) -> None:
    assert quantity(text, BYTES) == value


@pytest.mark.parametrize("units", [SECONDS, BYTES])
@given(value=st.integers(1, 1 << 41))
def test_a_quantity_comes_back_as_it_is_spelled(units: Mapping[str, float], value: int) -> None:
    assert quantity(spelled(value, units), units) == value


def test_quantities_are_spelled_in_the_largest_unit_that_fits() -> None:
    assert [spelled(value, SECONDS) for value in (60, 90, 366 * 86400)] == ["1m", "90s", "366d"]
    assert [spelled(value, BYTES) for value in (0, 4_000_000, 1 << 20)] == ["0", "4MB", "1MiB"]
