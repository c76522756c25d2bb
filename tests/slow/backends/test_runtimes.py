"""Which of LiteRT, tflite-runtime and pycoral is taken, tried in children of their own; the others are stand-ins."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.contract.backends.coral_worker import HEIGHT, WIDTH, Chips, detector, expected

pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed (pip install 'vedette[edgetpu]')")
IMAGE = np.zeros((HEIGHT, WIDTH, 3), np.uint8)


REEF = {"pycoral/__init__.py": "raise SystemExit('imported')", "pycoral/pycoral.py": ""}
"""As pycoral 0.2.0 of PyPI lies on the disk; it must not even be imported."""
TFLITE = "from ai_edge_litert.interpreter import Interpreter, load_delegate\n"
GOOGLE = {
    "tflite_runtime/__init__.py": "",
    "tflite_runtime/interpreter.py": TFLITE,
    "pycoral/__init__.py": "",
    "pycoral/utils/__init__.py": "",
    "pycoral/utils/edgetpu.py": """
import os
import tflite_runtime.interpreter as tflite
def list_edge_tpus(): return []
def load_edgetpu_delegate(options=None): return tflite.load_delegate(os.environ["VEDETTE_LIBEDGETPU"], options)
def make_interpreter(path, device=None, delegate=None):
    return tflite.Interpreter(model_path=path, experimental_delegates=[delegate])
""",
}
"""The functions of Google's pycoral 2.0 that matter, over LiteRT."""


def packages(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def found(path: Path, *names: str) -> str:
    """The runtime that `find` takes, or why none, in a process of its own with `path` before all packages."""
    code = (
        "import json, sys; from backends.tflite import runtimes; runtimes._SECONDS = 1.0\n"
        "try: print(json.dumps(runtimes.find(tuple(sys.argv[1:])).name))\n"
        "except runtimes.BackendUnavailable as e: print(json.dumps(e.reason))"
    )
    environment = {**os.environ, "PYTHONPATH": str(path)}
    done = subprocess.run(
        [sys.executable, "-c", code, *names],
        capture_output=True, text=True, env=environment, timeout=60, check=True,
    )  # fmt: skip
    return str(json.loads(done.stdout.splitlines()[-1]))


def test_the_pycoral_of_pypi_is_recognised_and_not_imported(tmp_path: Path) -> None:
    reason = found(packages(tmp_path, REEF), "pycoral")
    assert reason == (
        "no TFLite runtime works here: "
        "pycoral is not Google's, it has no pycoral.utils.edgetpu: PyPI's pycoral is about coral reefs"
    )


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({**GOOGLE, "pycoral/utils/edgetpu.py": "def get_runtime_version(): pass"}, "lacks list_edge_tpus, make_inter"),
        ({**GOOGLE, "pycoral/utils/edgetpu.py": "import nothing_there"}, "No module named 'nothing_there'"),
        ({**GOOGLE, "tflite_runtime/interpreter.py": "import os; os.abort()"}, "pycoral was killed by SIGABRT"),
    ],
)
def test_a_pycoral_that_is_not_complete(tmp_path: Path, files: dict[str, str], reason: str) -> None:
    assert reason in found(packages(tmp_path, files), "pycoral")


@pytest.mark.parametrize(
    ("interpreter", "reason"),
    [
        ("def Interpreter(**_): raise SystemError('built for NumPy 1')", "SystemError: built for NumPy 1"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "was killed by SIGSEGV"),
        ("import time; time.sleep(60)", "gave no sign of life for 1 s"),
        ("import os; os._exit(3)", "ended with exit code 3: it said nothing"),
    ],
)
def test_a_broken_runtime_is_passed_over(tmp_path: Path, interpreter: str, reason: str) -> None:
    files = {"tflite_runtime/__init__.py": "", "tflite_runtime/interpreter.py": interpreter}
    assert reason in found(packages(tmp_path, files), "tflite-runtime")


def test_the_next_runtime_is_taken(tmp_path: Path) -> None:
    files = {"tflite_runtime/__init__.py": "", "tflite_runtime/interpreter.py": "import os; os.abort()"}
    assert found(packages(tmp_path, files), "tflite-runtime", "ai-edge-litert") == "ai-edge-litert"


def test_a_runtime_that_is_not_there() -> None:
    """What Google's pycoral is looked for with."""
    assert found(Path("/nowhere"), "pycoral").endswith("pycoral is not installed")


def test_the_edge_tpu_by_a_complete_pycoral(tmp_path: Path) -> None:
    chips = Chips(tmp_path / "machine", more={"PYTHONPATH": str(packages(tmp_path / "packages", GOOGLE))})
    with chips.worker() as worker:
        ready = worker.load(detector(tmp_path), {"runtime": "pycoral"}, None)
        (rows,) = worker.run([IMAGE], 5)
    assert ready["info"]["version"].endswith("pycoral")
    assert chips.asked() == {"device": "usb:0"}
    np.testing.assert_allclose(rows, expected(), atol=WIDTH / 255)
