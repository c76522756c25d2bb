"""Fetches NVIDIA's real bindings and makes them importable without TensorRT: libraries of our own, empty, in its place.

Everything lies in the user's cache, never in the repository: the wheels are NVIDIA's.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "vedette-tests" / "tensorrt"
VERSIONS = {
    "8.6.1": "tensorrt-bindings==8.6.1",
    "10.3.0": "tensorrt-cu12-bindings==10.3.0",
    "11.4.0": "tensorrt-cu12-bindings==11.4.0.106",
}
TOOLS = ("pybind11-stubgen==3.0.0", "onnx", "protobuf", "ml_dtypes", "typing_extensions")
RTX = ("tensorrt-rtx-cu13-bindings==1.7.1.116", "tensorrt-rtx-cu13-libs==1.7.1.116")
LEAN = (
    "tensorrt-lean-cu13-bindings==11.4.0.106",
    "tensorrt-lean-cu13-libs==11.4.0.106",
    "nvidia-cuda-runtime==13.5.37",
)
_LIBRARIES = ("nvinfer", "nvonnxparser", "nvinfer_plugin", "nvparsers")
_SYMBOLS = (
    "createInferBuilder_INTERNAL",
    "createInferRefitter_INTERNAL",
    "createInferRuntime_INTERNAL",
    "createNvOnnxParser_INTERNAL",
    "createNvOnnxParserRefitter_INTERNAL",
    "getBuilderPluginRegistry",
    "getNvOnnxParserVersion",
    "getPluginRegistry",
    "initLibNvInferPlugins",
    "_ZN11nvuffparser15createUffParserEv",
    "_ZN14nvcaffeparser117createCaffeParserEv",
    "_ZN14nvcaffeparser123shutdownProtobufLibraryEv",
    "_ZN11nvuffparser8FieldMapC1EPKcPKvNS_9FieldTypeEi",
)


def installed(*requirements: str) -> Path:
    """A folder with these wheels unpacked, without what they depend on."""
    name = re.sub(r"[^A-Za-z0-9.=]+", "-", "+".join(requirements))
    folder = CACHE / f"py{sys.version_info.major}{sys.version_info.minor}" / name
    if not (folder / ".complete").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "-q",
            "--no-deps",
            "--only-binary",
            ":all:",
            "-d",
            str(folder),
        ]
        subprocess.run([*command, *requirements], check=True, timeout=580)
        for wheel in folder.glob("*.whl"):
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(folder)
            wheel.unlink()
        (folder / ".complete").touch()
    return folder


def real_bindings(version: str) -> Path:
    """A folder in which `import tensorrt` gives the bindings of that version, with nothing of TensorRT behind them."""
    folder = installed(VERSIONS[version])
    major = version.partition(".")[0]
    source = folder / "empty.c"
    source.write_text("".join(f"void *{symbol}(void) {{ return 0; }}\n" for symbol in _SYMBOLS))
    for name in _LIBRARIES:
        library = folder / f"lib{name}.so.{major}"
        if not library.is_file():
            command = ["gcc", "-shared", "-fPIC", "-w", "-o", library, source, f"-Wl,-soname,{library.name}"]
            subprocess.run(command, check=True, timeout=60)
    return named_tensorrt(folder, "tensorrt_bindings")


def named_tensorrt(folder: Path, package: str) -> Path:
    """Gives the package in `folder` the name under which ours looks for it."""
    (folder / "tensorrt.py").write_text(
        f"import {package} as _real\nfrom {package} import *\n__version__ = _real.__version__\n"
    )
    return folder


def environment(*folders: Path) -> dict[str, str]:
    """In which these folders are imported from, and their libraries found."""
    root = Path(__file__).parents[3]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, (*folders, root))),
        "LD_LIBRARY_PATH": os.pathsep.join(map(str, folders)),
    }


def stubs(version: str) -> Path:
    """A folder with tensorrt.pyi, generated from the real bindings of that version."""
    folder = real_bindings(version)
    stub = folder / "stubs" / "tensorrt.pyi"
    if not stub.is_file():
        command = [sys.executable, "-m", "pybind11_stubgen", "tensorrt_bindings.tensorrt", "-o", str(folder / "raw")]
        subprocess.run(
            [*command, "--ignore-all-errors"], env=environment(folder, installed(*TOOLS)), check=True, timeout=120,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        stub.parent.mkdir(exist_ok=True)
        text = (folder / "raw" / "tensorrt_bindings" / "tensorrt.pyi").read_text()
        # What is not right inside the generated file is not ours to judge; what we do with it is.
        stub.write_text("# mypy: ignore-errors\n" + _parsable(text).replace("tensorrt_bindings.tensorrt.", ""))
    return stub.parent


def _parsable(text: str) -> str:
    """Signatures that the generator could not write as Python take anything."""
    for _ in range(60):
        try:
            ast.parse(text)
        except SyntaxError as error:
            lines = text.split("\n")
            at = next(i for i in range((error.lineno or 1) - 1, -1, -1) if lines[i].lstrip().startswith("def "))
            indent, name = re.match(r"( *)def (\w+)", lines[at]).groups()  # type: ignore[union-attr]
            lines[at] = f"{indent}def {name}(*args, **kwargs) -> typing.Any:"
            text = "\n".join(lines)
        else:
            return text
    raise AssertionError("the generated stubs have more than 60 errors of syntax")
