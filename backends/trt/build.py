"""python -m backends.trt.build FD < request: builds one engine from ONNX and keeps it. The child side of `child.py`.

FP16: by the builder's flag where there is one (up to TensorRT 10), else as the ONNX file has it. Q/DQ models are built
as they are. Run for real with TensorRT-RTX on a CPU only; the builder of a Jetson was not run yet.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backends.atomic import write_atomic
from backends.child import die_with_parent
from backends.contract import ArtifactError, BackendError, EngineError
from backends.trt import api, plans
from backends.trt.request import FP16_FLAG, BuildRequest

if TYPE_CHECKING:
    from collections.abc import Callable

_MIB = 1 << 20
_OOM_FIRST = "900"
_NICE = 10


def build(trt: api.Module, request: BuildRequest, say: Callable[[str], None]) -> bytes:
    """The plan. say: is told what the builder does. Raises ArtifactError, EngineError."""
    log, key = api.log_of(trt), request.key

    def checked(call: str, answer: Any) -> Any:
        if answer is None or answer is False:
            raise EngineError(f"TensorRT: {call} failed{log.take()}")
        return answer

    plugins = api.feature(trt, "init_libnvinfer_plugins")
    if plugins is not None:
        checked("init_libnvinfer_plugins", plugins(log.logger, ""))
    builder = trt.Builder(log.logger)
    # Up to 9 a network without this flag has an implicit batch, which ONNX has not; from 11 on the flag is gone.
    explicit = api.feature(trt.NetworkDefinitionCreationFlag, "EXPLICIT_BATCH")
    network = checked("create_network", builder.create_network(0 if explicit is None else 1 << int(explicit)))
    config = checked("create_builder_config", builder.create_builder_config())
    say("reading the model")
    _parse(trt, network, request, log)
    _set_precision(trt, network, config, key.precision)
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, key.workspace_mib * _MIB)
    _fit_input(trt, builder, network, config, request, checked)
    timing = _timing_path(request)
    _load_timing(config, timing, checked)
    _report_to(trt, config, say)
    say("building")
    plan = checked("build_serialized_network", builder.build_serialized_network(network, config))
    _keep_timing(config, timing)
    return bytes(plan)


def _parse(trt: api.Module, network: api.Network, request: BuildRequest, log: api.Log) -> None:
    data = request.onnx.read_bytes()
    if plans.model_digest(request.onnx) != request.key.model:
        raise ArtifactError(f"{request.onnx} changed since the build was asked for")
    parser = trt.OnnxParser(network, log.logger)
    if parser.parse(data, str(request.onnx)):
        return
    errors = [parser.get_error(i) for i in range(parser.num_errors)]
    said = "; ".join(map(_in_words, errors[:3]))
    raise ArtifactError(f"{request.onnx.name}: TensorRT cannot read it: {said or log.take()[2:]}")


def _in_words(error: api.ParserError) -> str:
    operator = api.feature(error, "node_operator")  # from 10 on
    which = f" ({operator()})" if operator is not None else ""
    return f"node {error.node()}{which}: {' '.join(error.desc().split())}"


def _set_precision(trt: api.Module, network: api.Network, config: api.Config, precision: str) -> None:
    layers = [network.get_layer(i) for i in range(network.num_layers)]
    half = any(
        layer.get_output(i).dtype == trt.DataType.HALF for layer in layers for i in range(layer.num_outputs)
    ) or any(network.get_input(i).dtype == trt.DataType.HALF for i in range(network.num_inputs))
    flag = api.feature(trt.BuilderFlag, "FP16")
    if flag is not None and (half or precision == FP16_FLAG):
        config.set_flag(flag)
    elif flag is None and precision == FP16_FLAG and not half:
        raise ArtifactError(
            f"TensorRT {api.version(trt)} takes the precision from the model file, and this one is float32; give it a "
            "file exported with half precision, or set precision: auto"
        )
    quantise, int8 = api.feature(trt.LayerType, "QUANTIZE"), api.feature(trt.BuilderFlag, "INT8")
    if int8 is not None and any(layer.type == quantise for layer in layers):
        config.set_flag(int8)


def _fit_input(
    trt: api.Module, builder: api.Builder, network: api.Network, config: api.Config, request: BuildRequest,
    checked: Callable[[str, Any], Any],
) -> None:  # fmt: skip
    """A profile of exactly the model's size for an input that leaves a size open."""
    name, wanted = request.onnx.name, request.key.shape
    if network.num_inputs != 1:
        names = ", ".join(network.get_input(i).name for i in range(network.num_inputs))
        raise ArtifactError(f"{name}: a detector has one input, this has {network.num_inputs}: {names}")
    tensor = network.get_input(0)
    own = api.dims(tensor.shape)
    if len(own) != len(wanted) or any(a not in {-1, b} for a, b in zip(own, wanted, strict=False)):
        raise ArtifactError(f"{name}: its input is {own}, the sidecar or metadata says {wanted}")
    if -1 not in own:
        return
    profile = checked("create_optimization_profile", builder.create_optimization_profile())
    size = trt.Dims(list(wanted))
    profile.set_shape(tensor.name, size, size, size)
    if config.add_optimization_profile(profile) < 0:
        raise EngineError(f"TensorRT: add_optimization_profile failed{api.log_of(trt).take()}")


def _report_to(trt: api.Module, config: api.Config, say: Callable[[str], None]) -> None:
    """The builder's phases, which TensorRT tells from 8.6 (C++) and 10 (Python) on."""
    base = api.feature(trt, "IProgressMonitor")
    if base is None:
        return

    class Monitor(base):  # type: ignore[misc,valid-type,unused-ignore]
        def __init__(self) -> None:
            base.__init__(self)

        def phase_start(self, phase_name: str, _parent_phase: str | None, _num_steps: int) -> None:
            say(phase_name)

        def step_complete(self, _phase_name: str, _step: int) -> bool:
            return True  # False would end the build

        def phase_finish(self, _phase_name: str) -> None:
            pass

    monitored: Any = config
    monitored.progress_monitor = Monitor()


def _timing_path(request: BuildRequest) -> Path:
    """Timings hold for all models on one GPU and one TensorRT."""
    key = request.key
    about = hashlib.sha256(json.dumps([key.tensorrt, key.cuda, key.compute, key.device]).encode()).hexdigest()[:16]
    return request.plan.parent / f"timing-{about}.cache"


def _load_timing(config: api.Config, path: Path, checked: Callable[[str, Any], Any]) -> None:
    try:
        digest, _, kept = path.read_bytes().partition(b"\n")
    except OSError:
        digest, kept = b"", b""
    if hashlib.sha256(kept).hexdigest().encode() != digest:
        kept = b""  # damaged bytes do not reach native code
    cache = config.create_timing_cache(kept)
    if cache is None or not config.set_timing_cache(cache, False):
        empty = checked("create_timing_cache", config.create_timing_cache(b""))
        checked("set_timing_cache", config.set_timing_cache(empty, False))


def _keep_timing(config: api.Config, path: Path) -> None:
    """Best effort: without it the next build takes longer."""
    cache = config.get_timing_cache()
    if cache is not None:
        with contextlib.suppress(OSError):
            content = bytes(cache.serialize())
            write_atomic(path, hashlib.sha256(content).hexdigest().encode() + b"\n" + content)


def become_child() -> None:
    """Dies with its parent, is the first to go when memory runs out, and leaves the processor to who serves cameras."""
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_OOM_FIRST)
    with contextlib.suppress(OSError):
        os.nice(_NICE)


def main(argv: list[str]) -> int:
    replies = int(argv[0])

    def tell(**content: Any) -> None:
        os.write(replies, json.dumps(content).encode() + b"\n")

    become_child()
    request = BuildRequest.from_json(sys.stdin.read())
    try:
        plan = build(api.load(), request, lambda phase: tell(phase=phase))
        plans.write(request.plan, request.key, plan)
    except BackendError as error:
        tell(error=str(error), kind=type(error).__name__)
        return 1
    except OSError as error:
        tell(error=str(error), kind="OSError")
        return 1
    tell(ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
