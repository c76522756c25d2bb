"""The TensorRT backend over doubles of libcudart (C, through the real ctypes) and of the module tensorrt.

Untested on hardware: nothing here proves that a GPU computes, how fast, or how real TensorRT answers; that the calls
exist as they are made here is held against the real bindings by tests/slow/tensorrt.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from backends import tensorrt as backend_module
from backends.artifact import Artifact, InputSpec
from backends.contract import ArtifactError, BackendError, EngineError
from backends.tensorrt import TensorRT
from backends.trt import engine as engine_module
from tests.contract.backends.trt.driving import image, load, script
from tests.support import trt as doubles
from tests.support.trt import HEIGHT, WIDTH, Scripted, network


@pytest.mark.parametrize("io", ["auto", "mapped", "copy"])
def test_the_answer_belongs_to_the_image(gpu: Scripted, trt: ModuleType, artifact: Artifact, io: str) -> None:
    engine = load(artifact, io=io)
    for red, green, blue in ((51, 102, 204), (102, 51, 255)):
        (boxes,) = engine.run(image(red, green, blue))
        np.testing.assert_allclose(boxes[0, 0], [red / 255, green / 255, 1, 1, blue / 255, 0], rtol=1e-3)
    assert engine.info.outputs[0].shape == (1, 1, 6)
    assert engine.info.notes[0] == {"mapped": "mapped I/O", "copy": "copied I/O"}.get(io, engine.info.notes[0])
    assert ("ms" in " ".join(engine.info.notes)) == (io == "auto")  # measured, and said
    engine.close()
    engine.close()
    with pytest.raises(EngineError, match="closed"):
        engine.run(image(0, 0, 0))


def test_the_order_of_calls(gpu: Scripted, trt: ModuleType, artifact: Artifact) -> None:
    TensorRT().probe()
    assert trt.calls == [], "TensorRT was touched before CUDA said that there is a GPU, or in probe"
    engine = load(artifact, io="copy")
    assert trt.calls.index("Runtime") < trt.calls.index("Runtime.deserialize_cuda_engine")
    gpu.take_calls()
    trt.calls.clear()
    engine.run(image(1, 2, 3))
    assert gpu.take_calls() == ["cudaMemcpyAsync", "cudaMemcpyAsync", "cudaStreamSynchronize"]
    assert trt.calls == ["IExecutionContext.execute_async_v3"]
    engine.close()
    freed = gpu.take_calls()
    assert freed[-1] == "cudaStreamDestroy"
    assert sorted(freed) == ["cudaFree", "cudaFree", "cudaFreeHost", "cudaFreeHost", "cudaStreamDestroy"]


def test_mapped_memory_is_not_copied(gpu: Scripted, trt: ModuleType, artifact: Artifact) -> None:
    engine = load(artifact, io="mapped")
    gpu.take_calls()
    engine.run(image(1, 2, 3))
    assert gpu.take_calls() == ["cudaStreamSynchronize"]
    engine.close()


CALLS = ("cudaMemcpyAsync", "cudaStreamSynchronize")


@pytest.mark.parametrize("call", [*CALLS, "IExecutionContext.execute_async_v3"])
@pytest.mark.parametrize("answer", [False, None])
def test_after_a_failed_call_nothing_stale_comes_out(
    gpu: Scripted, trt: ModuleType, artifact: Artifact, call: str, answer: Any
) -> None:
    engine = load(artifact, io="copy")
    (boxes,) = engine.run(image(255, 255, 255))
    before = boxes.copy()
    if call in CALLS:
        gpu.fail(call)
    else:
        trt.script["fail"] = {call: answer}
    with pytest.raises(EngineError) as failed:
        engine.run(image(0, 0, 0))
    assert not failed.value.retriable
    assert call.rpartition(".")[2] in str(failed.value)
    gpu.library.double_reset()
    trt.script["fail"] = {}
    with pytest.raises(EngineError, match="failed before"):  # a lost context does not come back
        engine.run(image(0, 0, 0))
    np.testing.assert_array_equal(boxes, before)
    gpu.library.cudaStreamSynchronize(None)  # works off what the failed run left in the queue
    engine.close()


def scenario(
    engine_class: Any, loaded_by: Any, gpu: Scripted, trt: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails, in whatever way, if an output ever comes out that is not of the image that was given."""
    monkeypatch.setattr(backend_module, "TensorRTEngine", engine_class)
    engine = loaded_by()
    try:
        for color in (255, 51, 102):
            (boxes,) = engine.run(image(color, color, color))
            np.testing.assert_allclose(boxes[0, 0, 0], color / 255, rtol=1e-3)
        trt.script["fail"] = {"IExecutionContext.execute_async_v3": False}
        with pytest.raises(EngineError):
            engine.run(image(0, 0, 0))
        trt.script["fail"] = {}
        with pytest.raises(EngineError):  # whatever it was, it may have left half a result
            engine.run(image(7, 7, 7))
    finally:
        trt.script["fail"] = {}
        gpu.library.cudaStreamSynchronize(None)
        engine.close()


MUTATIONS = {
    "as it is": ("", ""),
    "False is ignored": ('self._checked("execute_async_v3", self._context.execute_async_v3(buffers.stream))',
                         "self._context.execute_async_v3(buffers.stream)"),
    "nobody waits": ("buffers.wait()", "pass"),
    "outputs are not fetched": ("buffers.download(output)", "pass"),
    "the image is not sent": ("buffers.upload(self._input)", "pass"),
    "the image is not encoded": ("self._encode(image)", "pass"),
    "a failure is forgotten": ("if self._broken:", "if False:"),
    "a failure is swallowed": ("            raise\n        for result", "        for result"),
}  # fmt: skip


@pytest.mark.parametrize("mutation", MUTATIONS)
@pytest.mark.parametrize("trt", ["10.3.0"], indirect=True)
def test_each_guard_against_stale_output_is_needed(
    gpu: Scripted, trt: ModuleType, artifact: Artifact, monkeypatch: pytest.MonkeyPatch, mutation: str
) -> None:
    """engine.py with one guard taken out at a time: the scenario notices each."""
    source = Path(engine_module.__file__).read_text()
    old, new = MUTATIONS[mutation]
    assert source.count(old) == 1 or not old
    mutant = ModuleType("mutant")
    monkeypatch.setitem(sys.modules, "mutant", mutant)
    exec(compile(source.replace(old, new) if old else source, "mutant", "exec"), mutant.__dict__)

    def check() -> None:
        scenario(mutant.TensorRTEngine, lambda: load(artifact, io="copy"), gpu, trt, monkeypatch)

    if not old:
        check()
        return
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        check()


def test_tensorrts_own_words_are_in_the_error(gpu: Scripted, trt: ModuleType, artifact: Artifact) -> None:
    engine = load(artifact, io="mapped")
    trt.script["fail"] = {"IExecutionContext.execute_async_v3": False}
    with pytest.raises(EngineError, match=r"the reason of IExecutionContext\.execute_async_v3"):
        engine.run(image(0, 0, 0))
    engine.close()


@pytest.mark.parametrize(
    ("call", "answer", "error"),
    [
        ("Runtime_deserialize_cuda_engine", None, EngineError),
        ("ICudaEngine_create_execution_context", None, EngineError),
        ("IExecutionContext_set_input_shape", False, ArtifactError),
        ("IExecutionContext_set_tensor_address", False, EngineError),
        ("Builder_create_network", None, EngineError),
        ("Builder_create_builder_config", None, EngineError),
        ("Builder_build_serialized_network", None, EngineError),
        ("IBuilderConfig_set_timing_cache", False, EngineError),
        ("IBuilderConfig_create_timing_cache", None, EngineError),
        ("OnnxParser_parse", False, ArtifactError),
        ("init_libnvinfer_plugins", False, EngineError),
    ],
)
def test_every_no_of_tensorrt_is_a_typed_error(
    gpu: Scripted,
    trt: ModuleType,
    artifact: Artifact,
    monkeypatch: pytest.MonkeyPatch,
    call: str,
    answer: Any,
    error: Any,
) -> None:
    script(trt, monkeypatch, **{call: answer})
    if call == "init_libnvinfer_plugins":
        trt.script["fail"] = {call: answer}
    with pytest.raises(error) as failed:
        load(artifact)
    name = call.replace("_", ".", 1)
    assert f"the reason of {name}" in str(failed.value) or call in str(failed.value)


@pytest.mark.parametrize(
    ("call", "answer"), [("Builder_create_optimization_profile", None), ("IBuilderConfig_add_optimization_profile", -1)]
)
def test_a_profile_that_fails(
    gpu: Scripted, trt: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, answer: Any
) -> None:
    script(trt, monkeypatch, **{call: answer})
    with pytest.raises(EngineError, match="optimization_profile failed: the reason of"):
        load(doubles.artifact(tmp_path, network((-1, 3, -1, -1))))


CUDA_AT_LOAD = (
    "cudaGetDeviceCount", "cudaSetDevice", "cudaGetDeviceProperties", "cudaDeviceGetAttribute", "cudaRuntimeGetVersion",
    "cudaStreamCreateWithFlags", "cudaHostAlloc", "cudaMalloc",
)  # fmt: skip


@pytest.mark.parametrize("call", CUDA_AT_LOAD)
@pytest.mark.parametrize("after", [0, 1])
def test_every_error_of_cuda_is_typed_and_leaves_nothing(
    gpu: Scripted, trt: ModuleType, artifact: Artifact, call: str, after: int
) -> None:
    gpu.fail(call, 2, after)
    if after and call in {
        "cudaGetDeviceCount",
        "cudaSetDevice",
        "cudaGetDeviceProperties",
        "cudaRuntimeGetVersion",
        "cudaStreamCreateWithFlags",
    }:
        load(artifact, io="copy").close()  # called once only
        return
    with pytest.raises(BackendError, match=rf"{call}: cudaErrorMemoryAllocation \(2\): out of memory"):
        load(artifact, io="copy")


def test_a_thousand_runs_allocate_nothing(gpu: Scripted, trt: ModuleType, artifact: Artifact) -> None:
    engine = load(artifact, io="copy")
    picture = image(1, 2, 3)
    engine.run(picture)
    made, addresses = gpu.made, {out.ctypes.data for out in engine.run(picture)}
    for _ in range(1_000):
        outputs = engine.run(picture)
        addresses.add(outputs[0].ctypes.data)
    assert gpu.made == made
    assert len(addresses) == 1
    engine.close()


@pytest.mark.parametrize(
    ("shape", "kind", "out", "out_kind", "layout"),
    [
        ((1, 3, HEIGHT, WIDTH), "HALF", (1, 1, 6), "HALF", "NCHW"),
        ((1, HEIGHT, WIDTH, 3), "FLOAT", (1, 1, 6), "FLOAT", "NHWC"),
        ((-1, 3, -1, -1), "FLOAT", (1, 1, 6), "HALF", "NCHW"),
    ],
)
def test_inputs_of_other_kinds(
    gpu: Scripted, trt: ModuleType, tmp_path: Path, shape: Any, kind: str, out: Any, out_kind: str, layout: Any
) -> None:
    spec = InputSpec(HEIGHT, WIDTH, layout, "float32", std=(255.0,) * 3, resize="stretch")
    engine = load(doubles.artifact(tmp_path, network(shape, kind, out, out_kind), input=spec), io="copy")
    (boxes,) = engine.run(image(51, 102, 204))
    assert boxes.dtype == np.float32  # also where the plan has half precision
    assert engine.info.outputs[0].dtype == "float32"
    np.testing.assert_allclose(boxes[0, 0, :2], [0.2, 0.4], atol=2e-3)
    engine.close()


TWO = [["a", "INPUT", [1, 3, HEIGHT, WIDTH], "FLOAT", "DEVICE"], ["b", "INPUT", [1], "FLOAT", "DEVICE"]]


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({"tensors": TWO}, r"one input, this has 2: a, b"),
        (network((1, 3, 32, 32)), r"its input is \(1, 3, 32, 32\), the sidecar or metadata says \(1, 3, 64, 96\)"),
        (network((1, 1, 3, HEIGHT, WIDTH)), "its input is"),
        (network(out=(-1, 6)), "known only after a run"),
        (network(out_kind="FP8"), "FP8, which NumPy has no type for"),
    ],
)
def test_a_model_that_does_not_fit_is_refused(
    gpu: Scripted, trt: ModuleType, tmp_path: Path, model: Any, message: str
) -> None:
    with pytest.raises(ArtifactError, match=message):
        load(doubles.artifact(tmp_path, model))


def test_what_the_parser_said_in_the_child_is_quoted(gpu: Scripted, trt: ModuleType, tmp_path: Path) -> None:
    broken = doubles.artifact(tmp_path)
    broken.path.write_text("no JSON, so no model of the double")
    with pytest.raises(
        ArtifactError, match=r"model.onnx: TensorRT cannot read it: node 8: No importer registered for op"
    ):
        load(broken)


FLAGS = {
    ("10.3.0", "auto", "auto"): ["FP16"],
    ("10.3.0", "auto", "f32"): [],
    ("10.3.0", "f32", "auto"): [],
    ("10.3.0", "f16", "f32"): ["FP16"],
    ("11.4.0", "auto", "auto"): [],
    ("11.4.0", "f32", "auto"): [],
}


@pytest.mark.parametrize("stated", ["auto", "f32", "f16"])
@pytest.mark.parametrize("asks", ["auto", "f32"])
def test_half_precision_by_flag_where_there_is_one(
    gpu: Scripted, trt: ModuleType, tmp_path: Path, stated: str, asks: str
) -> None:
    artifact = doubles.artifact(tmp_path, precision=asks)
    if trt.__version__ == "11.4.0" and stated == "f16":
        with pytest.raises(ArtifactError, match="takes the precision from the model file, and this one is float32"):
            load(artifact, precision=stated)
        return
    load(artifact, precision=stated).close()
    expected = FLAGS.get((trt.__version__, stated, asks), ["FP16"] if stated == "f16" else [])
    assert json.loads(trt.native[-1][4:])["flags"] == expected


@pytest.mark.parametrize(("layer", "flags"), [(("CONVOLUTION", "HALF"), ["FP16"]), (("QUANTIZE", "INT8"), ["INT8"])])
def test_a_model_with_its_own_precision_gets_the_flags_it_needs(
    gpu: Scripted, trt: ModuleType, tmp_path: Path, layer: tuple[str, str], flags: list[str]
) -> None:
    artifact = doubles.artifact(tmp_path, network(layers=(layer,)))
    load(artifact, precision="f32").close()
    assert json.loads(trt.native[-1][4:])["flags"] == (flags if trt.__version__ == "10.3.0" else [])
