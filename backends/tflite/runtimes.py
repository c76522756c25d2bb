"""The Python packages that can run a TFLite file, each tried out in a child process.

An import proves little: tflite-runtime 2.14 imports beside NumPy 2 and fails when an interpreter is made, and a broken
build may take its process with it. Google's pycoral was never on PyPI; what PyPI calls so is about coral reefs.
"""

from __future__ import annotations

import argparse
import base64
import functools
import importlib
import json
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backends.child import die_with_parent
from backends.contract import BackendUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LITERT, TFLITE, PYCORAL = "ai-edge-litert", "tflite-runtime", "pycoral"
_MODULES = {
    LITERT: "ai_edge_litert.interpreter",
    TFLITE: "tflite_runtime.interpreter",
    PYCORAL: "pycoral.utils.edgetpu",
}
_BRIDGE = Path(__file__).parents[1] / "bridge.py"
_SECONDS = 15.0  # a cold import on a slow SD card beside other work; a Pi at boot has both
_ALL_SECONDS = 25.0  # a probe has 30
# A TFLite file of one tensor, float32 (1,), that is input and output, and no operator.
_MODEL = base64.b64decode(
    "CAAAAFRGTDO6////FAAAACAAAAAwAAAArAAAAAMAAAABAAAACAAAAAQABAAEAAAADwAAAGEgdGlueSBkZXRlY3RvcgABAAAAFAAAAAAADgAYABQA"
    "EAAMAAgABAAOAAAAFAAAABwAAAAcAAAAIAAAACQAAAAEAAAAbWFpbgAAAAAAAAAAAQAAAAAAAAABAAAAAAAAAAEAAAAQAAAADAAMAAgAAAAAAAQA"
    "DAAAAAgAAAAMAAAAAQAAAHgAAAABAAAAAQAAAAAAAAA="
)


@dataclass(frozen=True, slots=True)
class Runtime:
    """name: of the package, as pip knows it. It has made an interpreter in this environment."""

    name: str
    version: str

    @property
    def text(self) -> str:
        return f"{self.name} {self.version}".strip()

    def open(self, path: Path, threads: int | None = None) -> Any:
        """An interpreter on the CPU. Raises what the runtime raises: ValueError or RuntimeError."""
        return importlib.import_module(_MODULES[self.name]).Interpreter(str(path), num_threads=threads)

    def open_delegated(self, path: Path, library: str, options: Mapping[str, str]) -> Any:
        """An interpreter whose delegate has the device open until the interpreter is gone.

        Raises DelegateRefused where the delegate cannot be made, else what the runtime raises.
        """
        module = importlib.import_module(_MODULES[self.name])
        try:
            if self.name == PYCORAL:
                delegate = module.load_edgetpu_delegate(dict(options))
            else:
                delegate = module.load_delegate(library, dict(options))
        except (ValueError, OSError) as e:
            raise DelegateRefused(str(e)) from e
        if self.name == PYCORAL:
            return module.make_interpreter(str(path), delegate=delegate)
        return module.Interpreter(str(path), experimental_delegates=[delegate])


class DelegateRefused(Exception):
    """The library made no delegate; the real one never says why."""


@functools.cache
def find(names: Sequence[str] = (LITERT, TFLITE)) -> Runtime:
    """The first of the packages that really makes an interpreter here.

    Takes the time of a child per package that is installed, once per process. Raises BackendUnavailable naming each.
    """
    refusals = []
    until = time.monotonic() + _ALL_SECONDS
    for name in names:
        refusal = _missing(name)
        if refusal is None:
            version, refusal = _tried(name, min(_SECONDS, max(1.0, until - time.monotonic())))
            if refusal is None:
                return Runtime(name, version)
        refusals.append(f"{name} {refusal}")
    raise BackendUnavailable(f"no TFLite runtime works here: {'; '.join(refusals)}", "pip install 'vedette[edgetpu]'")


def _missing(name: str) -> str | None:
    """Why it need not be tried, by what lies on the disk: nothing is imported."""
    top, _, inner = _MODULES[name].partition(".")
    spec = util.find_spec(top)
    if spec is None:
        return "is not installed"
    folders = spec.submodule_search_locations or ()
    if name == PYCORAL and not any(Path(folder, *inner.split(".")).with_suffix(".py").exists() for folder in folders):
        return f"is not Google's, it has no {_MODULES[PYCORAL]}: PyPI's pycoral is about coral reefs"
    return None


def _tried(name: str, seconds: float) -> tuple[str, str | None]:
    """Version, and why it does not work or None."""
    try:
        done = subprocess.run(
            [sys.executable, str(_BRIDGE), "backends.tflite.runtimes", name],
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "", f"gave no sign of life for {seconds:.0f} s"
    if done.returncode < 0:
        return "", f"was killed by {signal.Signals(-done.returncode).name} while it made an interpreter"
    try:
        answer = json.loads(done.stdout.strip().splitlines()[-1])
        return answer["version"], answer["error"]
    except (ValueError, LookupError, TypeError):
        last = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
        return "", f"ended with exit code {done.returncode}: {last[0][:200]}"


def _construct(name: str) -> str | None:
    """Makes an interpreter of the package, in this process. Returns why that failed."""
    try:
        module = importlib.import_module(_MODULES[name])
        if name == PYCORAL:
            lacking = [part for part in ("list_edge_tpus", "make_interpreter") if not hasattr(module, part)]
            if lacking:
                return f"is incomplete: it lacks {', '.join(lacking)}"
            module = importlib.import_module(_MODULES[TFLITE])
        module.Interpreter(model_content=_MODEL).allocate_tensors()
    except Exception as e:  # noqa: BLE001 - a broken package may raise anything, SystemError for one
        # Of a package for NumPy 1 only the cause says so.
        shown = e.__cause__ or e
        return f"does not work: {type(shown).__name__}: {' '.join(str(shown).split())[:200]}"
    return None


def main(argv: Sequence[str] | None = None) -> int:
    """The child: one line of JSON."""
    parser = argparse.ArgumentParser(prog="backends.tflite.runtimes")
    parser.add_argument("name", choices=sorted(_MODULES))
    name = parser.parse_args(argv).name
    die_with_parent()  # a killed worker leaves no child behind
    error = _construct(name)
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        version = ""
    sys.stdout.write("\n" + json.dumps({"version": version, "error": error}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
