"""The model files the config names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.tools.doctor.finding import Finding
from backends.contract import ArtifactError
from backends.models import store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.config.model import Config


def models(config: Config | None, _: str = "") -> Iterator[Finding]:
    for name in named(config):
        try:
            files = store.ladder(name)
        except ArtifactError as error:
            yield Finding("models", "failed", f"{name}: {error}", f"vedette models pull {name}, or models list")
            continue
        paths = ", ".join(str(artifact.path) for artifact in files)
        yield Finding("models", "ok", f"{name} {files[0].rev}, {_count(len(files[0].labels))} ({paths})")


def named(config: Config | None) -> list[str]:
    """The models of all cameras; the default where there is no config."""
    return list(dict.fromkeys(camera.model for camera in config.cameras)) if config else ["person"]


def _count(labels: int) -> str:
    return "1 label" if labels == 1 else f"{labels} labels"
