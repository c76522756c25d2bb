"""A recorded double of the module `tensorrt`: calls succeed, or fail as the script says. It proves nothing of a GPU.

tests/slow/tensorrt holds its classes and signatures against the real bindings. Its "ONNX" and its "plan" are JSON; its
network answers with the box (mean red, mean green, 1, 1), score mean blue, class 0, of the input it was given, and
works only when the stream of cudart_double is worked off.

The script is what $TRT_DOUBLE holds: {"version": "10.3.0", "fail": {"Class.method": value to return}}; instead of a
value "hang", "kill" and "segv" do that. `calls` records.
"""

from __future__ import annotations

import ctypes
import enum
import functools
import json
import os
import signal
import time

import numpy as np

script = {"version": "10.3.0", "fail": {}, **json.loads(os.environ.get("TRT_DOUBLE", "{}"))}
__version__ = script["version"]
_MAJOR = int(__version__.split(".")[0])
calls: list[str] = []
native: list[bytes] = []
"""Every plan that was deserialised."""
_loggers: list[object] = []
_WORK = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


def recorded(method):
    name = method.__qualname__

    @functools.wraps(method)
    def call(self, *arguments):
        calls.append(name)
        if name not in script["fail"]:
            return method(self, *arguments)
        answer = script["fail"][name]
        if answer == "hang":
            time.sleep(600)
        if answer in {"kill", "segv"}:
            os.kill(os.getpid(), {"kill": signal.SIGKILL, "segv": signal.SIGSEGV}[answer])
        if _loggers:
            _loggers[0].log(ILogger.Severity.ERROR, f"the reason of {name}")
        return answer

    return call


class ILogger:
    class Severity(enum.IntEnum):
        INTERNAL_ERROR, ERROR, WARNING, INFO, VERBOSE = range(5)

    def __init__(self):
        pass

    def log(self, severity, msg):
        raise NotImplementedError


class DataType(enum.IntEnum):
    FLOAT, HALF, INT8, INT32, BOOL, UINT8, FP8 = range(7)


class TensorIOMode(enum.IntEnum):
    NONE, INPUT, OUTPUT = range(3)


class TensorLocation(enum.IntEnum):
    DEVICE, HOST = range(2)


class LayerType(enum.IntEnum):
    CONVOLUTION, QUANTIZE = 0, 42


class MemoryPoolType(enum.IntEnum):
    WORKSPACE = 0


BuilderFlag = enum.IntEnum("BuilderFlag", "TF32" if _MAJOR >= 11 else "FP16 INT8 TF32")
NetworkDefinitionCreationFlag = enum.IntEnum(
    "NetworkDefinitionCreationFlag", "STRONGLY_TYPED" if _MAJOR >= 11 else "EXPLICIT_BATCH STRONGLY_TYPED", start=0
)


class Dims(tuple):
    __slots__ = ()

    def __new__(cls, shape):
        assert isinstance(shape, list)  # as the bindings of 8.6 have it
        return super().__new__(cls, shape)


class Runtime:
    def __init__(self, logger):
        calls.append("Runtime")
        _loggers[:] = [logger]

    @recorded
    def deserialize_cuda_engine(self, serialized_engine):
        native.append(bytes(serialized_engine))
        return ICudaEngine(json.loads(bytes(serialized_engine)[4:]))


class ICudaEngine:
    """model: {"tensors": [[name, "INPUT", shape, "FLOAT", location], ...]}."""

    def __init__(self, model):
        self._model = model
        self._tensors = {row[0]: row for row in model["tensors"]}

    @property
    def num_io_tensors(self):
        return len(self._tensors)

    def get_tensor_name(self, index):
        return list(self._tensors)[index]

    def get_tensor_mode(self, name):
        return TensorIOMode[self._tensors[name][1]]

    def get_tensor_shape(self, name):
        return Dims(self._tensors[name][2])

    def get_tensor_dtype(self, name):
        return DataType[self._tensors[name][3]]

    def get_tensor_location(self, name):
        return TensorLocation[self._tensors[name][4]]

    @recorded
    def create_execution_context(self):
        return IExecutionContext(self)


class IExecutionContext:
    def __init__(self, engine):
        self._engine = engine
        self._sizes = {}
        self._addresses = {}
        self._work = _WORK(self._infer)

    @recorded
    def set_input_shape(self, name, shape):
        assert isinstance(shape, Dims)
        own = self._engine.get_tensor_shape(name)
        self._sizes[name] = shape
        return len(own) == len(shape) and all(a in {-1, b} for a, b in zip(own, shape, strict=True))

    def get_tensor_shape(self, name):
        return self._sizes.get(name, self._engine.get_tensor_shape(name))

    @recorded
    def set_tensor_address(self, name, memory):
        self._addresses[name] = memory
        return True

    @recorded
    def execute_async_v3(self, stream_handle):
        assert stream_handle
        library = ctypes.CDLL("libcudart.so")
        library.double_enqueue.argtypes = (_WORK, ctypes.c_void_p)
        library.double_enqueue(self._work, None)
        return True

    def _infer(self, _):
        (image,) = [
            self._seen(n) for n in self._engine._tensors if self._engine.get_tensor_mode(n) == TensorIOMode.INPUT
        ]
        outputs = [
            self._seen(n) for n in self._engine._tensors if self._engine.get_tensor_mode(n) == TensorIOMode.OUTPUT
        ]
        red, green, blue = image.astype(np.float64).mean((2, 3) if image.shape[1] == 3 else (1, 2))[0]
        for output in outputs:
            output.reshape(-1)[:6] = [red, green, 1, 1, blue, 0]

    def _seen(self, name):
        types = {"FLOAT": np.float32, "HALF": np.float16, "INT8": np.int8, "UINT8": np.uint8, "INT32": np.int32}
        dtype = np.dtype(types[self._engine.get_tensor_dtype(name).name])
        shape = self.get_tensor_shape(name)
        size = int(np.prod(shape)) * dtype.itemsize
        memory = (ctypes.c_ubyte * size).from_address(self._addresses[name])
        return np.frombuffer(memory, dtype).reshape(shape)


class Builder:
    def __init__(self, logger):
        calls.append("Builder")
        _loggers[:] = [logger]

    @recorded
    def create_network(self, flags=0):
        assert flags == (0 if _MAJOR >= 11 else 1)
        return INetworkDefinition()

    @recorded
    def create_builder_config(self):
        return IBuilderConfig()

    @recorded
    def create_optimization_profile(self):
        return IOptimizationProfile()

    @recorded
    def build_serialized_network(self, network, config):
        model = dict(network.model)
        if config.profiles:
            model["tensors"] = [
                [row[0], row[1], list(config.profiles[0][0]) if row[1] == "INPUT" else row[2], *row[3:]]
                for row in model["tensors"]
            ]
        about = {"flags": sorted(flag.name for flag in config.flags), "pools": config.pools}
        return b"ftrt" + json.dumps({**model, **about}).encode()


class ITensor:
    def __init__(self, name, shape, dtype):
        self.name, self.shape, self.dtype = name, Dims(shape), dtype


class ILayer:
    def __init__(self, kind, dtype):
        self.type, self.num_outputs, self._dtype = kind, 1, dtype

    def get_output(self, index):
        return ITensor("", [1], self._dtype)


class INetworkDefinition:
    model: dict

    def __init__(self):
        self.model = {"tensors": []}

    @property
    def _inputs(self):
        return [row for row in self.model["tensors"] if row[1] == "INPUT"]

    @property
    def num_inputs(self):
        return len(self._inputs)

    def get_input(self, index):
        name, _, shape, kind, _ = self._inputs[index]
        return ITensor(name, shape, DataType[kind])

    @property
    def num_layers(self):
        return len(self.model.get("layers", []))

    def get_layer(self, index):
        kind, dtype = self.model["layers"][index]
        return ILayer(LayerType[kind], DataType[dtype])


class IBuilderConfig:
    progress_monitor = None

    def __init__(self):
        self.flags, self.pools, self.profiles = set(), {}, []

    def set_flag(self, flag):
        self.flags.add(flag)

    def set_memory_pool_limit(self, pool, pool_size):
        self.pools[pool.name] = pool_size

    @recorded
    def add_optimization_profile(self, profile):
        self.profiles.append(profile.shapes)
        return 0

    @recorded
    def create_timing_cache(self, serialized_timing_cache):
        return ITimingCache(bytes(serialized_timing_cache))

    @recorded
    def set_timing_cache(self, cache, ignore_mismatch):
        return True

    @recorded
    def get_timing_cache(self):
        return ITimingCache(b"timings")


class ITimingCache:
    def __init__(self, content):
        self.content = content

    def serialize(self):
        return self.content


class IOptimizationProfile:
    def set_shape(self, input, min, opt, max):  # noqa: A002 - the names of the bindings
        self.shapes = (min, opt, max)


class ParserError:
    def desc(self):
        return "No importer registered for op: Nonsense"

    def node(self):
        return 8


class OnnxParser:
    num_errors = 0

    def __init__(self, network, logger):
        self._network = network

    @recorded
    def parse(self, model, path=None):
        try:
            self._network.model = json.loads(bytes(model))
        except ValueError:
            self.num_errors = 1
            return False
        return True

    def get_error(self, index):
        return ParserError()


class IProgressMonitor:
    def __init__(self):
        pass


@functools.lru_cache(maxsize=1)
def _plugins():
    return True


def init_libnvinfer_plugins(logger, namespace):
    calls.append("init_libnvinfer_plugins")
    return script["fail"].get("init_libnvinfer_plugins", _plugins())
