"""Entry points: those of a group, from metadata only; and what one of them names.

importlib.metadata takes a quarter of a worker's start, which needs it for an external head only.
"""

from __future__ import annotations

from functools import reduce
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.metadata import EntryPoint


def points(group: str) -> Iterator[EntryPoint]:
    """The group's entry points, without an import of what they name. Damaged metadata cost those of a distribution."""
    from importlib.metadata import distributions, entry_points

    try:
        yield from entry_points(group=group)
    except Exception:  # noqa: BLE001 - the metadata of any package on this machine may be damaged in any way
        for distribution in distributions():
            try:
                found = [point for point in distribution.entry_points if point.group == group]
            except Exception:  # noqa: BLE001, S112 - as above
                continue
            yield from found


def named(value: str) -> Any:
    """What the value of an entry point stands for: "module:Class", or a longer way of names, or the module alone."""
    module, _, way = value.partition("[")[0].partition(":")
    return reduce(getattr, filter(None, way.strip().split(".")), import_module(module.strip()))
