"""Loads a model with the backend, and makes the double of TensorRT fail."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from backends.artifact import Artifact
from backends.contract import Device
from backends.tensorrt import Options, TensorRT
from backends.trt.engine import TensorRTEngine
from tests.support.trt import HEIGHT, WIDTH

GPU = Device("cuda:0", "Double")


def load(artifact: Artifact, told: list[str] | None = None, **options: Any) -> TensorRTEngine:
    return TensorRT().load(
        artifact, GPU, Options(**options), lambda phase, _: None if told is None else told.append(phase)
    )


def script(trt: ModuleType, monkeypatch: pytest.MonkeyPatch, **fail: Any) -> None:
    """Makes calls of TensorRT fail, here and in children started from now on; "_" stands for the dot."""
    named = {name.replace("_", ".", 1): answer for name, answer in fail.items()}
    trt.script["fail"] = named
    monkeypatch.setenv("TRT_DOUBLE", json.dumps({"version": trt.__version__, "fail": named}))


def image(red: int, green: int, blue: int) -> Any:
    return np.full((HEIGHT, WIDTH, 3), (red, green, blue), np.uint8)
