"""What is wrong with a config file, and where."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from agent.config.redact import redact

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agent.config.model import Config

MOST = 100
"""Problems listed at most: a file with more is not a config, and reading on may take long."""


class Place(Protocol):
    """Where something stands in a file; both count from 1."""

    @property
    def line(self) -> int: ...
    @property
    def column(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake. line and column count from 1, 0 if there is none; key is dotted: `cameras.gate.rotate`."""

    file: str
    line: int
    column: int
    key: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: {self.key}: {self.message}" if self.key else f"{place}: {self.message}"


class ConfigError(Exception):
    """The file cannot be used. problems: all of them, in the order of the file; str() has a line for each.

    rest: the config with a default in place of each value that is wrong, as far as it could be read: what it names may
    be looked at, too, so that all mistakes are told at once.
    """

    def __init__(self, problems: tuple[Problem, ...], rest: Config | None = None) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems
        self.rest = rest


class InvalidError(Exception):
    """One value is wrong; whoever knows the place and the key makes it a Problem. also: what else is wrong in it."""

    def __init__(self, message: str, place: Place | None = None, also: tuple[InvalidError, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.place = place
        self.also = also


def in_order(problems: Iterable[Problem], file: str) -> tuple[Problem, ...]:
    """As they stand in `file`; those of the secrets beside it last."""
    return tuple(sorted(problems, key=lambda p: (p.file != file, p.line, p.column)))


@dataclass(slots=True)
class Findings:
    """The problems and warnings found so far in one file and the secrets beside it."""

    file: str
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    def error(self, place: Place | None, key: str, message: str, *, file: str = "") -> None:
        """Raises ConfigError once there are MOST problems."""
        if len(self.problems) == MOST:
            self.problems.append(Problem(self.file, 0, 0, "", f"more than {MOST} problems, the rest is not listed"))
            self.raise_if_any()
        self.problems.append(self._problem(place, key, message, file))

    def warn(self, place: Place | None, key: str, message: str, *, file: str = "") -> None:
        self.warnings.append(self._problem(place, key, message, file))

    def raise_if_any(self, rest: Config | None = None) -> None:
        """rest: as ConfigError has it."""
        if self.problems:
            raise ConfigError((*in_order(self.problems[:MOST], self.file), *self.problems[MOST:]), rest) from None

    def _problem(self, place: Place | None, key: str, message: str, file: str) -> Problem:
        line, column = (place.line, place.column) if place else (0, 0)
        return Problem(file or self.file, line, column, key, redact(message))
