"""The daemon, a small clip for it, and a subscriber."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.clips import scene, write_clip
from tests.support.daemon import Daemon

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds at 25 pictures a second."""
    return write_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", scene(320, 240), frames=50)


@pytest.fixture
def daemon(person_model: str, tmp_path: Path) -> Iterator[Callable[..., Daemon]]:
    """`daemon(config text)` starts one; more of them share the state directory."""
    started: list[Daemon] = []

    def start(text: str, environment: Mapping[str, str] | None = None) -> Daemon:
        started.append(Daemon(tmp_path, text, environment))
        started[-1].start()
        return started[-1]

    yield start
    for each in started:
        each.end()
