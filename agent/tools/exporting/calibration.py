"""Pictures to quantise on, as Ultralytics wants them: copies in a folder of its own, and a dataset's YAML.

Copies, since it repairs what it takes for a damaged JPEG in place, and leaves a cache beside the pictures.
"""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

from agent.capture.pyav import decode_image
from agent.tools.comparison.pictures import NoPictures

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MOST = 300
"""More take their time, and change no more than the last digit of a scale."""
FEW = 100


def dataset(pictures: Sequence[Path], work: Path) -> Path:
    """The dataset's YAML below `work`. Raises NoPictures where none can be decoded, and OSError."""
    folder = work / "calibration" / "images"
    folder.mkdir(parents=True)
    readable = [path for path in pictures if decode_image(path) is not None]
    if not readable:
        raise NoPictures(f"none of the {len(pictures)} pictures in {pictures[0].parent} can be decoded")
    for number, path in enumerate(readable):
        shutil.copyfile(path, folder / f"{number:05}{path.suffix.lower()}")
    file = folder.parent / "data.yaml"
    content = {"path": str(folder.parent.absolute()), "train": "images", "val": "images", "names": {"0": "object"}}
    file.write_text(json.dumps(content))  # JSON is YAML
    return file
