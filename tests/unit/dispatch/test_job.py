"""What is said of a frame that took more than one inference."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from agent.capture.frame import Frame, Picture
from agent.dispatch.job import Job
from agent.dispatch.letterbox import Placement
from agent.dispatch.result import Done
from backends.detections import Detections, Unknown

if TYPE_CHECKING:
    from agent.perception.facts import Box

PICTURE = Picture(np.zeros((2, 2), np.uint8), None, None, None, False, None)
LEFT: Box = (0.0, 0.0, 0.5, 1.0)
RIGHT: Box = (0.5, 0.0, 1.0, 1.0)


def asked() -> Job:
    job = Job(Frame("gate", 0, PICTURE, 2, 2, 0, 10.0, 10.0, 10.0), (LEFT, RIGHT), "openvino", "77ab01ce")
    for _ in job.crops:
        assert not job.all_sent
        job.sent += 1
    assert job.all_sent
    return job


def answer(job: Job, crop: Box, started: float, inference_ms: float) -> None:
    box = np.array([[20.0, 10.0, 40.0, 90.0]], np.float32)
    seen = Detections(box, np.array([0.9], np.float32), np.zeros(1, np.int32))
    job.add(replace(Placement(0, 0, 100, 100), crop=crop), seen, Done(0, 1, seen, started, inference_ms))


def test_it_is_seen_once_each_crop_is_answered_and_says_when_that_began_and_how_long_it_took() -> None:
    job = asked()
    answer(job, RIGHT, 10.030, 6.0)
    assert job.seen is None
    answer(job, LEFT, 10.010, 5.0)
    assert isinstance(job.seen, Detections)
    assert np.sort(job.seen.xyxy, axis=0) == pytest.approx(np.array([[0.1, 0.1, 0.2, 0.9], [0.6, 0.1, 0.7, 0.9]]))
    assert (job.queue_ms, job.inference_ms) == (pytest.approx(10), pytest.approx(11))


def test_where_one_crop_fails_nothing_is_said_of_the_others() -> None:
    job = asked()
    answer(job, LEFT, 10.010, 5.0)
    job.fail(Unknown("timeout"))
    assert job.seen == Unknown("timeout")
    assert (job.backend, job.rev, job.queue_ms, job.inference_ms) == ("", "", 0, 0)
