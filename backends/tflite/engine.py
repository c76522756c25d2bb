"""One TFLite interpreter as an engine, whatever runs its operators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from backends.contract import ArtifactError, BackendError, EngineError, Output
from backends.tflite.quantise import Encoder, unusual

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from backends.artifact import Artifact
    from backends.contract import EngineInfo

_MOST_TEXT = 300
_IN_A_ROW = 3


class TFLiteEngine:
    """open_: makes a new interpreter, without tensors yet; raises BackendError, RuntimeError or ValueError.

    describe: the EngineInfo for (precision, outputs, notes). sensors: what `telemetry` returns.
    """

    def __init__(
        self,
        open_: Callable[[], Any],
        artifact: Artifact,
        describe: Callable[[str, tuple[Output, ...], tuple[str, ...]], EngineInfo],
        sensors: Callable[[], Mapping[str, float]],
    ) -> None:
        self._open = open_
        self._artifact = artifact
        self.telemetry = sensors
        self._failures = 0
        self._interpreter: Any = None
        try:
            interpreter = self._prepare()
            details = interpreter.get_input_details()[0]
            outputs = tuple(output(each, artifact) for each in interpreter.get_output_details())
        except BaseException:
            self.close()
            raise
        dtype, (scale, zero_point) = np.dtype(details["dtype"]).name, details["quantization"]
        self._encode = Encoder(artifact.input, dtype, float(scale), int(zero_point))
        notes: tuple[str, ...] = ()
        if unusual(dtype, float(scale), int(zero_point)) and not any(artifact.input.mean):
            notes = (f"input scale {scale:.4g}, zero point {zero_point}: state input.mean and input.std",)
        self.info = describe("f32" if dtype == "float32" else dtype, outputs, notes)

    def run(self, image: NDArray[np.uint8]) -> Sequence[NDArray[Any]]:
        """See `Engine.run`. The arrays are copies.

        After a failed run the interpreter is made anew: an old one adds to its error text at every failure.
        """
        interpreter = self._interpreter
        if interpreter is None:
            raise EngineError(f"{self._artifact.path.name}: it is closed")
        failure = None
        try:
            interpreter.set_tensor(self._input, self._encode(image))
            interpreter.invoke()
            found = [_tensor(interpreter, index) for index in self._outputs]
        except (RuntimeError, ValueError) as e:
            failure = short(e)
        if failure is not None:
            # Not inside the except: its traceback would keep the interpreter, and that the device.
            del interpreter
            raise self._failed(failure)
        self._failures = 0
        return found

    def close(self) -> None:
        self._interpreter = None

    def _prepare(self) -> Any:
        """A new interpreter with its tensors. Raises ArtifactError where the file is no detector with one picture."""
        interpreter = self._open()
        check_inputs(interpreter, self._artifact)
        interpreter.allocate_tensors()
        self._input = interpreter.get_input_details()[0]["index"]
        self._outputs = [each["index"] for each in interpreter.get_output_details()]
        self._interpreter = interpreter
        return interpreter

    def _failed(self, text: str) -> EngineError:
        self._failures += 1
        self._interpreter = None
        if "unresolved custom op" in text:
            return EngineError(f"the delegate does not fit this runtime, it was built for another: {text}")
        if self._failures >= _IN_A_ROW:
            return EngineError(f"{text} ({self._failures} times in a row)")
        try:
            self._prepare()
        except (BackendError, RuntimeError, ValueError) as e:
            return EngineError(f"{text}; and it cannot be opened again: {short(e)}")
        return EngineError(text, retriable=True)


def _tensor(interpreter: Any, index: int) -> NDArray[Any]:
    """A copy of it. Of one without elements, as the rows of a model that sees nothing, the runtime gives no copy."""
    try:
        copy: NDArray[Any] = interpreter.get_tensor(index)
    except ValueError:
        details = next(each for each in interpreter.get_output_details() if each["index"] == index)
        if 0 not in details["shape"]:
            raise
        return np.empty(details["shape"], details["dtype"])
    return copy


def check_inputs(interpreter: Any, artifact: Artifact) -> None:
    """Gives an open batch the size 1. Raises ArtifactError where the input is not the one picture of the artifact."""
    name, spec = artifact.path.name, artifact.input
    inputs = interpreter.get_input_details()
    if len(inputs) != 1:
        listed = ", ".join(str(each["name"]) for each in inputs)
        raise ArtifactError(f"{name}: a detector has one input, this has {len(inputs)}: {listed}")
    wanted = [1, 3, spec.height, spec.width] if spec.layout == "NCHW" else [1, spec.height, spec.width, 3]
    shape = [int(size) for size in inputs[0].get("shape_signature", inputs[0]["shape"])]
    if len(shape) != 4 or any(size not in {-1, own} for size, own in zip(shape, wanted, strict=True)):
        raise ArtifactError(f"{name}: its input is {shape}, the sidecar or metadata says {wanted}")
    dtype = np.dtype(inputs[0]["dtype"]).name
    if dtype not in {"uint8", "int8", "float32", "float16"}:
        raise ArtifactError(f"{name}: its input is {dtype}; uint8, int8, float32 and float16 are understood")
    if [int(size) for size in inputs[0]["shape"]] != wanted:
        interpreter.resize_tensor_input(inputs[0]["index"], wanted)


def output(details: Mapping[str, Any], artifact: Artifact) -> Output:
    """Raises ArtifactError for integers with a scale per channel, which no head understands."""
    if len(details["quantization_parameters"]["scales"]) > 1:
        raise ArtifactError(
            f"{artifact.path.name}: output {details['name']} has a scale per channel; one is understood"
        )
    scale, zero_point = details["quantization"]
    shape = tuple(int(size) for size in details["shape"])
    return Output(str(details["name"]), shape, np.dtype(details["dtype"]).name, float(scale), int(zero_point))


def short(error: Exception) -> str:
    """The error's text on one line, at most 300 characters: a runtime repeats itself."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= _MOST_TEXT else text[: _MOST_TEXT - 3] + "..."
