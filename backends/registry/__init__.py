"""Which backends are installed, by entry-point metadata and backends.d only. Nothing of theirs is imported here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backends.points import points
from backends.registry import drop_in
from backends.registry.registered import Registered
from backends.registry.survey import Report, Survey, probe, survey, survey_all

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = [
    "GROUP",
    "Registered",
    "Report",
    "Survey",
    "discover",
    "probe",
    "survey",
    "survey_all",
]
GROUP = "vedette.backends"


def discover() -> dict[str, Registered]:
    """By name. Of two distributions that claim one name the first in sorted order counts; backends.d is above all."""
    found: dict[str, Registered] = {}
    for backend in sorted(map(_registered, points(GROUP)), key=lambda b: (b.name, b.distribution, b.entry_point)):
        found.setdefault(backend.name, backend)
    for own in drop_in.read_all():
        found[own.name] = own.over(found.get(own.name))
    return found


def _registered(point: EntryPoint) -> Registered:
    try:
        distribution = f"{point.dist.name} {point.dist.version}" if point.dist else "?"
    except Exception:  # noqa: BLE001 - metadata may be damaged in any way
        distribution = "?"
    return Registered(point.name, point.value, distribution)
