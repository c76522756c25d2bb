"""NVIDIA GPUs: TensorRT 8.5 to 11 as the system has it, engines built here from ONNX and kept. Untested on hardware.

TensorRT is asked for only after CUDA said that there is a GPU: without a driver its objects can be made, and using them
ends the process.
"""

from __future__ import annotations

import contextlib
import hashlib
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from backends.atomic import write_atomic
from backends.contract import (
    API,
    ArtifactError,
    BackendError,
    BackendUnavailable,
    Device,
    EngineError,
    EngineInfo,
    Progress,
)
from backends.trt import api, memory, plans
from backends.trt.child import ChildDied, run_child
from backends.trt.cuda import Cuda, CudaError, Gpu, open_cuda
from backends.trt.engine import Loaded, TensorRTEngine
from backends.trt.request import AS_FILE, FP16_FLAG, BuildRequest
from backends.trt.trial import TrialRequest, deserialised

if TYPE_CHECKING:
    from backends.artifact import Artifact

_IO = ("auto", "mapped", "copy")
_PRECISION = ("auto", FP16_FLAG, AS_FILE)
_DOES_NOT_FIT = ("expecting", "serialization", "version tag", "magictag")
_TRIAL_SECONDS = 170.0
_ROUNDS = 20


@dataclass(frozen=True, slots=True)
class Options:
    """io: how tensors reach the GPU; auto measures both where the GPU shares the CPU's memory, else copies.

    precision: f16 and f32, or auto: f16 where the GPU is fast at it and the model does not ask for f32. TensorRT 11
    and newer take it from the model file. workspace_mib: what the builder may use for one layer, 0 for what suits the
    machine. build_seconds: after which a build is given up.
    """

    io: str = "auto"
    precision: str = "auto"
    workspace_mib: int = 0
    build_seconds: float = 3600.0

    def __post_init__(self) -> None:
        for name, value, allowed in (("io", self.io, _IO), ("precision", self.precision, _PRECISION)):
            if value not in allowed:
                raise ValueError(f"option {name}: {value!r} is not one of {', '.join(allowed)}")
        if not 0 <= self.workspace_mib <= 65536:
            raise ValueError(f"option workspace_mib: {self.workspace_mib} is not within 0..65536")
        if not 1 <= self.build_seconds <= 86400:
            raise ValueError(f"option build_seconds: {self.build_seconds} is not within 1..86400")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a model is loaded."""

    trt: api.Module
    cuda: Cuda
    gpu: Gpu

    def key(self, model: str, precision: str, shape: tuple[int, ...], workspace_mib: int) -> plans.PlanKey:
        return plans.PlanKey(
            model=model,
            tensorrt=api.version(self.trt),
            cuda=self.cuda.version(),
            compute=self.gpu.compute,
            device=f"{self.gpu.name}, {self.gpu.processors} multiprocessors",
            precision=precision,
            shape=shape,
            workspace_mib=workspace_mib,
        )


class TensorRT:
    name = "tensorrt"
    api = API
    options = Options
    open_seconds = 180.0

    def probe(self) -> list[Device]:
        cuda, count = open_cuda()
        try:
            gpus = [cuda.gpu(index) for index in range(count)]
            version = cuda.version()
        except CudaError as error:
            raise BackendUnavailable(str(error), "see nvidia-smi and dmesg") from error
        details = {"tensorrt": api.version(api.load()), "cuda": version}
        return [
            Device(
                f"cuda:{gpu.index}",
                gpu.name,
                {**details, "compute": gpu.compute, "integrated": "yes" if gpu.integrated else "no"},
            )
            for gpu in gpus
        ]

    def accepts(self, artifact: Artifact) -> str | None:
        if artifact.format not in {"onnx", "tensorrt"}:
            return (
                f"{artifact.path.name} is {artifact.format}; tensorrt reads onnx, and engines exported by Ultralytics"
            )
        return None

    def load(self, artifact: Artifact, device: Device, options: Options, progress: Progress) -> TensorRTEngine:
        cuda, count = open_cuda()
        index = int(device.id.rpartition(":")[2])
        if index >= count:
            raise BackendUnavailable(f"{device.id} is gone", f"there are {count} GPUs now")
        cuda.use(index)
        place = _Place(api.load(), cuda, cuda.gpu(index))
        if artifact.format == "tensorrt":
            precision = "as built"
            engine = _foreign(artifact, place, progress)
        else:
            precision = _precision(options.precision, artifact, place)
            engine = _built(artifact, place, precision, options, progress)
        progress("buffers", 0.95)
        about = EngineInfo(self.name, device.id, api.version(place.trt), precision, 1, False, ())
        return _with_io(Loaded(place.trt, api.log_of(place.trt), engine, about, index), place, artifact, options.io)


def _precision(stated: str, artifact: Artifact, place: _Place) -> str:
    """f16, or f32: everything as the model file has it."""
    if stated != "auto":
        return stated
    major, _, minor = place.gpu.compute.partition(".")
    # Half precision is slower on the others (CUDA C++ Programming Guide, throughput of arithmetic instructions).
    fast = int(major) >= 7 or (major, minor) in {("5", "3"), ("6", "0"), ("6", "2")}
    has_flag = api.feature(place.trt.BuilderFlag, "FP16") is not None
    return FP16_FLAG if fast and has_flag and artifact.precision != "f32" else AS_FILE


def _built(artifact: Artifact, place: _Place, precision: str, options: Options, progress: Progress) -> api.Engine:
    """The engine of an ONNX file, out of the cache or built in a child."""
    request = _request(artifact, place, precision, memory.workspace_mib(options.workspace_mib))
    plan = plans.read(request.plan, request.key)
    if plan is not None:
        progress("load the kept engine", 0.5)
        try:
            return deserialised(place.trt, plan)
        except EngineError as error:
            # Only what another build would cure: too little memory, for one, it would not.
            if not any(word in str(error).lower() for word in _DOES_NOT_FIT):
                raise
            plans.forget(request.plan)
    lack = memory.shortage(artifact.path.stat().st_size, request.key.workspace_mib)
    if lack:
        raise BackendUnavailable(lack, memory.RECIPE)
    if lack := plans.shortage(request.plan.parent, artifact.path.stat().st_size):
        raise BackendUnavailable(lack, "make room there: building takes minutes, and the engine is kept")
    if failure := plans.failed_lately(request.plan, options.build_seconds):
        again = f"it is tried again after a day, or once {request.plan.with_suffix('.failed')} is removed"
        raise BackendUnavailable(f"the engine could not be built: {failure}", again)
    try:
        run_child("backends.trt.build", request.to_json(), options.build_seconds, "building the engine", progress)
    except BackendError as error:
        if not (isinstance(error, EngineError) and error.retriable):
            plans.note_failure(request.plan, options.build_seconds, str(error))
        raise
    plan = plans.read(request.plan, request.key)
    if plan is None:
        raise EngineError(f"the engine just built is not in {request.plan.parent}; is the disk full?", retriable=True)
    return deserialised(place.trt, plan)


def _request(artifact: Artifact, place: _Place, precision: str, workspace: int) -> BuildRequest:
    spec = artifact.input
    shape = (1, 3, spec.height, spec.width) if spec.layout == "NCHW" else (1, spec.height, spec.width, 3)
    key = place.key(plans.model_digest(artifact.path), precision, shape, workspace)
    return BuildRequest(artifact.path, plans.path_of(plans.folder_for(artifact), artifact.name, key), key)


def _foreign(artifact: Artifact, place: _Place, progress: Progress) -> api.Engine:
    """An engine that somebody else built: first tried in a child, once per file and machine."""
    from backends.formats.engine import read_header
    from backends.formats.window import Window

    with Window(artifact.path) as window:
        offset = read_header(window).plan
    try:
        plan = artifact.path.read_bytes()[offset:]
    except OSError as error:
        raise ArtifactError(f"{artifact.path}: cannot be read: {error.strerror}") from error
    digest = hashlib.sha256(plan).hexdigest()
    key = place.key(digest, "trial", (), 0)
    tried = None
    with contextlib.suppress(BackendUnavailable):
        tried = plans.path_of(plans.folder_for(artifact), artifact.name, key).with_suffix(".tried")
    if tried is None or not tried.is_file():
        request = TrialRequest(artifact.path, offset, digest, place.gpu.index)
        try:
            run_child("backends.trt.trial", request.to_json(), _TRIAL_SECONDS, "trying the engine", progress)
        except ChildDied as error:
            raise ArtifactError(
                f"{artifact.path.name}: {error}: it is damaged, or was built by another TensorRT or for another GPU; "
                "use the .onnx it was built from, which is built into an engine here"
            ) from error
        if tried is not None:
            with contextlib.suppress(OSError):
                write_atomic(tried, b"")
    return deserialised(place.trt, plan)


def _with_io(loaded: Loaded, place: _Place, artifact: Artifact, io: str) -> TensorRTEngine:
    """One way of I/O, or the faster of both."""
    if io == "mapped" and not place.gpu.can_map:
        raise BackendUnavailable(f"{place.gpu.name} cannot map the CPU's memory", "set option io: copy")

    def make(*, mapped: bool) -> TensorRTEngine:
        integrated = place.gpu.integrated
        return TensorRTEngine(loaded, place.cuda, artifact.input, mapped=mapped, copy_out=integrated)

    if io != "auto" or not (place.gpu.integrated and place.gpu.can_map):
        return make(mapped=io == "mapped")
    speeds = {}
    for mapped in (True, False):
        engine = make(mapped=mapped)
        try:
            speeds[mapped] = _median_ms(engine, artifact)
        finally:
            engine.close()
    measured = f"mapped {speeds[True]:.2f} ms, copied {speeds[False]:.2f} ms"
    about = replace(loaded.about, notes=(*loaded.about.notes, measured))
    best = speeds[True] <= speeds[False]
    return TensorRTEngine(replace(loaded, about=about), place.cuda, artifact.input, mapped=best, copy_out=True)


def _median_ms(engine: TensorRTEngine, artifact: Artifact) -> float:
    image = np.zeros((artifact.input.height, artifact.input.width, 3), np.uint8)
    times = []
    for _ in range(_ROUNDS):
        start = time.monotonic()
        engine.run(image)
        times.append((time.monotonic() - start) * 1e3)
    return float(np.median(times[_ROUNDS // 4 :]))
