from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Literal, cast

import pytest

from backends.contract import Backend, BackendError
from backends.options import options_of

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class Options:
    threads: int | None = None
    share: float = 0.5
    clock: Literal["slow", "fast"] = "slow"
    quiet: bool = False
    library: str = ""
    levels: tuple[int, ...] = ()


@dataclass
class Unresolvable:
    folder: Path | None = None


def chip(options: type) -> Backend:
    return cast("Backend", SimpleNamespace(name="chip", options=options))


def test_of_what_all_are_offered_it_gets_what_it_takes_and_its_own_goes_above() -> None:
    found = options_of(chip(Options), {"threads": 4, "mode": "auto", "quiet": True}, {"threads": 2})
    assert found == Options(threads=2, quiet=True)


@pytest.mark.parametrize(
    "own", [{"threads": None}, {"share": 1}, {"clock": "fast"}, {"quiet": True}, {"library": "x"}, {"levels": "any"}]
)
def test_a_value_of_its_type_goes_through(own: dict[str, Any]) -> None:
    assert vars(options_of(chip(Options), {}, own)) == {**vars(Options()), **own}


@pytest.mark.parametrize(
    ("own", "wanted"),
    [
        ({"threads": "many"}, "option threads is 'many', but a whole number or nothing is wanted"),
        ({"threads": True}, "option threads is True, but a whole number or nothing is wanted"),
        ({"threads": 1.5}, "option threads is 1.5, but a whole number or nothing is wanted"),
        ({"share": "0.5"}, "option share is '0.5', but a number is wanted"),
        ({"clock": "max"}, "option clock is 'max', but 'slow' or 'fast' is wanted"),
        ({"quiet": 1}, "option quiet is 1, but true or false is wanted"),
        ({"library": 7}, "option library is 7, but text is wanted"),
    ],
)
def test_a_value_of_another_type_is_told(own: dict[str, Any], wanted: str) -> None:
    with pytest.raises(BackendError) as caught:
        options_of(chip(Options), {}, own)
    assert str(caught.value) == f"backend chip: {wanted}"


def test_types_that_cannot_be_looked_up_are_not_checked() -> None:
    assert options_of(chip(Unresolvable), {}, {"folder": 7}).folder == 7
