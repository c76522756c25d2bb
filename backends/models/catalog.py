"""The catalog: ready models and clips, with source, licence, sha256 and everything a sidecar would say."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backends.contract import ArtifactError
from backends.models.facts import meant

if TYPE_CHECKING:
    from collections.abc import Mapping

_FILE = Path(__file__).with_name("catalog.yaml")


@dataclass(frozen=True, slots=True)
class Entry:
    """size: bytes of the file. sidecar: what stands beside the model once it is pulled; empty for a clip."""

    name: str
    description: str
    source: str
    sha256: str
    size: int
    licence: str
    sidecar: Mapping[str, Any]


def models() -> Mapping[str, Entry]:
    return _read()["models"]


def model(name: str) -> Entry:
    """Raises ArtifactError, naming what there is, when there is no such model."""
    return _named("model", name, models())


def clip(name: str) -> Entry:
    """Raises ArtifactError, naming what there is, when there is no such clip."""
    return _named("clip", name, _read()["clips"])


def _named(kind: str, name: str, entries: Mapping[str, Entry]) -> Entry:
    if name not in entries:
        known = list(entries)
        raise ArtifactError(f"no {kind} {name!r} in the catalog; there are {', '.join(known)}{meant(name, known)}")
    return entries[name]


@cache
def _read() -> dict[str, dict[str, Entry]]:
    from backends.formats.yamltree import parse

    tree, _ = parse(_FILE.read_bytes(), _FILE)
    return {kind: {name: _entry(name, dict(item)) for name, item in entries.items()} for kind, entries in tree.items()}


def _entry(name: str, item: dict[str, Any]) -> Entry:
    source, sha256, size = item.pop("source"), item.pop("sha256"), item.pop("size")
    return Entry(name, item["description"], source, sha256, size, item["licence"], {"name": name, **item})
