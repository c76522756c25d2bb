"""Google Coral: TFLite files compiled for the Edge TPU, by libedgetpu as a delegate of LiteRT.

libedgetpu aborts its process when a stick is pulled out, and opening one blocks every thread of it. That is why an
engine has a worker process, which the daemon kills; nothing here guards against it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from backends.contract import (
    API,
    ArtifactError,
    BackendError,
    BackendUnavailable,
    Device,
    EngineError,
    EngineInfo,
    Output,
    Progress,
)
from backends.tflite import coral, diagnosis, libedgetpu, runtimes
from backends.tflite.engine import TFLiteEngine, short

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from backends.artifact import Artifact
    from backends.tflite.coral import Chip

_LEVELS = ("Low", "Medium", "High", "Max")
_RUNTIMES = (runtimes.LITERT, runtimes.TFLITE, runtimes.PYCORAL)


@dataclass(frozen=True, slots=True)
class Options:
    """library: path or name of libedgetpu; None: it is searched. runtime: auto, or one of _RUNTIMES.

    performance: clock of the chip, Low, Medium, High or Max; empty leaves it to the library.
    """

    library: str | None = None
    runtime: str = "auto"
    performance: str = ""

    def __post_init__(self) -> None:
        for key, value, allowed in (
            ("runtime", self.runtime, ("auto", *_RUNTIMES)),
            ("performance", self.performance, ("", *_LEVELS)),
        ):
            if value not in allowed:
                raise BackendError(f"edgetpu: {key} is {value!r}, not one of {', '.join(filter(None, allowed))}")


class EdgeTPU:
    """One process has a chip for itself; with several chips each worker takes the next free one."""

    name = "edgetpu"
    api = API
    options = Options
    open_seconds = 10.0

    def probe(self) -> list[Device]:
        """The chips that the kernel lists; none is opened. Raises BackendUnavailable with the likely reason."""
        at = coral.root()
        chips = coral.chips(at)
        if not chips:
            raise diagnosis.none_found(at)
        runtime = runtimes.find(_RUNTIMES)
        try:
            library = libedgetpu.find().version
            remark = ""
        except BackendUnavailable as e:
            library, remark = "missing", str(e)  # the option `library`, which is not known here, may name another
        return [_device(chip, at, {"runtime": runtime.text, "library": library, "remarks": remark}) for chip in chips]

    def accepts(self, artifact: Artifact) -> str | None:
        if artifact.format == "edgetpu":
            return None
        return f"{artifact.path.name} is {artifact.format}, not compiled for the Edge TPU"

    def load(self, artifact: Artifact, device: Device, options: Options, progress: Progress) -> TFLiteEngine:
        runtime = runtimes.find(_RUNTIMES if options.runtime == "auto" else (options.runtime,))
        library = libedgetpu.find(options.library)
        at = coral.root()
        chips = coral.chips(at)
        chip = next((one for one in chips if one.id == device.id), None)
        if chip is None:
            raise BackendUnavailable(f"{device.id} is no longer there", "it is used again when it is back")
        barred = diagnosis.closed(chip)
        if barred is not None:
            raise barred  # the library would say no more than that it does not see the chip
        delegate = {"device": libedgetpu.index(library, chip, chips)}
        if options.performance:
            delegate["Performance"] = options.performance

        def open_() -> Any:
            progress("open", 0.2)  # also of a `run` that has to open it again
            try:
                return runtime.open_delegated(artifact.path, library.path, delegate)
            except runtimes.DelegateRefused as e:
                raise diagnosis.not_opened(chip, at) from e

        def describe(precision: str, outputs: tuple[Output, ...], notes: tuple[str, ...]) -> EngineInfo:
            return EngineInfo(
                backend=self.name,
                device=chip.id,
                version=f"{library.version}, {runtime.text}",
                precision=precision,
                streams=1,
                exclusive=True,
                outputs=outputs,
                notes=(f"device {delegate['device']}", *diagnosis.remarks(chip, at), *notes),
                deadline=1.0,
            )

        try:
            return TFLiteEngine(open_, artifact, describe, lambda: _sensors(chip, at))
        except (RuntimeError, ValueError) as e:
            raise _refused(artifact, library, short(e)) from e


def _device(chip: Chip, at: Path, details: Mapping[str, str]) -> Device:
    found = dict(details)
    if chip.speed:
        found["speed"] = f"{chip.speed} Mbit/s"
    found["remarks"] = "; ".join(filter(None, [found["remarks"], *diagnosis.remarks(chip, at)]))
    return Device(chip.id, chip.name, found)


def _sensors(chip: Chip, at: Path) -> dict[str, float]:
    degrees = coral.temperature(chip, at)
    return {} if degrees is None else {"temperature_c": degrees}


def _refused(artifact: Artifact, library: libedgetpu.Library, text: str) -> BackendError:
    """What the runtime said when the graph was prepared, told apart by its cause."""
    if "requires runtime version" in text:
        return BackendUnavailable(
            f"libedgetpu ({library.version}) is older than the compiler of {artifact.path.name}: {text}",
            "install a newer libedgetpu",
        )
    if "unresolved custom op" in text:
        return BackendUnavailable(
            f"libedgetpu ({library.version}) took no operator of {artifact.path.name}: {text}",
            "it must fit the TFLite runtime: install its build for TensorFlow 2.16 or newer",
        )
    if "failed to prepare" in text:
        return EngineError(f"{artifact.path.name}: the Edge TPU does not take it: {text}")
    return ArtifactError(f"{artifact.path.name}: cannot be read: {text}")
