"""What any model file says of itself, in one shape."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from backends.contract import ArtifactError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from backends.artifact import Format


@dataclass(frozen=True, slots=True)
class Tensor:
    """An input or output. shape: -1 where the size is open; None where not even the rank is known."""

    name: str
    shape: tuple[int, ...] | None
    dtype: str
    scale: float = 0.0
    zero_point: int = 0

    def __str__(self) -> str:
        sizes = "(...)" if self.shape is None else f"({', '.join('?' if n < 0 else str(n) for n in self.shape)})"
        return f"{self.name or '(unnamed)'} {sizes} {self.dtype}"


def check_size(model: Path, weights: Path, needed: int) -> None:
    """Raises ArtifactError where the file of weights is shorter than what the model says is in it."""
    size = weights.stat().st_size
    if size < needed:
        raise ArtifactError(
            f"{model}: its weights are cut off: {weights.name} has {size} bytes, of {needed}; copy both files again"
        )


@dataclass(frozen=True, slots=True)
class ModelFile:
    """format, inputs, outputs, and metadata the exporter left in the file or beside it (raw strings).

    outputs: in the order an engine returns them. roles: of an SSD's outputs, where a signature names them.
    operators: custom operators. notes: one line each, for `models inspect`. weights: the files that belong to it, as
    paths from its folder; they are there, and none is outside of it.
    """

    path: Path
    format: Format
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    metadata: Mapping[str, str] = field(default_factory=dict)
    roles: Mapping[str, int] = field(default_factory=dict)
    operators: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    weights: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[Path, ...]:
        """All it consists of, itself first."""
        return (self.path, *(self.path.parent / name for name in self.weights))

    def files_at(self, path: Path) -> tuple[Path, ...]:
        """What `files` would be called if it were at `path`: an ONNX model says itself how its weights are called."""
        if self.format == "openvino":
            return (path, path.with_suffix(".bin"))
        return (path, *(path.parent / name for name in self.weights))
