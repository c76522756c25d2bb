# ruff: noqa: N802 - the names are NVIDIA's
"""The part of TensorRT's Python API that is used here, as Protocols, and the one door through which it comes in.

Everything named here exists in 8.6 up to 11; what does not is asked for with `feature`. tests/slow/tensorrt holds these
Protocols against the real bindings of 8.6.1, 10.3 and 11.4. Arguments that are the library's own objects are Any.
Source: https://docs.nvidia.com/deeplearning/tensorrt/latest/_static/python-api/
"""

from __future__ import annotations

import sys
from collections import deque
from typing import Any, Protocol

from backends.contract import BackendUnavailable

_LINES = 8


class Dims(Protocol):
    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> int: ...


class Runtime(Protocol):
    def deserialize_cuda_engine(self, plan: Any, /) -> Engine | None:
        """None, and lines in the log, for a plan that does not fit; a segmentation fault for bytes that are no plan."""


class Engine(Protocol):
    @property
    def num_io_tensors(self) -> int: ...
    def get_tensor_name(self, index: int, /) -> str: ...
    def get_tensor_mode(self, name: str, /) -> Any: ...
    def get_tensor_shape(self, name: str, /) -> Dims: ...
    def get_tensor_dtype(self, name: str, /) -> Any: ...
    def get_tensor_location(self, name: str, /) -> Any: ...
    def create_execution_context(self) -> Context | None: ...


class Context(Protocol):
    def set_input_shape(self, name: str, shape: Any, /) -> bool: ...
    def get_tensor_shape(self, name: str, /) -> Dims: ...
    def set_tensor_address(self, name: str, memory: int, /) -> bool: ...
    def execute_async_v3(self, stream_handle: int, /) -> bool: ...


class Builder(Protocol):
    def create_network(self, flags: int, /) -> Network | None: ...
    def create_builder_config(self) -> Config | None: ...
    def create_optimization_profile(self) -> Profile | None: ...
    def build_serialized_network(self, network: Any, config: Any, /) -> Any:
        """A buffer, or None and lines in the log."""


class Network(Protocol):
    @property
    def num_inputs(self) -> int: ...
    @property
    def num_layers(self) -> int: ...
    def get_input(self, index: int, /) -> Tensor: ...
    def get_layer(self, index: int, /) -> Layer: ...


class Tensor(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def shape(self) -> Dims: ...
    @property
    def dtype(self) -> Any: ...


class Layer(Protocol):
    @property
    def type(self) -> Any: ...
    @property
    def num_outputs(self) -> int: ...
    def get_output(self, index: int, /) -> Tensor: ...


class Config(Protocol):
    def set_flag(self, flag: Any, /) -> None: ...
    def set_memory_pool_limit(self, pool: Any, pool_size: int, /) -> None: ...
    def add_optimization_profile(self, profile: Any, /) -> int: ...
    def create_timing_cache(self, serialized: bytes, /) -> TimingCache | None: ...
    def set_timing_cache(self, cache: Any, ignore_mismatch: bool, /) -> bool: ...
    def get_timing_cache(self) -> TimingCache | None: ...


class TimingCache(Protocol):
    def serialize(self) -> Any: ...


class Profile(Protocol):
    def set_shape(self, name: str, least: Any, best: Any, most: Any, /) -> None: ...


class ParserError(Protocol):
    def desc(self) -> str: ...
    def node(self) -> int: ...


class Parser(Protocol):
    @property
    def num_errors(self) -> int: ...
    def parse(self, model: Any, path: str, /) -> bool: ...
    def get_error(self, index: int, /) -> Any:
        """A ParserError; the bindings' own signature names a type they do not export."""


class Module(Protocol):
    """The module `tensorrt`. Its enums and base classes are Any: which members they have is asked at run time."""

    @property
    def ILogger(self) -> Any: ...
    @property
    def DataType(self) -> Any: ...
    @property
    def TensorIOMode(self) -> Any: ...
    @property
    def TensorLocation(self) -> Any: ...
    @property
    def BuilderFlag(self) -> Any: ...
    @property
    def LayerType(self) -> Any: ...
    @property
    def MemoryPoolType(self) -> Any: ...
    @property
    def NetworkDefinitionCreationFlag(self) -> Any: ...
    def Dims(self, shape: list[int], /) -> Any: ...
    def Runtime(self, logger: Any, /) -> Runtime: ...
    def Builder(self, logger: Any, /) -> Builder: ...
    def OnnxParser(self, network: Any, logger: Any, /) -> Parser: ...


NAMED_TENSORS = ("num_io_tensors", "get_tensor_name", "get_tensor_mode", "get_tensor_shape", "get_tensor_dtype")
"""What tells an engine of 8.5 or newer."""


def load() -> Module:
    """The module `tensorrt`. Raises BackendUnavailable. Ask CUDA first: without a driver its objects are traps."""
    try:
        import tensorrt  # type: ignore[import-not-found,unused-ignore]
    except (ImportError, OSError) as error:  # OSError: the PyPI packages load their libraries with ctypes
        raise BackendUnavailable(
            f"tensorrt cannot be imported: {error}",
            "Jetson: apt install python3-libnvinfer, and a virtual environment made with --system-site-packages; "
            "elsewhere: pip install tensorrt",
        ) from error
    found = getattr(tensorrt, "ICudaEngine", None)
    if not all(hasattr(found, name) for name in NAMED_TENSORS):
        raise BackendUnavailable(
            f"TensorRT {getattr(tensorrt, '__version__', '?')} has no named tensors",
            "TensorRT 8.5 or newer is needed: JetPack 5.1 or newer",
        )
    module: Module = tensorrt
    return module


def version(trt: Module) -> str:
    return str(feature(trt, "__version__") or "?")


def feature(holder: object, name: str) -> Any:
    """A member that not every version has: what is there, or None."""
    return getattr(holder, name, None)


def dims(shape: Dims) -> tuple[int, ...]:
    """TensorRT's Dims is a sequence in all but its type; an open size is -1."""
    return tuple(shape[i] for i in range(len(shape)))


class Log:
    """The last lines of TensorRT's log that say what went wrong, until somebody takes them.

    Most calls return False or None and say the reason only there. All severities up to WARNING go to stderr too, which
    the daemon turns into lines of its own log.
    """

    def __init__(self, trt: Module) -> None:
        severity = trt.ILogger.Severity
        bad, notable = (severity.INTERNAL_ERROR, severity.ERROR), (severity.WARNING,)
        lines: deque[str] = deque(maxlen=_LINES)
        base: Any = trt.ILogger

        class Logger(base):  # type: ignore[misc,unused-ignore]
            def __init__(self) -> None:
                base.__init__(self)  # pybind11 refuses super().__init__ of a class with a trampoline

            def log(self, severity: Any, msg: str) -> None:
                if severity in bad:
                    lines.append(" ".join(msg.split()))
                if severity in bad or severity in notable:
                    sys.stderr.write(f"tensorrt: {msg}\n")

        self.logger: Any = Logger()
        self._lines = lines

    def take(self) -> str:
        """What TensorRT said since the last call, as the end of a sentence; forgotten afterwards."""
        said = " | ".join(self._lines)
        self._lines.clear()
        return f": {said}" if said else ", and TensorRT did not say why"


_LOGS: dict[int, Log] = {}


def log_of(trt: Module) -> Log:
    """One per process: TensorRT keeps the first logger it is given and ignores later ones."""
    if id(trt) not in _LOGS:
        _LOGS[id(trt)] = Log(trt)
    return _LOGS[id(trt)]
