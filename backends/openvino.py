"""The CPU engine: OpenVINO on x86-64 and aarch64. Reads ONNX, OpenVINO IR, TFLite and TensorFlow frozen graphs."""

from __future__ import annotations

import contextlib
import json
import sys
import threading
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from backends import compile_cache
from backends.contract import (
    API,
    ArtifactError,
    BackendUnavailable,
    Device,
    EngineError,
    EngineInfo,
    Output,
    Progress,
)
from backends.formats.openvino import chosen
from backends.models.shapes import POSTPROCESS
from backends.pixels import table
from backends.tuning import mode_speeds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from backends.artifact import Artifact

GRAPH = 2
"""To be raised when `with_encoding` adds something else, so that what was compiled before is compiled anew."""


@dataclass(frozen=True, slots=True)
class Options:
    """mode: auto (measured once per model and machine), latency (all cores on one frame) or throughput.

    threads: at most so many, None leaves it to the runtime. every_frame: nothing is live, so that frames a second
    count and the age of a single one does not.
    """

    mode: str = "auto"
    threads: int | None = None
    every_frame: bool = False


class OpenVINO:
    name = "openvino"
    api = API
    options = Options

    def probe(self) -> list[Device]:
        core = _import().Core()
        try:
            # Asked for by name: to list the devices, OpenVINO loads the plug-ins of all of them, 28 MB.
            name = str(core.get_property("CPU", "FULL_DEVICE_NAME")).strip()
            capabilities = " ".join(core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"))
        except RuntimeError as e:
            raise BackendUnavailable(
                f"OpenVINO has no CPU plug-in here: {_first_line(e)}", "reinstall the package openvino"
            ) from e
        return [Device("cpu", name, {"openvino": _version(), "capabilities": capabilities})]

    def accepts(self, artifact: Artifact) -> str | None:
        formats = ("onnx", "openvino", "tflite", "tensorflow")
        if artifact.format not in formats:
            return f"{artifact.path.name} is {artifact.format}; openvino reads {', '.join(formats)}"
        if POSTPROCESS in artifact.custom_ops:
            return f"{artifact.path.name} has the operator {POSTPROCESS}, which OpenVINO cannot load; litert runs it"
        return None

    def load(self, artifact: Artifact, device: Device, options: Options, progress: Progress) -> OpenVINOEngine:
        settings: dict[str, Any] = {"INFERENCE_PRECISION_HINT": _precision(artifact, device)}
        if options.threads:
            settings["INFERENCE_NUM_THREADS"] = options.threads
        mode = options.mode
        notes: tuple[str, ...] = ()
        if mode == "auto":
            progress("tune", 0.0)
            mode, note = self._measured_mode(artifact, device, options)
            notes = (note,)
        progress("compile", 0.5)
        settings["PERFORMANCE_HINT"] = "THROUGHPUT" if mode == "throughput" else "LATENCY"
        compiled, outputs = _kept(artifact, device, settings)
        info = EngineInfo(
            backend=self.name,
            device=device.id,
            version=_version(),
            precision=_short(str(compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name())),
            streams=int(compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")) if mode == "throughput" else 1,
            exclusive=False,
            outputs=outputs,
            notes=(f"{mode} mode", *notes),
        )
        return OpenVINOEngine(compiled, info)

    def _measured_mode(self, artifact: Artifact, device: Device, options: Options) -> tuple[str, str]:
        """The better mode of this model here, and the figures; or, where there are none, latency, and why."""
        entry = (self.name, f"{type(self).__module__}:{type(self).__qualname__}")
        try:
            fps = mode_speeds(entry, artifact, {"threads": options.threads}, (device.name, _version()))
        except EngineError as e:
            return "latency", f"not compared with throughput mode: {e}"
        # Two streams make each frame wait longer for its own result; live, only clearly more frames pay for that.
        must_gain = 0.97 if options.every_frame else 1.15
        mode = "throughput" if fps["throughput"] >= fps["latency"] * must_gain else "latency"
        return mode, ", ".join(f"{name} {value:.0f} fps" for name, value in fps.items())


class OpenVINOEngine:
    """One compiled model with an infer request per calling thread."""

    def __init__(self, compiled: Any, info: EngineInfo) -> None:
        self.info = info
        self.compiled = compiled
        self._tensor = _import().Tensor
        self._local = threading.local()

    def run(self, image: NDArray[np.uint8]) -> Sequence[NDArray[Any]]:
        """See `Engine.run`. The arrays are views that this thread's next call overwrites."""
        request = getattr(self._local, "request", None)
        try:
            if request is None:
                request = self._local.request = self.compiled.create_infer_request()
                self._local.outputs = [request.get_output_tensor(i) for i in range(len(self.info.outputs))]
            request.set_input_tensor(self._tensor(image[None], shared_memory=True))
            request.infer(share_outputs=True)
            return [tensor.data for tensor in self._local.outputs]
        except RuntimeError as e:
            raise EngineError(f"OpenVINO: {_first_line(e)}", retriable=True) from e

    def close(self) -> None:
        self.compiled = None
        self._local = threading.local()


def _import() -> Any:
    # OpenVINO would load its usage telemetry, and its converter with all that needs, 8 MB; it does without both.
    for unneeded in ("openvino_telemetry", "openvino.tools.ovc"):
        sys.modules.setdefault(unneeded, None)  # type: ignore[arg-type]
    try:
        import openvino
    except ImportError as e:
        raise BackendUnavailable(f"openvino cannot be imported: {e}", "pip install 'vedette[openvino]'") from e
    return openvino


def _version() -> str:
    return str(_import().__version__).split("-", maxsplit=1)[0]


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    # OpenVINO's first lines name its own source files; the reason comes last.
    return lines[-1] if lines else type(error).__name__


def _read(artifact: Artifact) -> Any:
    """The model with a static input of batch 1 that takes (1, height, width, 3) uint8 RGB."""
    ov = _import()
    try:
        model = ov.Core().read_model(artifact.path)
        return with_encoding(model, artifact)
    except (RuntimeError, ValueError) as e:
        raise ArtifactError(f"{artifact.path.name}: OpenVINO cannot read it: {_first_line(e)}") from e


def with_encoding(model: Any, artifact: Artifact) -> Any:
    """`model` with the artifact's input encoding built into its graph (type, layout, colour, mean, std).

    Its real outputs are float32: heads are fast with those only, and NumPy has no bfloat16.
    """
    from openvino import Layout, Type
    from openvino.preprocess import ColorFormat, PrePostProcessor

    spec = artifact.input
    if len(model.inputs) != 1:
        names = ", ".join(port.any_name for port in model.inputs)
        raise ArtifactError(f"{artifact.path.name}: a detector has one input, this has {len(model.inputs)}: {names}")
    nchw = spec.layout == "NCHW"
    shape = [1, 3, spec.height, spec.width] if nchw else [1, spec.height, spec.width, 3]
    if model.input(0).partial_shape.is_dynamic:
        model.reshape(shape)
    elif list(model.input(0).shape) != shape:
        raise ArtifactError(
            f"{artifact.path.name}: its input is {list(model.input(0).shape)}, the sidecar or metadata says {shape}"
        )
    steps = PrePostProcessor(model)
    steps.input().tensor().set_element_type(Type.u8).set_layout(Layout("NHWC")).set_color_format(ColorFormat.RGB)
    steps.input().model().set_layout(Layout(spec.layout))
    chain = steps.input().preprocess()
    if spec.color == "BGR":
        chain.convert_color(ColorFormat.BGR)
    inner = model.input(0).element_type
    if inner in (Type.u8, Type.i8):
        stored = table(spec, np.dtype(inner.to_dtype()).name, *artifact.input_quantisation)
        chain.custom(lambda pixels: _looked_up(pixels, stored))
    else:
        chain.convert_element_type(Type.f32)
        if any(spec.mean):
            chain.mean(list(spec.mean))
        if any(s != 1.0 for s in spec.std):
            chain.scale(list(spec.std))
        chain.convert_element_type(inner)
    for index, output in enumerate(model.outputs):
        if output.element_type in (Type.bf16, Type.f16, Type.f64):
            steps.output(index).tensor().set_element_type(Type.f32)
    return steps.build()


def _looked_up(pixels: Any, stored: NDArray[Any]) -> Any:
    """The port of the entries of `stored`, (3, 256), for u8 `pixels` (1, height, width, 3). Exact in any precision."""
    from openvino import opset13 as ops

    if (stored == np.arange(256)).all():
        return pixels
    rows = ops.constant(np.array([0, 256, 512], np.int32).reshape(1, 1, 1, 3))
    places = ops.add(ops.convert(pixels, "i32"), rows)
    return ops.gather(ops.constant(stored.ravel()), places, ops.constant(np.int32(0))).output(0)


def _precision(artifact: Artifact, device: Device) -> str:
    """bfloat16 only where the CPU has it and the artifact says that it was checked: it moves boxes."""
    has_bf16 = "BF16" in device.details.get("capabilities", "").split()
    return "bf16" if artifact.precision == "bf16" and has_bf16 else "f32"


def _kept(artifact: Artifact, device: Device, settings: dict[str, Any]) -> tuple[Any, tuple[Output, ...]]:
    """The model as it was compiled before, or else compiled now, and kept in its folder; and its outputs."""
    about = {
        "content": artifact.content,
        "graph": GRAPH,
        "input": [asdict(artifact.input), artifact.input_quantisation],
        "settings": settings,
        "device": [device.name, device.details],
        "runtime": str(_import().__version__),
    }
    blob = compile_cache.place(artifact.path.parent, about)
    core = _import().Core()
    if artifact.content and (found := compile_cache.read(blob)) is not None:
        line, exported = found
        with contextlib.suppress(RuntimeError, ValueError):
            compiled = core.import_model(exported, "CPU", settings)
            return compiled, _outputs(compiled.outputs, json.loads(line))
    model = _read(artifact)
    names = _names(model.outputs)  # compiling adds those of tensors that it merged with these
    try:
        compiled = core.compile_model(model, "CPU", settings)
    except RuntimeError as e:
        raise EngineError(f"OpenVINO cannot compile it: {_first_line(e)}") from e
    if artifact.content:
        with contextlib.suppress(RuntimeError):
            # Some names of a tensor get lost in what is exported; a sidecar may mean one of them.
            compile_cache.keep(blob, f"{json.dumps(names)}\n".encode(), compiled.export_model().getvalue())
    return compiled, _outputs(compiled.outputs, names)


def _short(name: str) -> str:
    return {"bfloat16": "bf16", "bf16": "bf16", "f32": "f32", "float32": "f32", "float": "f32"}.get(name, name)


def _names(ports: Sequence[Any]) -> list[str]:
    """Without TensorFlow's ":0", unless only that tells them apart."""
    whole = [chosen(port.names) for port in ports]
    short = [name.partition(":")[0] for name in whole]
    return short if len({*short}) == len({*whole}) else whole


def _outputs(ports: Sequence[Any], names: Sequence[str]) -> tuple[Output, ...]:
    return tuple(_output(name, port) for name, port in zip(names, ports, strict=True))


def _output(name: str, port: Any) -> Output:
    shape = tuple(d.get_length() if d.is_static else -1 for d in port.partial_shape)
    return Output(name, shape, np.dtype(port.element_type.to_dtype()).name)
