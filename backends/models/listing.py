"""What `vedette models list` tells: the catalog and the model folder, a row each."""

from __future__ import annotations

from typing import Any

from backends.contract import ArtifactError
from backends.models import catalog, store
from backends.models.resolve import files_of, open_artifact


def listing() -> list[dict[str, Any]]:
    """One row per model of the catalog or the folder.

    Keys: name, installed, size (bytes), licence, description, source; of an installed one also path, and rev or the
    problem that keeps it from being used (no path where its folder may not be looked into). None where nobody knows.
    """
    rows = []
    there = store.names()
    for name in sorted({*catalog.models(), *there}):
        entry = catalog.models().get(name)
        row: dict[str, Any] = {
            "name": name,
            "installed": name in there,
            "size": entry.size if entry else None,
            "licence": entry.licence if entry else None,
            "description": entry.description if entry else None,
            "source": entry.source if entry else None,
        }
        rows.append(row | _state(name) if row["installed"] else row)
    return rows


def _state(name: str) -> dict[str, Any]:
    try:
        path = store.model_file(name)
    except ArtifactError as error:
        return {"problem": str(error)}
    if path is None:  # removed meanwhile
        return {"installed": False}
    try:
        artifact = open_artifact(path)
        size = sum(part.stat().st_size for part in files_of(path))
    except ArtifactError as error:
        return {"path": str(path), "size": path.stat().st_size, "problem": str(error)}
    return {"path": str(path), "size": size, "rev": artifact.rev, "licence": artifact.licence}
