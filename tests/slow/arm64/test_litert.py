"""The daemon on arm64 with LiteRT: its CPU kernels, and the Edge TPU backend with the delegate's double.

Beside what test_openvino.py says, this does not prove anything about a real chip, its library, USB or PCIe: the double
(edgetpu_double.c) is ours, compiled for aarch64, and the chip is a folder that looks like the kernel's. It does prove
that the delegate's binary interface, as the double has it, is that of the aarch64 build of LiteRT.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.slow.arm64 import network
from tests.support import coral_tree, tiny_tflite
from tests.support.edgetpu import compile_double

if TYPE_CHECKING:
    from pathlib import Path

    from tests.slow.arm64.both import Both
    from tests.slow.arm64.root import Root

pytestmark = pytest.mark.rooted
pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed (pip install 'vedette[edgetpu]')")

THRESHOLD = 0.7
CHIP_THRESHOLD = 0.5


def test_litert_finds_the_same_on_arm64(both: Both) -> None:
    def prepare(folder: Path, _: Root | None) -> dict[str, str]:
        network.write(folder / "network.tflite")
        return {}

    keys = {"backend": "litert", "model": "network.tflite", "camera": {"confidence": THRESHOLD}}
    both.same(keys, prepare, THRESHOLD)


def test_a_compiled_file_runs_through_the_delegate_on_arm64(both: Both) -> None:
    """The double tells two numbers of its input as a box's corner: red and blue of the second pixel."""

    def prepare(folder: Path, root: Root | None) -> dict[str, str]:
        given = tiny_tflite.image(32, 48)
        model = folder / "tiny_edgetpu.tflite"
        model.write_bytes(tiny_tflite.boxes(given, [(tiny_tflite.pixel(3), tiny_tflite.pixel(5), 1, 1, 0.8, 0)]))
        sidecar = {"family": "boxes", "labels": ["thing"]}
        model.with_suffix(".yaml").write_text(json.dumps(sidecar))  # JSON is YAML
        compile_double(folder, "aarch64-linux-gnu-gcc" if root else "gcc")
        coral_tree.usb(folder / "machine")
        at = folder if root is None else "/stage"
        return {
            "VEDETTE_CORAL_ROOT": f"{at}/machine",
            "VEDETTE_LIBEDGETPU": f"{at}/libedgetpu_double.so.1",
        }

    keys = {"backend": "edgetpu", "model": "tiny_edgetpu.tflite", "camera": {"confidence": CHIP_THRESHOLD}}
    both.same(keys, prepare, CHIP_THRESHOLD)
