"""The input tensor against the plain formula, and against the kernel that TFLite itself quantises with."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from backends.artifact import InputSpec
from backends.pixels import table
from backends.tflite.quantise import Encoder, unusual
from tests.support import tiny_tflite

STEP = 1 / 255
PIXELS = np.arange(256, dtype=np.uint8)
WITH = {
    "mean": st.tuples(*[st.floats(-200, 200)] * 3),
    "std": st.tuples(*[st.floats(0.25, 300)] * 3),
}


def spec(dtype: str, **more: object) -> InputSpec:
    return InputSpec(**{"height": 4, "width": 5, "layout": "NHWC", "dtype": dtype, **more})  # type: ignore[arg-type]


def picture(seed: int = 0, height: int = 4, width: int = 5) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize(
    ("dtype", "scale", "zero_point", "more", "expected"),
    [
        ("uint8", 1 / 128, 128, {}, lambda p: p),
        ("uint8", 0.00784, 127, {}, lambda p: p),
        ("int8", STEP, -128, {}, lambda p: p - 128),
        ("int8", STEP, -128, {"std": (255.0,) * 3}, lambda p: p - 128),
        ("uint8", STEP, 0, {"std": (255.0,) * 3}, lambda p: p),
        ("float32", 0.0, 0, {"std": (255.0,) * 3}, lambda p: np.float32(p / 255)),
        ("float32", 0.0, 0, {"mean": (127.5,) * 3, "std": (127.5,) * 3}, lambda p: np.float32((p - 127.5) / 127.5)),
        ("float16", 0.0, 0, {}, lambda p: p.astype(np.float16)),
    ],
)
def test_the_usual_models(dtype: str, scale: float, zero_point: int, more: dict, expected: object) -> None:
    image = picture()
    found = Encoder(spec(dtype, **more), dtype, scale, zero_point)(image)
    assert found.dtype == dtype
    assert found.shape == (1, 4, 5, 3)
    np.testing.assert_array_equal(found[0], expected(image.astype(np.float64)))  # type: ignore[operator]


@pytest.mark.parametrize("dtype", ["uint8", "int8", "float32"])
@pytest.mark.parametrize("color", ["RGB", "BGR"])
@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
@pytest.mark.parametrize("std", [(1.0, 1.0, 1.0), (50.0, 60.0, 70.0)])
def test_every_path_gives_the_channels_their_place(dtype: str, color: str, layout: str, std: tuple) -> None:
    own = spec(dtype, color=color, layout=layout, std=std, mean=(0.0, 0.0, 0.0))
    image = picture(1)
    found = Encoder(own, dtype, 0.02, 3)(image)
    values = table(own, dtype, 0.02, 3)
    for channel in range(3):
        source = 2 - channel if color == "BGR" else channel
        plane = found[0, channel] if layout == "NCHW" else found[0, ..., channel]
        np.testing.assert_array_equal(plane, values[channel][image[..., source]])


@given(
    dtype=st.sampled_from(["uint8", "int8"]),
    scale=st.floats(1e-4, 2.0),
    offset=st.integers(0, 255),
    seed=st.integers(0, 9),
    **WITH,
)
def test_against_the_plain_formula(dtype: str, scale: float, offset: int, seed: int, mean: tuple, std: tuple) -> None:
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    zero_point = low + offset
    own = spec(dtype, mean=mean, std=std)
    assume(any(mean) or set(std) != {1.0})  # that is no formula but the pixels themselves
    image = picture(seed)
    found = Encoder(own, dtype, scale, zero_point)(image)[0].astype(np.int64)
    exact = (image - np.array(mean)) / np.array(std) / scale + zero_point
    # The nearest of the numbers there are; a float32 more or less decides a half.
    assert (np.abs(found - np.clip(exact, low, high)) <= 0.5 + 1e-5 * (1 + np.abs(exact))).all()


@given(seed=st.integers(0, 9), **WITH)
def test_floats_against_the_plain_formula(seed: int, mean: tuple, std: tuple) -> None:
    image = picture(seed)
    found = Encoder(spec("float32", mean=mean, std=std), "float32", 0.0, 0)(image)[0]
    np.testing.assert_array_equal(found, ((image - np.array(mean)) / np.array(std)).astype(np.float32))


@settings(deadline=None, max_examples=20)
@given(
    dtype=st.sampled_from(["uint8", "int8"]),
    scale=st.floats(1e-3, 1.0),
    offset=st.integers(0, 255),
    **WITH,
)
def test_against_the_interpreters_own_quantisation(
    dtype: str, scale: float, offset: int, mean: tuple, std: tuple
) -> None:
    """TFLite's QUANTIZE operator on the 256 real values of each channel; it may round a half to the other side."""
    interpreter_module = pytest.importorskip("ai_edge_litert.interpreter")
    zero_point = int(np.iinfo(dtype).min) + offset
    own = spec(dtype, mean=mean, std=std)
    assume(any(mean) or set(std) != {1.0})
    content = tiny_tflite.quantise((1, 3, 256), dtype, scale, zero_point)
    interpreter = interpreter_module.Interpreter(
        model_content=content, experimental_op_resolver_type=interpreter_module.OpResolverType.BUILTIN_REF
    )
    interpreter.allocate_tensors()
    real = (PIXELS[None] - np.array(mean)[:, None]) / np.array(std)[:, None]
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], real[None].astype(np.float32))
    interpreter.invoke()
    theirs = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0]
    np.testing.assert_array_equal(table(own, dtype, scale, zero_point), theirs)


@pytest.mark.parametrize(
    ("dtype", "scale", "zero_point", "odd"),
    [
        ("uint8", 1 / 128, 128, False),
        ("uint8", 0.00784, 127, False),
        ("int8", STEP, -128, False),
        ("int8", 1 / 127.5, 0, False),
        ("uint8", 1.0, 0, False),
        ("float32", 0.0, 0, False),
        ("int8", 0.0186, -14, True),
        ("int8", 1 / 127, 0, False),
        ("int8", 2 / 255, -128, True),
    ],
)
def test_a_range_that_no_usual_picture_has(dtype: str, scale: float, zero_point: int, odd: bool) -> None:
    assert unusual(dtype, scale, zero_point) is odd
