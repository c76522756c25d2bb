"""A model for a chip with its twin for the CPU, a stick in a fake /sys, and what a subscriber sees of all that.

The library is the double of libedgetpu, which proves nothing of a real chip, its USB port or its library.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support import tiny_tflite
from tests.support.audience import TOPICS
from tests.support.edgetpu import double_path
from tests.support.processes import command_of, workers_of

if TYPE_CHECKING:
    from tests.support.audience import Audience

DEADLINE = 1.0  # of a run on an Edge TPU
CHIP, CPU = "edgetpu-gate", "litert-gate"
FOUND = [tiny_tflite.Detection((0.2, 0.2, 0.4, 0.6), 0.8, 0)]


@dataclass
class Coral:
    """A model for the chip with its twin for the CPU, a fake /sys with one stick, and the double's mode."""

    folder: Path

    def __post_init__(self) -> None:
        given = tiny_tflite.image(96, 96)
        self.model = self.folder / "gate_edgetpu.tflite"
        self.model.write_bytes(tiny_tflite.ssd(given, FOUND, 1))
        self.twin = self.folder / "gate.tflite"
        self.twin.write_bytes(tiny_tflite.ssd(given, FOUND, 1, compiled=False))
        for path in (self.model, self.twin):
            path.with_suffix(".yaml").write_text("name: gate\nfamily: ssd\nlabels: [person]\n")
        self.port = self.folder / "root/sys/bus/usb/devices/2-1"
        self.plug()
        self.mode("ok")

    def plug(self) -> None:
        self.port.mkdir(parents=True)
        for name, text in (("idVendor", "18d1"), ("idProduct", "9302"), ("speed", "5000"), ("busnum", "2")):
            (self.port / name).write_text(f"{text}\n")
        (self.port / "devnum").write_text("3\n")
        node = self.folder / "root/dev/bus/usb/002/003"
        node.parent.mkdir(parents=True, exist_ok=True)
        node.touch()

    def pull_out(self) -> None:
        for path in self.port.iterdir():
            path.unlink()
        self.port.rmdir()
        self.mode("abort")

    def mode(self, words: str) -> None:
        part = self.folder / "mode.part"
        part.write_text(words)
        part.replace(self.folder / "mode")

    def environment(self) -> dict[str, str]:
        return {
            "VEDETTE_LIBEDGETPU": str(double_path(self.folder)),
            "VEDETTE_CORAL_ROOT": str(self.folder / "root"),
            "EDGETPU_DOUBLE_FILE": str(self.folder / "mode"),
        }


class Watch:
    """What a subscriber sees of the camera `gate` and of its engines."""

    def __init__(self, audience: Audience) -> None:
        self._audience = audience

    def frames(self, camera: str = "gate") -> list[tuple[float, dict[str, Any]]]:
        topic = TOPICS.detections(camera)
        return [(m.at, json.loads(m.payload)) for m in list(self._audience.messages) if m.topic == topic]

    def backends(self, since: float) -> list[str]:
        return [f["backend"] for at, f in self.frames() if at > since and f["inferred"]]

    def retained(self, topic: str) -> Any:
        payloads = [m.payload for m in list(self._audience.messages) if m.topic == topic]
        return json.loads(payloads[-1]) if payloads and payloads[-1] else None

    def engine(self, engine: str) -> Any:
        return self.retained(TOPICS.engine_status(engine))

    def alert(self) -> Any:
        return self.retained(TOPICS.alert("engine-degraded", CPU))

    def gap(self, since: float) -> float:
        """The longest time without an inferred frame."""
        at = [since, *(at for at, f in self.frames() if at > since and f["inferred"])]
        return max(b - a for a, b in itertools.pairwise(at))


def chip_worker(daemon: int) -> int:
    """The pid of the worker that has the chip."""
    (pid,) = [worker for worker in workers_of(daemon) if b"edgetpu" in command_of(worker).split(b"\0")]
    return pid
