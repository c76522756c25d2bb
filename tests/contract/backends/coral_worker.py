"""What the Edge TPU tests share: a fake chip, the double of its library, tiny detectors, a real worker process."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from backends.artifact import Artifact, InputSpec
from backends.registry.registered import Registered
from backends.testing.driver import Driven
from tests.support import coral_tree, tiny_tflite
from tests.support.edgetpu import double_path

HEIGHT, WIDTH = 32, 48
EDGETPU = Registered("edgetpu", "backends.edgetpu:EdgeTPU", "")
LITERT = Registered("litert", "backends.litert:LiteRT", "")
FOUND = (
    tiny_tflite.Detection((0.1, 0.2, 0.5, 0.6), 0.9, 1),
    tiny_tflite.Detection((0.6, 0.6, 0.9, 0.9), 0.7, 0),
)


def artifact(path: Path, content: bytes = b"", family: str = "ssd", kind: str = "edgetpu", **spec: Any) -> Artifact:
    """Writes `content` to `path` where there is any."""
    if content:
        path.write_bytes(content)
    whole = {"height": HEIGHT, "width": WIDTH, "layout": "NHWC", "dtype": "uint8", **spec}
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Artifact(path.stem, path, kind, digest, family, InputSpec(**whole), ("cat", "dog", "owl"))  # type: ignore[arg-type]


def detector(folder: Path, *, compiled: bool = True) -> Artifact:
    """Finds FOUND in every picture."""
    content = tiny_tflite.ssd(tiny_tflite.image(HEIGHT, WIDTH), FOUND, 3, compiled=compiled)
    if compiled:
        return artifact(folder / "tiny_edgetpu.tflite", content)
    return artifact(folder / "tiny.tflite", content, kind="tflite")


def expected() -> np.ndarray:
    rows = [(*(np.array(f.xyxy) * [WIDTH, HEIGHT, WIDTH, HEIGHT]), f.confidence, f.class_id) for f in FOUND]
    return np.array(rows, np.float32)


@dataclass
class Chips:
    """A machine: a root with sys/ and dev/, and the environment that makes backend and double look there."""

    root: Path
    ports: tuple[str, ...] = ("usb:2-1",)
    more: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.root.mkdir(exist_ok=True)
        self.options = self.root / "options"
        self.mode = self.root / "mode"
        listed = []
        for number, port in enumerate(self.ports):
            kind, _, place = port.partition(":")
            if kind == "usb":
                coral_tree.usb(self.root, place, number=number + 1)
                listed.append(f"usb:/sys/bus/usb/devices/{place}")
            else:
                coral_tree.pci(self.root, int(place))
                listed.append(f"pci:/dev/apex_{place}")
        (self.root / "locks").mkdir()
        self.environment = {
            "VEDETTE_CORAL_ROOT": str(self.root),
            "VEDETTE_LIBEDGETPU": str(double_path(self.root)),
            "EDGETPU_DOUBLE_DEVICES": ",".join(reversed(listed)),  # the library's order is its own
            "EDGETPU_DOUBLE_LOCKS": str(self.root / "locks"),
            "EDGETPU_DOUBLE_OPTIONS": str(self.options),
            "EDGETPU_DOUBLE_FILE": str(self.mode),
            **self.more,
        }

    def worker(self, mode: str = "ok") -> Driven:
        self.mode.write_text(mode)
        return Driven(EDGETPU, self.environment)

    def asked(self) -> dict[str, str]:
        """The options that the library was given last."""
        return dict(line.split("=", 1) for line in self.options.read_text().splitlines())
