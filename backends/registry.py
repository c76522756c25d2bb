"""Which backends are installed, by entry-point metadata only. Importing and probing happen in child processes."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from backends.contract import BackendUnavailable, Device
from backends.protocol import LineReader, command, encode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

GROUP = "vedette.backends"
_FIRST, _LAST = ("tensorrt", "edgetpu"), ("openvino",)


@dataclass(frozen=True, slots=True)
class Registered:
    """An installed backend: what its distribution says, nothing of it imported."""

    name: str
    entry_point: str
    distribution: str


@dataclass(frozen=True, slots=True)
class Report:
    """What a backend said of itself in a child. status: available, unavailable or broken."""

    name: str
    distribution: str
    status: str
    reason: str
    hint: str
    devices: tuple[Device, ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def discover() -> dict[str, Registered]:
    """By name. Of two distributions that claim one name the first in sorted order counts."""
    found: dict[str, Registered] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda p: (p.name, p.dist.name if p.dist else "")):
        distribution = f"{point.dist.name} {point.dist.version}" if point.dist else "?"
        found.setdefault(point.name, Registered(point.name, point.value, distribution))
    return found


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
    return known[names[0]]


def auto_order(known: Mapping[str, Registered]) -> list[str]:
    """Accelerators first, the CPU last, strangers between."""
    between = sorted(name for name in known if name not in _FIRST + _LAST)
    return [name for name in (*_FIRST, *between, *_LAST) if name in known]


def probe(backend: Registered, timeout: float = 20.0) -> Report:
    """Asks the backend for its devices, in a child that is killed after `timeout` seconds."""
    requests, to_child = os.pipe()
    from_child, replies = os.pipe()
    child = subprocess.Popen(
        command(sys.executable, requests, replies, backend.name, backend.entry_point),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        pass_fds=(requests, replies),
        env={**os.environ, "PYTHONSAFEPATH": "1"},
    )
    os.close(requests)
    os.close(replies)
    try:
        os.write(to_child, encode("probe") + encode("close"))
        _, errors = child.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()
        return _report(backend, "broken", f"no answer for {timeout:.0f} s", "its driver or device may hang")
    except BrokenPipeError:
        _, errors = child.communicate()
    finally:
        os.close(to_child)
        os.set_blocking(from_child, False)
        messages = LineReader(from_child).drain()
        os.close(from_child)
    for message in messages:
        if message["op"] == "devices":
            devices = tuple(Device(**device) for device in message["devices"])
            return _report(backend, "available", "", "", devices)
        if message["op"] == "unavailable":
            return _report(backend, "unavailable", message["reason"], message["hint"])
    last = errors.decode(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
    return _report(backend, "broken", f"exit code {child.returncode}: {last[0]}", "")


def _report(backend: Registered, status: str, reason: str, hint: str, devices: tuple[Device, ...] = ()) -> Report:
    return Report(backend.name, backend.distribution, status, reason, hint, devices)
