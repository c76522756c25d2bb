"""One deserialised plan, ready to run: named tensors, one context, one stream. The same code for TensorRT 8.5 to 11.

Not run on a GPU yet: tests drive it with doubles whose signatures are checked against the real bindings.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.contract import ArtifactError, EngineError, EngineInfo, Output
from backends.trt import api
from backends.trt.buffers import Buffer, Buffers
from backends.trt.encode import encoder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from backends.artifact import InputSpec
    from backends.trt.cuda import Cuda

_DTYPES = {
    "FLOAT": "float32", "HALF": "float16", "INT8": "int8", "UINT8": "uint8", "INT32": "int32", "INT64": "int64",
    "BOOL": "bool",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Loaded:
    """A plan in native memory, on the GPU of index `gpu`.

    log: where its calls say why they failed. about: what `EngineInfo` says of it.
    """

    trt: api.Module
    log: api.Log
    engine: api.Engine
    about: EngineInfo
    gpu: int


class TensorRTEngine:
    """See `Engine`. After any failure it answers EngineError for ever: a lost CUDA context does not come back."""

    def __init__(self, loaded: Loaded, cuda: Cuda, spec: InputSpec, *, mapped: bool, copy_out: bool) -> None:
        """copy_out: outputs are returned in ordinary memory: the shared memory of a Jetson may be uncached.

        Raises ArtifactError where the plan's tensors are none of a detector of `spec`, EngineError, CudaError.
        """
        self._log = loaded.log
        self._engine: api.Engine | None = loaded.engine
        self._broken = ""
        self._closed = False
        self._cuda, self._gpu, self._thread = cuda, loaded.gpu, threading.get_ident()
        self._buffers = Buffers(cuda, mapped=mapped)
        try:
            self._context: Any = self._checked("create_execution_context", loaded.engine.create_execution_context())
            self._set_up(loaded, spec, copy_out=copy_out)
        except BaseException:
            self.close()
            raise

    def _set_up(self, loaded: Loaded, spec: InputSpec, *, copy_out: bool) -> None:
        trt, engine, context = loaded.trt, loaded.engine, self._context
        names = [engine.get_tensor_name(i) for i in range(engine.num_io_tensors)]
        inputs = [name for name in names if engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT]
        if len(inputs) != 1:
            raise ArtifactError(f"a detector has one input, this plan has {len(inputs)}: {', '.join(inputs)}")
        shape = (1, 3, spec.height, spec.width) if spec.layout == "NCHW" else (1, spec.height, spec.width, 3)
        own = api.dims(engine.get_tensor_shape(inputs[0]))
        if len(own) != len(shape) or any(a not in {-1, b} for a, b in zip(own, shape, strict=True)):
            raise ArtifactError(f"the plan's input is {own}, the model's sidecar or metadata says {shape}")
        if not context.set_input_shape(inputs[0], trt.Dims(list(shape))):
            raise ArtifactError(f"the plan was not built for an input of {shape}{self._log.take()}")
        self._input = self._bound(loaded, inputs[0], shape)
        self._encode = encoder(spec, self._input.array)
        self._outputs = [
            self._bound(loaded, name, api.dims(context.get_tensor_shape(name))) for name in names if name not in inputs
        ]
        # NumPy is slow with float16, so heads get float32.
        self._results = [
            np.zeros(b.array.shape, np.float32 if b.array.dtype == np.float16 else b.array.dtype)
            if copy_out or b.array.dtype == np.float16
            else b.array
            for b in self._outputs
        ]
        about = loaded.about
        outputs = tuple(
            Output(name, result.shape, result.dtype.name)
            for name, result in zip([name for name in names if name not in inputs], self._results, strict=True)
        )
        self.info = EngineInfo(
            about.backend, about.device, about.version, about.precision, 1, about.exclusive, outputs,
            (f"{'mapped' if self._buffers.mapped else 'copied'} I/O", *about.notes),
        )  # fmt: skip

    def _bound(self, loaded: Loaded, name: str, shape: tuple[int, ...]) -> Buffer:
        trt, engine = loaded.trt, loaded.engine
        if any(size < 0 for size in shape):
            raise ArtifactError(
                f"tensor {name} has the shape {shape}, whose -1 is known only after a run; export it without NMS"
            )
        if engine.get_tensor_location(name) != trt.TensorLocation.DEVICE:
            raise ArtifactError(f"tensor {name} is one of shapes, not of data; export the model with a fixed size")
        kind = getattr(engine.get_tensor_dtype(name), "name", "?")
        if kind not in _DTYPES:
            raise ArtifactError(f"tensor {name} is {kind}, which NumPy has no type for; there are {', '.join(_DTYPES)}")
        buffer = self._buffers.allocate(shape, np.dtype(_DTYPES[kind]))
        self._checked(f"set_tensor_address of {name}", self._context.set_tensor_address(name, buffer.device))
        return buffer

    def _checked(self, call: str, answer: Any) -> Any:
        """What a call of TensorRT returned; None and False are its way to fail. Raises EngineError with its log."""
        if answer is None or answer is False:
            raise EngineError(f"TensorRT: {call} failed{self._log.take()}")
        return answer

    def run(self, image: NDArray[np.uint8]) -> Sequence[NDArray[Any]]:
        """See `Engine.run`. The arrays are overwritten by the next call. Nothing is read before all calls succeeded."""
        if self._broken:
            raise EngineError(self._broken)
        buffers = self._buffers
        try:
            if threading.get_ident() != self._thread:  # CUDA's choice of a GPU is a thread's own
                self._cuda.use(self._gpu)
                self._thread = threading.get_ident()
            self._encode(image)
            buffers.upload(self._input)
            self._checked("execute_async_v3", self._context.execute_async_v3(buffers.stream))
            for output in self._outputs:
                buffers.download(output)
            buffers.wait()
        except BaseException as error:
            self._broken = f"the engine failed before: {error}"
            raise
        for result, output in zip(self._results, self._outputs, strict=True):
            if result is not output.array:
                np.copyto(result, output.array)
        return self._results

    def close(self) -> None:
        """See `Engine.close`. First what uses the memory, then the memory."""
        if self._closed:
            return
        self._closed = True
        self._broken = self._broken or "the engine is closed"
        self._context = None
        self._engine = None
        # Views of memory that is gone must not be reachable from here.
        self._outputs, self._results = [], []
        for name in ("_input", "_encode"):
            if hasattr(self, name):
                delattr(self, name)
        self._buffers.close()
