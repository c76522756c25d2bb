"""The CUDA runtime through ctypes: no compiler, no package, every CUDA from 10.2 on. Nothing is loaded at import.

Source of names and numbers: cuda_runtime_api.h and driver_types.h. Devices are used through their primary context, as
TensorRT does. Not run on a GPU yet.
"""

from __future__ import annotations

import ctypes
import platform
import sys
from ctypes import POINTER, byref, c_char_p, c_int, c_size_t, c_uint, c_void_p
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backends.contract import BackendUnavailable, EngineError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_PROCESSORS, _INTEGRATED, _CAN_MAP, _MAJOR, _MINOR = 16, 18, 19, 75, 76
_MAPPED, _NON_BLOCKING = 2, 1
_TO_DEVICE, _TO_HOST = 1, 2
# cudaDeviceProp grew with every CUDA; the name is its first field in all of them, and 1 to 2 KiB is all it ever was.
_PROPERTIES, _NAME = 65536, 256
_SONAMES = ("libcudart.so", *(f"libcudart.so.{version}" for version in ("13", "12", "11.0", "10.2")))
_SYSTEM = (
    "/usr/local/cuda/lib64",
    "/usr/local/cuda/targets/{machine}-linux/lib",
    "/usr/lib/{machine}-linux-gnu",
)
_WHEELS = ("nvidia/cuda_runtime/lib", "nvidia/cu13/lib")
_SIGNATURES: dict[str, tuple[Any, ...]] = {
    "cudaGetDeviceCount": (POINTER(c_int),),
    "cudaDeviceGetAttribute": (POINTER(c_int), c_int, c_int),
    "cudaGetDeviceProperties": (c_void_p, c_int),
    "cudaRuntimeGetVersion": (POINTER(c_int),),
    "cudaSetDevice": (c_int,),
    "cudaStreamCreateWithFlags": (POINTER(c_void_p), c_uint),
    "cudaStreamSynchronize": (c_void_p,),
    "cudaStreamDestroy": (c_void_p,),
    "cudaMalloc": (POINTER(c_void_p), c_size_t),
    "cudaFree": (c_void_p,),
    "cudaHostAlloc": (POINTER(c_void_p), c_size_t, c_uint),
    "cudaHostGetDevicePointer": (POINTER(c_void_p), c_void_p, c_uint),
    "cudaFreeHost": (c_void_p,),
    "cudaMemcpyAsync": (c_void_p, c_void_p, c_size_t, c_int, c_void_p),
}


class CudaError(EngineError):
    """A call of the CUDA runtime failed. `code` is its cudaError_t. The context may be lost: never retriable."""

    def __init__(self, call: str, code: int, name: str, text: str) -> None:
        super().__init__(f"{call}: {name} ({code}): {text}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Gpu:
    """processors: its multiprocessors. integrated: shares its memory with the CPU, as on every Jetson.

    can_map: may read the CPU's memory itself.
    """

    index: int
    name: str
    compute: str
    processors: int
    integrated: bool
    can_map: bool


class Cuda:
    """The runtime library, its calls checked."""

    def __init__(self, library: Any) -> None:
        """Raises BackendUnavailable where a function is missing: it is no CUDA runtime."""
        self._library = library
        for name, arguments in _SIGNATURES.items():
            try:
                function = getattr(library, name)
            except AttributeError as error:
                raise BackendUnavailable(f"libcudart has no {name}", "reinstall the CUDA runtime") from error
            function.argtypes, function.restype = arguments, c_int
        for name in ("cudaGetErrorName", "cudaGetErrorString"):
            getattr(library, name).argtypes, getattr(library, name).restype = (c_int,), c_char_p

    def _call(self, name: str, *arguments: Any) -> None:
        code = getattr(self._library, name)(*arguments)
        if code:
            raise self._error(name, code)

    def _error(self, call: str, code: int) -> CudaError:
        name, text = (getattr(self._library, f)(code) or b"?" for f in ("cudaGetErrorName", "cudaGetErrorString"))
        return CudaError(call, code, name.decode(errors="replace"), text.decode(errors="replace"))

    def device_count(self) -> int:
        count = c_int()
        self._call("cudaGetDeviceCount", byref(count))
        return count.value

    def version(self) -> str:
        """The runtime's, for example "12.6"."""
        number = c_int()
        self._call("cudaRuntimeGetVersion", byref(number))
        return f"{number.value // 1000}.{number.value % 1000 // 10}"

    def gpu(self, index: int) -> Gpu:
        properties = ctypes.create_string_buffer(_PROPERTIES)
        self._call("cudaGetDeviceProperties", properties, index)
        name = properties.raw[:_NAME].split(b"\0", 1)[0].decode(errors="replace")
        major, minor = self._attribute(_MAJOR, index), self._attribute(_MINOR, index)
        integrated, can_map = (bool(self._attribute(number, index)) for number in (_INTEGRATED, _CAN_MAP))
        processors = self._attribute(_PROCESSORS, index)
        return Gpu(index, name, f"{major}.{minor}", processors, integrated, can_map)

    def _attribute(self, number: int, index: int) -> int:
        value = c_int()
        self._call("cudaDeviceGetAttribute", byref(value), number, index)
        return value.value

    def use(self, index: int) -> None:
        """For the calling thread."""
        self._call("cudaSetDevice", index)

    def stream(self) -> int:
        """One of our own: the default stream waits for all others."""
        return self._pointer("cudaStreamCreateWithFlags", _NON_BLOCKING)

    def synchronize(self, stream: int) -> None:
        """Waits for all the stream was given; failures of the GPU show here."""
        self._call("cudaStreamSynchronize", stream)

    def destroy(self, stream: int) -> None:
        self._call("cudaStreamDestroy", stream)

    def malloc(self, size: int) -> int:
        return self._pointer("cudaMalloc", size)

    def free(self, memory: int) -> None:
        self._call("cudaFree", memory)

    def host(self, size: int, *, mapped: bool) -> int:
        """Page-locked memory of the CPU."""
        return self._pointer("cudaHostAlloc", size, _MAPPED if mapped else 0)

    def seen_by_device(self, host: int) -> int:
        """The GPU's address of mapped memory."""
        return self._pointer("cudaHostGetDevicePointer", host, 0)

    def free_host(self, memory: int) -> None:
        self._call("cudaFreeHost", memory)

    def to_device(self, device: int, host: int, size: int, stream: int) -> None:
        self._call("cudaMemcpyAsync", device, host, size, _TO_DEVICE, stream)

    def to_host(self, host: int, device: int, size: int, stream: int) -> None:
        self._call("cudaMemcpyAsync", host, device, size, _TO_HOST, stream)

    def _pointer(self, name: str, *arguments: Any) -> int:
        pointer = c_void_p()
        self._call(name, byref(pointer), *arguments)
        if not pointer.value:
            raise EngineError(f"{name} said success and gave no pointer")
        return pointer.value


def open_cuda() -> tuple[Cuda, int]:
    """The first CUDA runtime here that finds a GPU, and how many. Raises BackendUnavailable with what each one said."""
    said: dict[str, None] = {}
    for path in _candidates():
        try:
            cuda = Cuda(ctypes.CDLL(path))
            count = cuda.device_count()
        except OSError:
            continue
        except (BackendUnavailable, CudaError) as error:
            said[str(error)] = None
        else:
            if count:
                return cuda, count
            said["the CUDA runtime finds no GPU"] = None
    if said:
        raise BackendUnavailable("; ".join(said), "is the NVIDIA driver installed and the GPU visible? see nvidia-smi")
    raise BackendUnavailable(
        "there is no CUDA runtime (libcudart)",
        "Jetson: apt install nvidia-jetpack; elsewhere: pip install nvidia-cuda-runtime",
    )


def _candidates(search: Sequence[str] | None = None) -> Iterator[str]:
    """Names for the loader first (LD_LIBRARY_PATH, ldconfig), then the usual folders, then the wheels of NVIDIA."""
    yield from _SONAMES
    folders = [folder.format(machine=platform.machine()) for folder in _SYSTEM]
    folders += [str(Path(entry) / wheel) for entry in (sys.path if search is None else search) for wheel in _WHEELS]
    for folder in folders:
        yield from sorted(map(str, Path(folder).glob("libcudart.so*")), reverse=True)
