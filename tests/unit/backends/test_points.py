"""Entry points: what one names."""

from __future__ import annotations

import subprocess
import sys

import pytest

from backends import openvino, points
from backends.openvino import OpenVINO


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("backends.openvino:OpenVINO", OpenVINO),
        ("backends.openvino : OpenVINO.probe", OpenVINO.probe),
        ("backends.openvino:OpenVINO [extra]", OpenVINO),
        ("backends.openvino", openvino),
    ],
)
def test_a_value_stands_for(value: str, found: object) -> None:
    assert points.named(value) is found


@pytest.mark.parametrize(
    ("value", "error"), [("", ValueError), ("no.such:Class", ImportError), ("backends:Nobody", AttributeError)]
)
def test_a_value_that_names_nothing_is_an_error(value: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        points.named(value)


def test_a_worker_with_a_head_of_ours_starts_without_the_means_to_read_metadata() -> None:
    """They take as long to import as all of ours."""
    code = "import sys, backends.heads, backends.tuning, backends.worker; print('importlib.metadata' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout == "False\n"
