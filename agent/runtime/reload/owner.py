"""What a reload tells the daemon."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from agent.config.redact import redact

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from agent.config import Config, Problem
    from agent.publish.payloads import ConfigStatus


def as_told(problems: Iterable[Problem]) -> list[dict[str, Any]]:
    """As `config/status` has them, without secrets."""
    return [{**asdict(problem), "message": redact(problem.message)} for problem in problems]


class Told(NamedTuple):
    """What became of a config. origin: file, remote or command. changed: keys, cameras by their ids."""

    status: ConfigStatus
    origin: str
    changed: Sequence[str] = ()


class Owner(Protocol):
    """The daemon, as far as it must know."""

    @property
    def ready(self) -> bool:
        """Whether it has ever been."""

    def adopt(self, config: Config) -> None:
        """From now on it is what runs."""

    def settled(self) -> None:
        """What was there only for the former one is gone."""

    def reloaded(self, told: Told) -> None:
        """Something was decided; the status has changed."""

    def begin_anew(self) -> None:
        """The daemon must start again to use what is wanted now."""
