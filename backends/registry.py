"""Which backends are installed, by entry-point metadata and backends.d only. Nothing of theirs is imported here."""

from __future__ import annotations

from importlib.metadata import distributions, entry_points
from typing import TYPE_CHECKING

from backends import drop_in
from backends.contract import BackendUnavailable
from backends.registered import Registered
from backends.survey import Report, Survey, probe, survey, survey_all

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from importlib.metadata import EntryPoint

__all__ = [
    "GROUP",
    "Registered",
    "Report",
    "Survey",
    "auto_order",
    "choose",
    "discover",
    "probe",
    "survey",
    "survey_all",
]
GROUP = "vedette.backends"
_FIRST, _LAST = ("tensorrt", "edgetpu"), ("openvino",)


def discover() -> dict[str, Registered]:
    """By name. Of two distributions that claim one name the first in sorted order counts; backends.d is above all."""
    found: dict[str, Registered] = {}
    for backend in sorted(map(_registered, _points()), key=lambda b: (b.name, b.distribution, b.entry_point)):
        found.setdefault(backend.name, backend)
    for own in drop_in.read_all():
        found[own.name] = own.over(found.get(own.name))
    return found


def _points() -> Iterator[EntryPoint]:
    """The group's entry points; a distribution with damaged metadata costs its own only."""
    try:
        yield from entry_points(group=GROUP)
    except Exception:  # noqa: BLE001 - the metadata of any package on this machine may be damaged in any way
        for distribution in distributions():
            try:
                points = [point for point in distribution.entry_points if point.group == GROUP]
            except Exception:  # noqa: BLE001, S112 - as above
                continue
            yield from points


def _registered(point: EntryPoint) -> Registered:
    try:
        distribution = f"{point.dist.name} {point.dist.version}" if point.dist else "?"
    except Exception:  # noqa: BLE001 - as above
        distribution = "?"
    return Registered(point.name, point.value, distribution)


def choose(known: Mapping[str, Registered], order: Sequence[str]) -> Registered:
    """The first installed backend of an order; ("auto",) is the built-in order. Raises BackendUnavailable."""
    missing = [name for name in order if name != "auto" and name not in known]
    if missing:
        raise BackendUnavailable(
            f"backend {missing[0]!r} is not installed",
            f"installed: {', '.join(known) or 'none'}; see vedette backends",
        )
    names = list(auto_order(known)) if "auto" in order else list(order)
    if not names:
        raise BackendUnavailable("no backend is installed", "pip install 'vedette[openvino]'")
    if known[names[0]].error:
        raise BackendUnavailable(known[names[0]].error)
    return known[names[0]]


def auto_order(known: Mapping[str, Registered]) -> list[str]:
    """Accelerators first, the CPU last, strangers between; what cannot be started is left out."""
    between = sorted(name for name in known if name not in _FIRST + _LAST)
    return [name for name in (*_FIRST, *between, *_LAST) if name in known and not known[name].error]
