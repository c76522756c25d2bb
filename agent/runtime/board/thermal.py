"""Thermal zones, and at what heat the kernel slows the machine down.

The files are those of the kernel's Documentation/ABI/testing/sysfs-class-thermal: `temp` and `trip_point_N_temp` in
thousandths of a degree, `trip_point_N_type` (active, passive, hot, critical), `cdevM` a link to a cooling device and
`cdevM_trip_point` the number of the trip it belongs to.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agent.runtime.board import sysfs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_ZONES = "sys/class/thermal/thermal_zone*"
PI_LIMIT = 80.0
"""Degrees at which the firmware of a Raspberry Pi 4 or 5 slows it down. The kernel has no trip for it."""
_COLDEST, _HOTTEST = -40.0, 150.0
"""Beyond is no temperature, but a sensor's way to say that it is off."""
_LOWEST_TRIP = 45.0
"""Below is a placeholder: x86_pkg_temp shows 0 for a trip that nobody has set."""
_HARMLESS = ("fan", "alert")
"""Parts of the names of cooling devices that slow nothing down. Orin has a passive trip at 70 degrees that is bound to
`hot-surface-alert` alone."""


@dataclass(frozen=True, slots=True)
class Zone:
    """folder: its name below sys/class/thermal. name: its type, "cpu-thermal". celsius: now."""

    folder: str
    name: str
    celsius: float


@dataclass(frozen=True, slots=True)
class Heat:
    """The zone that is closest to its limit. limit: where the machine is slowed down, None where nothing tells."""

    zone: str
    celsius: float
    limit: float | None


def zones(root: Path) -> tuple[Zone, ...]:
    """Those that can be read now; a zone of a part that is switched off cannot."""
    found = []
    for folder in sorted(sysfs.matching(root, _ZONES), key=lambda f: (len(f), f)):
        celsius = sysfs.scaled(f"{folder}/temp", 1000)
        if celsius is not None and _COLDEST < celsius < _HOTTEST:
            name = folder.rpartition("/")[2]
            found.append(Zone(name, sysfs.text(f"{folder}/type") or name, celsius))
    return tuple(found)


def temperatures(seen: Iterable[Zone]) -> dict[str, float]:
    """By type, the hottest of each."""
    found: dict[str, float] = {}
    for zone in seen:
        found[zone.name] = max(zone.celsius, found.get(zone.name, _COLDEST))
    return found


def limits(root: Path) -> dict[str, float]:
    """By folder, the lowest trip at which something is slowed down. They do not change: to be asked once."""
    found = {}
    for folder in map(Path, sysfs.matching(root, _ZONES)):
        trips = [trip for trip in map(_slowing, folder.glob("trip_point_*_temp")) if trip is not None]
        if trips:
            found[folder.name] = min(trips)
    return found


def closest(seen: Iterable[Zone], known: Mapping[str, float], default: float | None) -> Heat | None:
    """default: the limit of a machine none of whose zones has one of its own; the hottest zone is held against it."""
    seen = tuple(seen)
    limited = [Heat(zone.name, zone.celsius, known[zone.folder]) for zone in seen if zone.folder in known]
    if limited:
        return max(limited, key=lambda heat: heat.celsius - (heat.limit or 0.0))
    hottest = max(seen, key=lambda zone: zone.celsius, default=None)
    return None if hottest is None else Heat(hottest.name, hottest.celsius, default)


def default_limit(root: Path) -> float | None:
    model = sysfs.text(root / "proc/device-tree/model") or ""
    return PI_LIMIT if model.startswith("Raspberry Pi") else None


def alerted(root: Path) -> bool | None:
    """Whether a Jetson says that it is slowed down for heat: its cooling devices `...-throttle-alert` do nothing else.

    None where there are none.
    """
    states = [
        sysfs.integer(f"{device}/cur_state")
        for device in sysfs.matching(root, "sys/class/thermal/cooling_device*")
        if (sysfs.text(f"{device}/type") or "").endswith("throttle-alert")
    ]
    known = [state for state in states if state is not None]
    return any(known) if known else None


def _slowing(trip: Path) -> float | None:
    """Its temperature, if something is slowed down there."""
    number = trip.name.split("_")[2]
    kind = sysfs.text(trip.with_name(f"trip_point_{number}_type"))
    celsius = sysfs.scaled(trip, 1000)
    if kind not in {"passive", "hot"} or celsius is None or not _LOWEST_TRIP <= celsius < _HOTTEST:
        return None
    cooling = list(_cooling(trip.parent, number))
    if cooling and all(any(word in device for word in _HARMLESS) for device in cooling):
        return None
    return celsius


def _cooling(zone: Path, number: str) -> Iterable[str]:
    for place in zone.glob("cdev*_trip_point"):
        if sysfs.text(place) == number:
            yield sysfs.text(place.with_name(place.name.removesuffix("_trip_point")) / "type") or ""
