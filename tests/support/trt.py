"""The doubles of CUDA and TensorRT, put where ours looks for the real ones. They prove nothing of a GPU."""

from __future__ import annotations

import ctypes
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from backends.artifact import Artifact, InputSpec

HEIGHT, WIDTH = 64, 96
DOUBLE = Path(__file__).with_name("trt_double")
_SOURCE = Path(__file__).with_name("cudart_double.c")


def compile_cudart(folder: Path) -> Path:
    """The double of libcudart.so; skips the test where there is no compiler."""
    if shutil.which("gcc") is None:
        pytest.skip("no C compiler for the double of the CUDA runtime (apt install gcc)")
    library = folder / "libcudart.so"
    command = ["gcc", "-std=gnu11", "-O1", "-shared", "-fPIC", "-Wl,-soname,libcudart.so", "-o", library, _SOURCE]
    subprocess.run(command, check=True, timeout=60)
    return library


class Scripted:
    """The compiled double in this process, and the way to make it fail."""

    def __init__(self, path: Path) -> None:
        self.library = ctypes.CDLL(str(path))
        self.library.double_calls.restype = ctypes.c_char_p
        self.library.double_reset()

    def fail(self, name: str, code: int = 999, after: int = 0) -> None:
        """The call `name` fails with `code`, from its `after`-th time on."""
        self.library.double_fail(name.encode(), code, after)

    def device(self, *, integrated: bool = True, count: int = 1) -> None:
        self.library.double_device(int(integrated), count)

    @property
    def live(self) -> int:
        """Allocations and streams not given back."""
        return int(self.library.double_live())

    @property
    def made(self) -> int:
        """Allocations ever made."""
        return int(self.library.double_made())

    def take_calls(self) -> list[str]:
        calls = self.library.double_calls().decode().split()
        self.library.double_forget_calls()
        return list(calls)


def network(
    shape: tuple[int, ...] = (1, 3, HEIGHT, WIDTH),
    kind: str = "FLOAT",
    out: tuple[int, ...] = (1, 1, 6),
    out_kind: str = "FLOAT",
    layers: tuple[tuple[str, str], ...] = (),
) -> dict[str, object]:
    """What the double takes for a model."""
    return {
        "tensors": [
            ["image", "INPUT", list(shape), kind, "DEVICE"],
            ["boxes", "OUTPUT", list(out), out_kind, "DEVICE"],
        ],
        "layers": [list(layer) for layer in layers],
    }


def artifact(folder: Path, content: object = None, **changes: object) -> Artifact:
    """The double's model as an artifact of family boxes."""
    path = folder / "model.onnx"
    path.write_text(json.dumps(network() if content is None else content))
    spec = InputSpec(HEIGHT, WIDTH, "NCHW", "float32", std=(255.0, 255.0, 255.0), resize="stretch")
    known = {"name": "double", "path": path, "format": "onnx", "sha256": "0" * 64, "family": "boxes", "input": spec}
    return Artifact(**{**known, "labels": ("thing",), **changes})  # type: ignore[arg-type]
