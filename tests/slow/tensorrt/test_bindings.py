"""Our code and our double against the real bindings of TensorRT 8.6, 10.3 and 11.4: names, arities, types.

It does not prove what a call does: there is no TensorRT behind the bindings here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.slow.tensorrt import bindings

ROOT = Path(__file__).parents[3]
EVERYWHERE = {
    "Runtime": {"deserialize_cuda_engine": 1},
    "ICudaEngine": {
        "num_io_tensors": None, "get_tensor_name": 1, "get_tensor_mode": 1, "get_tensor_shape": 1,
        "get_tensor_dtype": 1, "get_tensor_location": 1, "create_execution_context": 0,
    },
    "IExecutionContext": {"set_input_shape": 2, "get_tensor_shape": 1, "set_tensor_address": 2, "execute_async_v3": 1},
    "Builder": {
        "create_network": 1, "create_builder_config": 0, "create_optimization_profile": 0,
        "build_serialized_network": 2,
    },
    "INetworkDefinition": {"num_inputs": None, "num_layers": None, "get_input": 1, "get_layer": 1},
    "ITensor": {"name": None, "shape": None, "dtype": None},
    "ILayer": {"type": None, "num_outputs": None, "get_output": 1},
    "IBuilderConfig": {
        "set_flag": 1, "set_memory_pool_limit": 2, "add_optimization_profile": 1, "create_timing_cache": 1,
        "set_timing_cache": 2, "get_timing_cache": 0,
    },
    "ITimingCache": {"serialize": 0},
    "IOptimizationProfile": {"set_shape": 4},
    "OnnxParser": {"num_errors": None, "parse": 2, "get_error": 1},
    "ParserError": {"desc": 0, "node": 0},
    "ILogger": {"log": 2},
    "Dims": {"__len__": 0, "__getitem__": 1},
}  # fmt: skip
MEMBERS = {
    "ILogger.Severity": ["INTERNAL_ERROR", "ERROR", "WARNING"],
    "DataType": ["FLOAT", "HALF", "INT8", "UINT8", "INT32", "BOOL"],
    "TensorIOMode": ["INPUT"],
    "TensorLocation": ["DEVICE"],
    "LayerType": ["QUANTIZE"],
    "MemoryPoolType": ["WORKSPACE"],
}
SOMEWHERE = {
    "BuilderFlag.FP16": {"8.6.1": True, "10.3.0": True, "11.4.0": False},
    "BuilderFlag.INT8": {"8.6.1": True, "10.3.0": True, "11.4.0": False},
    "NetworkDefinitionCreationFlag.EXPLICIT_BATCH": {"8.6.1": True, "10.3.0": True, "11.4.0": False},
    "IProgressMonitor": {"8.6.1": False, "10.3.0": True, "11.4.0": True},
    "IBuilderConfig.progress_monitor": {"8.6.1": False, "10.3.0": True, "11.4.0": True},
    "init_libnvinfer_plugins": {"8.6.1": True, "10.3.0": True, "11.4.0": True},
}
"""What is asked for with `feature`."""
versions = pytest.mark.parametrize("version", bindings.VERSIONS)


def look(which: str, environment: dict[str, str]) -> Any:
    """What look.py finds in the module `tensorrt` of that environment."""
    command = [sys.executable, str(Path(__file__).with_name("look.py")), which]
    asked = json.dumps([EVERYWHERE, MEMBERS, list(SOMEWHERE)])
    return json.loads(
        subprocess.run(
            command, input=asked, check=True, stdout=subprocess.PIPE, text=True, timeout=60, env=environment
        ).stdout
    )


@versions
def test_the_contract_list_holds(version: str) -> None:
    wrong, found, own = look("real", bindings.environment(bindings.real_bindings(version)))
    assert own.startswith(version)
    assert not wrong
    assert found == {name: where[version] for name, where in SOMEWHERE.items()}


def test_the_contract_list_is_what_the_protocols_say() -> None:
    """Every method of a Protocol in backends.trt.api is in the list."""
    from backends.trt import api

    real = {
        "Runtime": "Runtime", "Engine": "ICudaEngine", "Context": "IExecutionContext", "Builder": "Builder",
        "Network": "INetworkDefinition", "Tensor": "ITensor", "Layer": "ILayer", "Config": "IBuilderConfig",
        "TimingCache": "ITimingCache", "Profile": "IOptimizationProfile", "Parser": "OnnxParser",
        "ParserError": "ParserError", "Dims": "Dims",
    }  # fmt: skip
    for protocol, name in real.items():
        members = {m for m in vars(getattr(api, protocol)) if not m.startswith("_") or m in EVERYWHERE[name]}
        assert members == set(EVERYWHERE[name]), protocol


def test_our_double_is_no_other_than_the_real_one() -> None:
    """Each class and method of the double is in the list, and takes as many arguments as the list says."""
    folder = str(ROOT / "tests/support/trt_double")
    assert look("double", {**os.environ, "PYTHONPATH": folder}) == []


def mypy(version: str, folder: Path, *what: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(folder / "mypy"), *what], text=True, check=False,
        capture_output=True, timeout=300, cwd=ROOT, env={**os.environ, "MYPYPATH": str(bindings.stubs(version))},
    )  # fmt: skip


@versions
def test_our_modules_are_typed_against_the_real_ones(version: str, tmp_path: Path) -> None:
    checked = mypy(version, tmp_path, "backends/tensorrt.py", "backends/trt")
    assert checked.returncode == 0, checked.stdout


@versions
def test_the_type_check_sees_a_call_that_is_not_there(version: str, tmp_path: Path) -> None:
    """It would mean nothing if it could not fail: calls that some version lacks are flagged in that version."""
    wrong = tmp_path / "wrong.py"
    wrong.write_text(
        "import tensorrt as trt\n"
        "def f(engine: trt.ICudaEngine, context: trt.IExecutionContext) -> None:\n"
        "    context.execute_async_v3('no number')\n"
        "    engine.get_tensor_shap('x')\n"
        "    engine.num_bindings\n"
        "    trt.BuilderFlag.FP16\n"
    )
    lines = {
        line.split(":")[1] for line in mypy(version, tmp_path, str(wrong)).stdout.splitlines() if ": error:" in line
    }
    assert lines == {"8.6.1": {"3", "4"}, "10.3.0": {"3", "4", "5"}, "11.4.0": {"3", "4", "5", "6"}}[version]
