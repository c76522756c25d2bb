"""What the retained topics of many devices add up to. Pure.

Whoever may publish can say anything, so all of it is bounded, and what is not of the interface stays unknown.
"""

from __future__ import annotations

from dataclasses import dataclass, field

MOST = 50_000
"""Devices; more than that are counted, not kept."""
MOST_EACH = 100
"""Cameras, engines, models and alerts of one device."""


@dataclass(frozen=True, slots=True)
class Info:
    """cameras: their ids. models: their names."""

    uid: str
    boot_id: str
    version: str
    models: tuple[str, ...]
    cameras: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """`summary`. cameras: status and frames a second. alerts: severity by code and subject. outbox: None: has none."""

    boot_id: str
    cameras: dict[str, tuple[str, float]]
    engines: dict[str, str]
    alerts: dict[tuple[str, str], str]
    outbox: int | None


@dataclass(slots=True)
class Device:
    """None is what has not been heard. status: `online` or `offline`. cameras, engines, alerts: from their own topics.

    uids: of all devices that spoke under this name. junk: topics below it that say what no vedette says.
    """

    status: str | None = None
    info: Info | None = None
    told: Told | None = None
    cameras: dict[str, str] = field(default_factory=dict)
    engines: dict[str, str] = field(default_factory=dict)
    alerts: dict[tuple[str, str], str] = field(default_factory=dict)
    uids: set[str] = field(default_factory=set)
    junk: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Fleet:
    """devices: by prefix and name, as `site-a/gate`. bridges: whether the broker of a prefix is joined to this one.

    beyond: messages of devices more than MOST. refused: topic filters the broker refused, with its word.
    notes: what whoever reads the list must know of it. whole: whether all that the broker keeps has been heard.
    """

    devices: dict[str, Device] = field(default_factory=dict)
    bridges: dict[str, bool] = field(default_factory=dict)
    beyond: int = 0
    refused: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    whole: bool = True

    def device(self, name: str) -> Device | None:
        """A new one if it is not known; None beyond MOST."""
        found = self.devices.get(name)
        if found is None:
            if len(self.devices) >= MOST:
                self.beyond += 1
                return None
            found = self.devices[name] = Device()
        return found
