"""A backend for Vedette that finds what has edges: a chip would do better, but this is all there is to write."""

from dataclasses import dataclass

import numpy as np

from backends.contract import API, ArtifactError, Device, EngineError, EngineInfo, Output
from backends.detections import Detections

CELL = 8


@dataclass(frozen=True)
class Options:
    """threshold: 0..1, how strong the edges in a cell of 8x8 pixels must be."""

    threshold: float = 0.1


class Edges:
    name = "edges"
    api = API
    options = Options

    def probe(self):
        return [Device("numpy", f"NumPy {np.__version__}")]  # no device: raise BackendUnavailable(reason, hint)

    def accepts(self, artifact):
        return None if artifact.format == "onnx" else f"{artifact.path.name} is {artifact.format}; edges reads onnx"

    def load(self, artifact, device, options, progress):
        progress("open", 0.0)
        spec = artifact.input
        if not artifact.path.is_file() or spec.height % CELL or spec.width % CELL:
            raise ArtifactError(f"{artifact.path}: edges wants a file with an input of multiples of {CELL} pixels")
        outputs = (
            Output("boxes", (1, 1, 6), "float32"),
            Output("energy", (spec.height // CELL, spec.width // CELL), "float32"),
        )
        info = EngineInfo(self.name, device.id, np.__version__, "f32", streams=1, exclusive=False, outputs=outputs)
        return EdgesEngine(info, options.threshold)


class EdgesEngine:
    def __init__(self, info, threshold):
        self.info = info
        self._threshold = threshold

    def run(self, image):
        rows, columns = self.info.outputs[1].shape
        if image.shape != (rows * CELL, columns * CELL, 3):
            raise EngineError(f"an image of {image.shape}")  # retriable=True: the next frame may work
        gray = image.mean(2, dtype=np.float32) / 255
        edges = np.zeros_like(gray)
        edges[:, 1:] = np.abs(np.diff(gray, axis=1))
        edges[1:] = np.maximum(edges[1:], np.abs(np.diff(gray, axis=0)))
        energy = edges.reshape(rows, CELL, columns, CELL).max((1, 3))
        boxes = np.zeros((1, 1, 6), np.float32)  # x1, y1, x2, y2 in 0..1, confidence, class_id
        y, x = np.nonzero(energy >= self._threshold)
        if len(x):
            boxes[0, 0, :4] = x.min() / columns, y.min() / rows, (x.max() + 1) / columns, (y.max() + 1) / rows
            boxes[0, 0, 4] = energy.max()
        return [boxes, energy]

    def close(self):
        """There is nothing to free. Whatever there is, it is freed only once."""


class EdgeGridHead:
    """Family `edge-grid`: a box for each cell with edges, of the output "energy"."""

    def __init__(self, artifact, outputs):
        names = [output.name for output in outputs]
        if "energy" not in names:
            raise ArtifactError(f"{artifact.name}: edge-grid needs an output 'energy'; there are {', '.join(names)}")
        self._index = names.index("energy")

    def decode(self, outputs, floor):
        energy = outputs[self._index]
        y, x = np.nonzero(energy >= floor)
        confidence = energy[y, x]
        best = np.argsort(-confidence, kind="stable")[:300]
        xyxy = np.stack([x, y, x + 1, y + 1], 1)[best].astype(np.float32) * CELL
        return Detections(xyxy, confidence[best], np.zeros(len(best), np.int32))
