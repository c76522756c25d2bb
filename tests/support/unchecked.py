"""Who has heard what is not yet held against `asyncapi.yaml`. The fixture that asks them is in conftest.py."""

from __future__ import annotations

from typing import Protocol


class Witness(Protocol):
    @property
    def ended(self) -> bool:
        """Whether it will hear nothing any more."""

    def violations(self) -> list[str]:
        """What of the messages since the last call breaks the contract."""


_WITNESSES: list[Witness] = []


def called(witness: Witness) -> None:
    """It is asked after each test, until it has ended."""
    _WITNESSES.append(witness)


def violations() -> list[str]:
    """Of all of them, since the last call."""
    ended = [witness for witness in _WITNESSES if witness.ended]
    found = [fault for witness in _WITNESSES for fault in witness.violations()]
    _WITNESSES[:] = [witness for witness in _WITNESSES if witness not in ended]
    return found
