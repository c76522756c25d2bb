"""Where the tensors of one engine lie: copied over (pinned host memory beside device memory) or mapped (one memory)."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from backends.trt.cuda import Cuda


class Buffer(NamedTuple):
    """One tensor. array: what the CPU sees. device: the address TensorRT gets. host: the array's own address."""

    array: NDArray[Any]
    device: int
    host: int


class Buffers:
    """All memory and the stream of one engine; `close` gives everything back, whatever happened before. Safe twice."""

    def __init__(self, cuda: Cuda, *, mapped: bool) -> None:
        self.mapped = mapped
        self._cuda = cuda
        self._undo: list[tuple[Callable[[int], None], int]] = []
        self.stream = self._kept(cuda.stream(), cuda.destroy)

    def allocate(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Buffer:
        """Raises CudaError."""
        size = max(1, int(np.prod(shape, dtype=np.int64)) * dtype.itemsize)
        host = self._kept(self._cuda.host(size, mapped=self.mapped), self._cuda.free_host)
        device = (
            self._cuda.seen_by_device(host) if self.mapped else self._kept(self._cuda.malloc(size), self._cuda.free)
        )
        memory = (ctypes.c_ubyte * size).from_address(host)
        ctypes.memset(host, 0, size)
        return Buffer(
            np.frombuffer(memoryview(memory), np.uint8).view(dtype)[: int(np.prod(shape))].reshape(shape), device, host
        )

    def upload(self, buffer: Buffer) -> None:
        if not self.mapped:
            self._cuda.to_device(buffer.device, buffer.host, buffer.array.nbytes, self.stream)

    def download(self, buffer: Buffer) -> None:
        if not self.mapped:
            self._cuda.to_host(buffer.host, buffer.device, buffer.array.nbytes, self.stream)

    def wait(self) -> None:
        self._cuda.synchronize(self.stream)

    def close(self) -> list[str]:
        """What could not be given back, in words: after a failure of the GPU nothing can, and the process must go."""
        failures = []
        while self._undo:
            free, what = self._undo.pop()
            try:
                free(what)
            except Exception as error:  # noqa: BLE001 - the rest must be given back too
                failures.append(str(error))
        return failures

    def _kept(self, what: int, free: Callable[[int], None]) -> int:
        self._undo.append((free, what))
        return what
