"""Entry points of a group: metadata only, nothing is imported."""

from __future__ import annotations

from importlib.metadata import distributions, entry_points
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.metadata import EntryPoint


def points(group: str) -> Iterator[EntryPoint]:
    """The group's entry points; a distribution with damaged metadata costs its own only."""
    try:
        yield from entry_points(group=group)
    except Exception:  # noqa: BLE001 - the metadata of any package on this machine may be damaged in any way
        for distribution in distributions():
            try:
                found = [point for point in distribution.entry_points if point.group == group]
            except Exception:  # noqa: BLE001, S112 - as above
                continue
            yield from found
