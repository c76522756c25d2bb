"""One model on this machine: measured on every engine that runs it (`vedette models bench`), or made ready to start."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from backends import registry, tuning
from backends.contract import BackendError, BackendUnavailable, EngineError
from backends.models import speeds, store
from backends.models.speeds import Speed
from backends.registry import order

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from backends.artifact import Artifact
    from backends.contract import Progress
    from backends.registry import Registered, Survey
    from backends.tuning import Measured

_CHOICES = {"openvino": [{"mode": m, "precision": p} for p in ("f32", "bf16") for m in ("latency", "throughput")]}
"""The modes and precisions that are measured one by one; other backends have one way to run a model."""
_SECONDS = {"tensorrt": 3600.0}
"""An engine that is built first, on a small computer, takes so long at worst."""
_WONDERING_SECONDS = 3.0
_CLEARLY = 1.05
"""Less than this is what two runs of the same engine differ by."""


@dataclass(frozen=True, slots=True)
class Row:
    """usual: as the daemon would run it; not so a precision that nobody checked for this model."""

    backend: str
    file: str
    usual: bool
    figures: Measured


@dataclass(frozen=True, slots=True)
class Bench:
    """cannot: by backend, why it does not run the model here. kept: whether `auto` will find the figures.

    auto: the backend that `auto` takes from now on, of those that ran. best: which it should prefer.
    """

    rows: tuple[Row, ...]
    cannot: dict[str, str]
    auto: str
    best: str
    kept: bool

    def to_json(self) -> dict[str, Any]:
        rows = [{"backend": r.backend, "file": r.file, "usual": r.usual, **asdict(r.figures)} for r in self.rows]
        return {"rows": rows, "cannot": self.cannot, "auto": self.auto, "prefer": self.best, "kept": self.kept}


def measure(model: str, shown: Callable[[str], AbstractContextManager[Progress]]) -> Bench:
    """Every installed backend that can run the model or one of its twins here.

    shown: called with what is measured; gives the progress to tell while it is. Raises BackendError if none can.
    """
    ladder = store.ladder(model)
    known = registry.discover()
    names = [*order.automatic(known), *(name for name in known if known[name].error)]
    surveys = registry.survey_all([known[name] for name in names], ladder)
    rows: list[Row] = []
    cannot: dict[str, str] = {}
    for name, survey in zip(names, surveys, strict=True):
        found = _try(known[name], survey, ladder, shown)
        if isinstance(found, str):
            cannot[name] = found
        else:
            rows += found
    if not rows:
        listed = "\n".join(f"  {name}: {why}" for name, why in cannot.items()) or "  no backend is installed"
        raise BackendUnavailable(f"no engine here runs {ladder[0].name}:\n{listed}")
    best = {row.backend: _speed(row) for row in sorted(rows, key=lambda r: (r.usual, r.figures.fps))}
    kept = speeds.keep(ladder[0], list(best.values()))
    fps = {name: speed.fps for name, speed in best.items()}
    auto = next(name for name in order.automatic(known, fps if kept else None) if name in best)
    return Bench(tuple(rows), cannot, auto, prefer(fps, auto), kept)


def prefer(fps: Mapping[str, float], auto: str) -> str:
    """The fastest backend, but the one that `auto` takes anyway unless another is clearly faster."""
    fastest = max(fps, key=lambda name: fps[name])
    return fastest if fps[fastest] > fps[auto] * _CLEARLY else auto


def prepare(model: str, progress: Progress) -> None:
    """Loads the model once on each engine: its mode is measured, its compiled form cached, before a camera waits.

    Raises BackendError when no engine here can run it.
    """
    ladder = store.ladder(model)
    progress("measure", 0.0)
    known = registry.discover()
    # The daemon builds for TensorRT while the CPU serves; nobody should wait for that at a pull.
    names = [name for name in order.automatic(known) if name not in _SECONDS]
    cannot: BackendError = BackendUnavailable("no backend is installed", "pip install 'vedette[openvino]'")
    ready = False
    for survey in registry.survey_all([known[name] for name in names], ladder):
        usable = _usable(survey, ladder)
        if isinstance(usable, str):
            cannot = BackendUnavailable(f"{survey.report.name}: {usable}")
            continue
        try:
            tuning.measure_installed(
                known[survey.report.name], usable[0], [{"mode": "auto", "threads": None}], _if_slow(progress)
            )
            ready = True
        except EngineError as error:
            cannot = error
    if not ready:
        raise cannot
    progress("measure", 1.0)


def _try(
    backend: Registered,
    survey: Survey,
    ladder: Sequence[Artifact],
    shown: Callable[[str], AbstractContextManager[Progress]],
) -> list[Row] | str:
    """The figures with the first file that runs; else why none does."""
    usable = _usable(survey, ladder)
    if isinstance(usable, str):
        return usable
    why = ""
    for artifact in usable:
        choices = _CHOICES.get(backend.name, [{}])
        try:
            with shown(f"{artifact.path.name} on {backend.name}") as progress:
                progress("measure", 0.0)
                seconds = _SECONDS.get(backend.name, 120.0)
                found = tuning.measure_installed(backend, artifact, choices, _if_slow(progress), seconds)
        except EngineError as error:
            why = str(error)
            continue
        # A precision this chip lacks was measured as another one, which is there already.
        own = [
            f for choice, f in zip(choices, found, strict=True) if choice.get("precision", f.precision) == f.precision
        ]
        usual = _usual(artifact, [figures.precision for figures in own])
        return [Row(backend.name, artifact.path.name, figures.precision in usual, figures) for figures in own]
    return why


def _if_slow(progress: Progress) -> Progress:
    """What a backend says while it loads, once that takes so long that somebody wonders."""
    start = time.monotonic()

    def tell(phase: str, done: float) -> None:
        if time.monotonic() - start > _WONDERING_SECONDS:
            progress(phase, done)

    return tell


def _usual(artifact: Artifact, precisions: Sequence[str]) -> set[str]:
    """The precision in which the daemon would run it, of those there are."""
    if len(set(precisions)) == 1:
        return set(precisions)
    return {"bf16" if artifact.precision == "bf16" else "f32"}


def _usable(survey: Survey, ladder: Sequence[Artifact]) -> list[Artifact] | str:
    report = survey.report
    if survey.refusals and all(survey.refusals):
        others = ", ".join(artifact.path.name for artifact in ladder[1:])
        return f"{survey.refusals[0]}" + (f"; nor does it run {others}" if others else "")
    if report.status != "available":
        return f"{report.status}: {report.reason}" + (f" ({report.hint})" if report.hint else "")
    if not survey.refusals:
        return "it does not say which models it runs"
    return [artifact for artifact, refusal in zip(ladder, survey.refusals, strict=True) if refusal is None]


def _speed(row: Row) -> Speed:
    found = row.figures
    return Speed(
        row.backend, found.device, found.version, row.file, found.mode, found.precision, found.fps, found.p50_ms
    )
