"""All that a board says, at one moment."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.runtime.board import jetson, pi, thermal

if TYPE_CHECKING:
    from collections.abc import Mapping

_ROOT = Path("/")


@dataclass(frozen=True, slots=True)
class Board:
    """Each None, or empty, where the board does not tell.

    undervoltage: the supply is too weak now. throttled: it is slowed down now, for heat or power. seen: which of these
    has been since the start. gpu_load: 0 to 1. power: watts by rail. temperatures: degrees Celsius by zone.
    """

    undervoltage: bool | None = None
    throttled: bool | None = None
    seen: tuple[str, ...] = ()
    gpu_load: float | None = None
    power: Mapping[str, float] = field(default_factory=dict)
    power_mode: str | None = None
    temperatures: Mapping[str, float] = field(default_factory=dict)

    @property
    def temperature(self) -> float | None:
        """The hottest zone's."""
        return max(self.temperatures.values(), default=None)

    def to_json(self) -> dict[str, Any]:
        """As `board` of the topic `health`."""
        return {
            "undervoltage": self.undervoltage,
            "throttled": self.throttled,
            "gpu_load": self.gpu_load,
            "power_w": dict(self.power),
            "power_mode": self.power_mode,
            "temperatures": dict(self.temperatures),
        }


def read(root: Path = _ROOT) -> Board:
    """A few dozen small files: for every 10 s, not for every frame."""
    supply = pi.supply(root)
    return Board(
        undervoltage=supply.undervoltage,
        throttled=supply.throttled if supply.throttled is not None else thermal.alerted(root),
        seen=supply.seen,
        gpu_load=jetson.gpu_load(root),
        power=jetson.power(root),
        power_mode=jetson.power_mode(root),
        temperatures=thermal.temperatures(thermal.zones(root)),
    )


class Thermometer:
    """Reads the heat that matters often and cheaply: the limits are looked up once."""

    def __init__(self, root: Path = _ROOT) -> None:
        self._root = root
        self._limits = thermal.limits(root)
        self._default = thermal.default_limit(root)

    def heat(self) -> thermal.Heat | None:
        """The zone that is closest to being slowed down; None where no zone can be read."""
        return thermal.closest(thermal.zones(self._root), self._limits, self._default)

    def throttled(self) -> bool | None:
        """Whether the machine is slowed down for heat now. A weak supply is another matter: see `undervoltage`."""
        hot = pi.supply(self._root).hot
        return hot if hot is not None else thermal.alerted(self._root)
