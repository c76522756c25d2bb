"""How each device of a fleet is, judged by what was heard of it. Pure. Unknown is None, never empty.

`summary` says all of it at one moment, so where it was heard it stands: a bridge that was full may have lost the one
message that ended an alert. Without it there are the topics of cameras, engines and alerts.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal, get_args

from agent.config.names import is_id
from agent.publish.summary import FEW

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.tools.fleet.state import Device, Fleet

State = Literal["online", "degraded", "blind", "offline", "unknown"]
STATES: tuple[State, ...] = get_args(State)
_AT_REST = ("disabled", "ended")
TAKEOVER = "mqtt-takeover"


@dataclass(frozen=True, slots=True)
class Row:
    """alerts: severity by `code/subject`; None: not known whether there are others than those in `heard`.

    unknown: what should have been heard and was not. notes: what else is wrong. What is told only while a device is
    online (fps, alerts, outbox) is None for one that is not.
    """

    name: str
    state: State
    fps: float | None
    alerts: dict[str, str] | None
    heard: dict[str, str]
    outbox: int | None
    version: str | None
    models: tuple[str, ...] | None
    cameras: dict[str, str]
    engines: dict[str, str]
    unknown: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def troubled(self) -> bool:
        """Whether somebody should look after it."""
        late = self.outbox is not None and self.outbox >= FEW
        return self.state != "online" or bool(self.heard or self.unknown or self.notes) or late


def rows(fleet: Fleet, patterns: Sequence[str] = (), *, troubled: bool = False) -> list[Row]:
    """By name. patterns: of names, with and without prefix; one must match. troubled: only those."""
    found = [row(name, device, fleet) for name, device in sorted(fleet.devices.items()) if _wanted(name, patterns)]
    return [each for each in found if each.troubled or not troubled]


def _wanted(name: str, patterns: Sequence[str]) -> bool:
    own = name.rpartition("/")[2]
    return not patterns or any(fnmatchcase(name, p) or fnmatchcase(own, p) for p in patterns)


def row(name: str, device: Device, fleet: Fleet) -> Row:
    """name: with its prefix."""
    prefix, _, own = name.rpartition("/")
    cut = fleet.bridges.get(prefix) is False
    info, told = device.info, device.told
    notes = _notes(own, device)
    if told is not None and info is not None and told.boot_id != info.boot_id:
        told = None
        notes.append("`info` and `summary` are of two runs: it has just started, or two devices have this name")
    if cut:
        notes.append(f"the bridge of {prefix} is down: what it last said")
    alive = device.status == "online" and not cut
    cameras = device.cameras if told is None else {k: c[0] for k, c in told.cameras.items()}
    engines = device.engines if told is None else told.engines
    heard = {"/".join(key): s for key, s in (device.alerts if told is None else told.alerts).items()}
    if alive and any(alert.startswith(f"{TAKEOVER}/") for alert in heard):
        notes.append("another client connects under this name")
    return Row(
        name,
        "unknown" if cut or device.status is None else _state(device.status, cameras, engines),
        sum(fps for _, fps in told.cameras.values()) if told and alive else None,
        heard if told and alive else None,
        heard if alive else {},
        told.outbox if told and alive else None,
        info.version if info else None,
        info.models if info else None,
        cameras,
        engines,
        tuple(_unknown(device, cut=cut, told=told is not None)),
        tuple(notes),
    )


def _unknown(device: Device, *, cut: bool, told: bool) -> list[str]:
    """An offline device tells nothing, so of that nothing is missing."""
    missing = ["status"] if device.status is None or cut else []
    missing += ["info"] if device.info is None else []
    return [*missing, *(["summary"] if not told and device.status != "offline" else [])]


def _notes(own: str, device: Device) -> list[str]:
    notes = []
    if not is_id(own):
        notes.append("no vedette has such a name")
    if len(device.uids) > 1:
        notes.append(f"{len(device.uids)} devices have this name ({', '.join(sorted(device.uids))})")
    if device.junk:
        shown = sorted(device.junk)
        more = f" and {len(shown) - 3} more" if len(shown) > 3 else ""
        notes.append(f"publishes what no vedette publishes: {', '.join(shown[:3])}{more}")
    return notes


def _state(status: str, cameras: dict[str, str], engines: dict[str, str]) -> State:
    if status == "offline":
        return "offline"
    working = [state for state in cameras.values() if state not in _AT_REST]
    dark = working and "online" not in working
    dead = engines and not {"serving", "degraded"} & set(engines.values())
    if dark or dead:
        return "blind"
    whole = all(state == "online" for state in working) and all(state == "serving" for state in engines.values())
    return "online" if whole else "degraded"
