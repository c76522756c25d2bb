"""Input encoding and the memory check of the TensorRT backend: pure parts, no GPU needed and none proven."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backends.artifact import InputSpec
from backends.contract import ArtifactError
from backends.tflite.quantise import Encoder as TFLiteEncoder
from backends.trt import memory
from backends.trt.encode import encoder

IMAGE = np.random.default_rng(1).integers(0, 256, (16, 24, 3), np.uint8)


def expected(spec: InputSpec, dtype: Any) -> np.ndarray[Any, Any]:
    """Straight from `InputSpec`'s text, in float64."""
    image = IMAGE[:, :, ::-1] if spec.color == "BGR" else IMAGE
    value = (image.astype(np.float64) - spec.mean) / spec.std
    if dtype == np.int8:
        value = value - 128
    if np.dtype(dtype).kind in "iu":
        value = np.rint(value).clip(np.iinfo(dtype).min, np.iinfo(dtype).max)
    return (value.transpose(2, 0, 1) if spec.layout == "NCHW" else value)[None].astype(dtype)


@settings(max_examples=60)
@given(
    layout=st.sampled_from(["NCHW", "NHWC"]),
    color=st.sampled_from(["RGB", "BGR"]),
    dtype=st.sampled_from([np.float32, np.float16]),
    mean=st.tuples(*[st.floats(-200, 200)] * 3),
    std=st.tuples(*[st.floats(0.1, 300)] * 3),
)
def test_the_tensor_is_what_the_spec_says(layout: Any, color: Any, dtype: Any, mean: Any, std: Any) -> None:
    spec = InputSpec(16, 24, layout, "float32", color=color, mean=mean, std=std)
    tensor = np.full((1, 3, 16, 24) if layout == "NCHW" else (1, 16, 24, 3), np.nan, dtype)
    encoder(spec, tensor)(IMAGE)
    np.testing.assert_array_equal(tensor, expected(spec, dtype))


@pytest.mark.parametrize("dtype", [np.uint8, np.int8])
@pytest.mark.parametrize("color", ["RGB", "BGR"])
def test_whole_numbers_store_the_pixel(dtype: Any, color: Any) -> None:
    spec = InputSpec(16, 24, "NHWC", "uint8", color=color)
    tensor = np.zeros((1, 16, 24, 3), dtype)
    encoder(spec, tensor)(IMAGE)
    np.testing.assert_array_equal(tensor, expected(spec, dtype))


@pytest.mark.parametrize("dtype", ["uint8", "int8"])
def test_stated_mean_and_std_mean_what_they_mean_to_the_others(dtype: str) -> None:
    spec = InputSpec(16, 24, "NHWC", "uint8", color="BGR", mean=(120.0, 110.0, 100.0), std=(2.0, 3.0, 4.0))
    tensor = np.zeros((1, 16, 24, 3), dtype)
    encoder(spec, tensor)(IMAGE)
    np.testing.assert_array_equal(tensor, TFLiteEncoder(spec, dtype, 0.0, 0)(IMAGE))


def test_the_tensor_itself_is_written() -> None:
    """Not a copy: the GPU reads this memory."""
    memory_ = np.zeros(3 * 16 * 24, np.float32)
    encoder(InputSpec(16, 24, "NCHW", "float32"), memory_.reshape(1, 3, 16, 24))(IMAGE)
    assert memory_.sum() == IMAGE.sum()


@pytest.mark.parametrize(("shape", "dtype"), [((1, 3, 16, 25), np.float32), ((1, 3, 16, 24), np.int32)])
def test_a_tensor_that_does_not_fit_is_refused(shape: tuple[int, ...], dtype: Any) -> None:
    with pytest.raises(ArtifactError, match="the engine's input is"):
        encoder(InputSpec(16, 24, "NCHW", "float32"), np.zeros(shape, dtype))


def proc(folder: Path, total: int, available: int, swaps: str = "") -> Path:
    (folder / "meminfo").write_text(f"MemTotal: {total << 10} kB\nMemAvailable: {available << 10} kB\nHugePages: x\n")
    (folder / "swaps").write_text("Filename Type Size Used Priority\n" + swaps)
    return folder


@pytest.mark.parametrize(
    ("available", "swaps", "enough"),
    [
        (4000, "", True),
        (500, "", False),
        (500, "/swapfile file 4194304 1024 -2\n", True),
        (500, "/dev/zram0 partition 4194304 0 5\n", False),  # memory, only packed
        (500, "/swapfile file 4194304 4190000 -2\n", False),
        (500, "short\n", False),
    ],
)
def test_memory_is_counted_with_swap_on_disk(tmp_path: Path, available: int, swaps: str, enough: bool) -> None:
    lack = memory.shortage(20 << 20, 256, proc(tmp_path, 4000, available, swaps))
    assert (lack == "") == enough, lack


def test_the_refusal_says_how_much(tmp_path: Path) -> None:
    lack = memory.shortage(100 << 20, 256, proc(tmp_path, 4000, 500))
    assert lack == f"building the engine takes about {700 + 256 + 400} MiB, of which 500 are free"
    assert "swapon" in memory.RECIPE
    assert "workspace_mib" in memory.RECIPE


def test_unknown_memory_is_not_too_little(tmp_path: Path) -> None:
    assert memory.shortage(1 << 40, 1024, tmp_path / "nowhere") == ""


@pytest.mark.parametrize(("total", "stated", "found"), [(3900, 0, 256), (7600, 0, 1024), (3900, 512, 512)])
def test_workspace_depends_on_the_machine_not_on_the_moment(
    tmp_path: Path, total: int, stated: int, found: int
) -> None:
    assert {memory.workspace_mib(stated, proc(tmp_path, total, free)) for free in (10, total)} == {found}
