"""A stranger's head in the worker's threads: whatever it returns, each frame is answered."""

from __future__ import annotations

import os
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from backends.contract import Output
from backends.detections import Detections
from backends.protocol import MAX_DETECTIONS, LineReader, SlotLayout, encode, encode_run
from backends.streams import Streams

LAYOUT = SlotLayout(8, 8, 2)


def decoded(*found: Any, outputs: Any = ()) -> tuple[list[dict[str, Any]], list[np.ndarray]]:
    """The answers to a frame for each of `found`, which is what the head returns, and the slots' rows."""
    left = list(found)
    memory = memoryview(bytearray(LAYOUT.size))
    read, requests = os.pipe()
    replies, write = os.pipe()
    try:
        for i in range(len(found)):
            os.write(requests, encode_run(i % 2, i, 0.1))
        os.write(requests, encode("close"))
        info = SimpleNamespace(outputs=(Output("o", (1, -1, 6), "float32"),))
        engine: Any = SimpleNamespace(run=lambda _image: outputs, info=info)
        head: Any = SimpleNamespace(decode=lambda _outputs, _floor: _next(left))
        over = Streams(LineReader(read), write, engine, [head], LAYOUT, memory).run()
        assert over == {"op": "close"}
        os.close(write)
        write = -1
        reader = LineReader(replies)
        answers = [message for message in iter(reader.read, None) if message is not None]
    finally:
        for fd in (read, requests, replies, write):
            if fd >= 0:
                os.close(fd)
    return answers, [LAYOUT.results(memory, i) for i in range(2)]


def _next(left: list[Any]) -> Any:
    found = left.pop(0)
    if isinstance(found, Exception):
        raise found
    return found


def some(confidence: np.ndarray) -> Detections:
    n = len(confidence)
    return Detections(np.ones((n, 4), np.float32), confidence.astype(np.float32), np.zeros(n, np.int32))


@pytest.mark.parametrize("order", [np.sort, np.random.default_rng(1).permutation])
def test_more_than_a_slot_holds_are_cut_to_the_best(order: Callable[[np.ndarray], np.ndarray]) -> None:
    confidence = order(np.linspace(0, 1, 2 * MAX_DETECTIONS, dtype=np.float32))
    (answer,), (rows, _) = decoded(some(confidence))
    assert (answer["op"], answer["count"]) == ("done", MAX_DETECTIONS)
    np.testing.assert_array_equal(rows[:, 4], np.sort(confidence)[: MAX_DETECTIONS - 1 : -1])


def test_nonsense_out_of_a_head_is_an_error_and_the_next_frame_is_served() -> None:
    answers, _ = decoded(None, some(np.array([0.5])))
    assert [(answer["op"], answer["n"]) for answer in answers] == [("error", 0), ("done", 1)]


NAN = np.full((1, 84, 10), np.nan, np.float16)


@pytest.mark.parametrize("outputs", [[NAN], [np.zeros((1, 4), np.float32), NAN.astype(np.float32)]])
def test_an_output_without_a_number_is_unknown_and_not_nobody(outputs: list[np.ndarray]) -> None:
    (answer,), _ = decoded(some(np.array([])), outputs=outputs)
    assert (answer["op"], answer["retriable"]) == ("error", True)
    assert "contains only NaN" in answer["text"]


@pytest.mark.parametrize("number", [0.0, np.inf])
def test_one_number_is_enough_for_the_head_to_judge(number: float) -> None:
    output = NAN.copy()
    output[0, 80, 3] = number
    (answer,), _ = decoded(some(np.array([0.5])), outputs=[output, np.zeros((0, 4)), np.zeros((1, 3), np.uint8)])
    assert (answer["op"], answer["count"]) == ("done", 1)


@pytest.mark.parametrize(
    ("outputs", "text"),
    [
        ([np.ones((1, 1, 6), np.float32)], "ValueError: no"),
        ([np.ones((1, 1, 5), np.float32)], "run returns float32 (1, 1, 5); info says float32 (1, -1, 6)"),
        ((np.ones((1, 6), np.float16),), "run returns float16 (1, 6); info says float32 (1, -1, 6)"),
        ([np.ones((1, 1, 6), np.float32)] * 2, "run returns float32 (1, 1, 6), float32 (1, 1, 6); info says float32"),
        ([[1.0]], "AttributeError: "),
        (np.ones((2, 1, 6), np.float32), "ValueError: no"),
        (None, "TypeError: "),
    ],
)
def test_outputs_that_are_not_those_of_info_are_said_to_be_why(outputs: Any, text: str) -> None:
    """What a head stumbles over when an engine lies tells nobody anything."""
    ((answer,), _) = decoded(ValueError("no"), outputs=outputs)
    assert answer["op"] == "error"
    assert answer["text"].startswith(text)
