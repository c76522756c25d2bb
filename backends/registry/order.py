"""Which backends are tried for a model, in which order."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from backends.contract import BackendUnavailable
from backends.models.facts import meant

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from backends.artifact import Artifact
    from backends.registry.registered import Registered

AUTO = "auto"
_FIRST, _LAST = ("tensorrt", "edgetpu"), ("openvino",)
READS: dict[str, tuple[str, ...]] = {
    "edgetpu": ("edgetpu",),
    "litert": ("tflite",),
    "openvino": ("onnx", "openvino", "tflite", "tensorflow"),
    "tensorrt": ("onnx", "tensorrt"),
}
"""The formats of our own backends, so that no worker is started only to refuse. External ones are asked."""
CHIPS = frozenset({"edgetpu", "tensorrt"})
"""Formats that only their chip runs."""


@dataclass(frozen=True, slots=True)
class Rung:
    """One backend for one model: the files it may run, best first.

    expected: asked for by name, or the model was made for this chip, or the last hope; then its absence is a fault.
    """

    program: Registered
    artifacts: tuple[Artifact, ...]
    expected: bool


def rungs(
    known: Mapping[str, Registered],
    order: Sequence[str],
    artifacts: Sequence[Artifact],
    fps: Mapping[str, float] | None = None,
) -> tuple[Rung, ...]:
    """The backends for the same model in several files (the first is the model itself), best first.

    order: names of backends, or ("auto",). fps: what was measured of this model here, by backend. A backend that reads
    none of the files has no rung. Raises BackendUnavailable when one is not installed, or no rung is left.
    """
    missing = [name for name in order if name != AUTO and name not in known]
    if missing:
        raise BackendUnavailable(
            "; ".join(f"backend {name!r} is not installed{meant(name, [AUTO, *known])}" for name in missing),
            f"installed: {', '.join(known) or 'none'}; see vedette backends",
        )
    broken = [name for name in order if name != AUTO and known[name].error]
    if broken:
        raise BackendUnavailable(known[broken[0]].error)
    names = dict.fromkeys(n for name in order for n in (automatic(known, fps) if name == AUTO else [name]))
    found: list[Rung] = []
    for name in names:
        own = tuple(artifact for artifact in artifacts if artifact.format in READS.get(name, (artifact.format,)))
        if own:
            found.append(Rung(known[name], own, name in order or (name in READS and own[0].format in CHIPS)))
    if not found:
        files = ", ".join(f"{artifact.path.name} ({artifact.format})" for artifact in artifacts)
        tried = ", ".join(names) or "no backend is installed"
        raise BackendUnavailable(f"no backend runs {files}", f"tried: {tried}; see vedette backends")
    found[-1] = replace(found[-1], expected=True)
    return tuple(found)


def automatic(known: Mapping[str, Registered], fps: Mapping[str, float] | None = None) -> list[str]:
    """Accelerators, external backends, the CPU; but of the last two the faster first where both were measured.

    What cannot be started is left out.
    """
    speed = fps or {}
    rest = sorted(name for name in known if name not in _FIRST)
    rest.sort(key=lambda name: -speed.get(name, -math.inf if name in _LAST else math.inf))
    return [name for name in (*_FIRST, *rest) if name in known and not known[name].error]


def only_chips(names: Iterable[str]) -> bool:
    """Whether none of these backends runs on a CPU."""
    return all(name in _FIRST for name in names)


def no_fallback(found: Sequence[Rung]) -> str | None:
    """What is lost when the first engine of a ladder is, where no other could take over."""
    if not only_chips(rung.program.name for rung in found):
        return None
    first = found[0]
    return (
        f"no fallback: {first.artifacts[0].path.name} runs on {first.program.name} only; put the same model for the CPU"
        " beside it (.onnx, .tflite or OpenVINO .xml), else nothing is seen while that chip is away"
    )
