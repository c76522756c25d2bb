"""A model in a folder of its own, with the sidecar a measurement wants."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from backends.models import store
from backends.models.resolve import files_of

if TYPE_CHECKING:
    from collections.abc import Mapping


def staged(model: str, folder: Path, **facts: Any) -> Path:
    """Copies a model (a name, a file, or the folder of an OpenVINO export) into `folder`, whose path is returned.

    facts: stand in the sidecar, over what the model's own sidecar says.
    """
    source = store.model_file(model)
    if source is None:
        raise SystemExit(f"no model {model}; vedette models pull, or give a path")
    if source.is_dir():
        shutil.copytree(source, folder, dirs_exist_ok=True)
        target = next(folder.glob("*.xml"))
    else:
        folder.mkdir(parents=True, exist_ok=True)
        for file in files_of(source):
            shutil.copy(file, folder)
        target = folder / source.name
    sidecar: Mapping[str, Any] = {}
    if source.is_file() and source.with_suffix(".yaml").is_file():
        sidecar = yaml.safe_load(source.with_suffix(".yaml").read_text())
    target.with_suffix(".yaml").write_text(json.dumps({**sidecar, **facts}))  # JSON is YAML
    return target
