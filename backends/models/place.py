"""Puts a model's folder into the store whole or not at all."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backends.atomic import DRAFT, sync_folder, write_atomic
from backends.contract import ArtifactError, BackendError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_STALE_SECONDS = 24 * 3600.0
_PREFIX = ".build-"


def make_folder(path: Path) -> Path:
    """Raises ArtifactError."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ArtifactError(
            f"{path}: cannot be made: {error.strerror}; name another folder with VEDETTE_MODELS"
        ) from error
    return path


@contextmanager
def placed(root: Path, name: str) -> Iterator[Path]:
    """An empty folder to fill; when the block ends it becomes root/name, when it fails nothing is left of it.

    What was at root/name is replaced; a process that has it open keeps it. Raises ArtifactError.
    """
    make_folder(root)
    try:
        _sweep(root)
        build = Path(tempfile.mkdtemp(dir=root, prefix=_PREFIX))
    except OSError as error:
        raise ArtifactError(
            f"{root}: cannot be written: {error.strerror}; name another folder with VEDETTE_MODELS"
        ) from error
    try:
        yield build
        build.chmod(0o755)
        sync_folder(build)
        _swap(build, root / name)
        sync_folder(root)
    except OSError as error:
        raise ArtifactError(f"{root / name}: cannot be written: {error.strerror}") from error
    except BackendError as error:
        # The reader knows the folder by its final name.
        raise type(error)(str(error).replace(str(build), str(root / name))) from error
    finally:
        shutil.rmtree(build, ignore_errors=True)


def write_sidecar(path: Path, content: Mapping[str, Any]) -> None:
    """The sidecar at `path`, whole or not at all, and on disk when this returns. Raises OSError."""
    import yaml

    text = yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True, default_flow_style=None, width=110)
    if path.is_file() and path.read_text("utf-8") == text:
        return
    write_atomic(path, text.encode())


def _swap(build: Path, target: Path) -> None:
    if not target.exists():
        build.rename(target)
        return
    old = Path(tempfile.mkdtemp(dir=target.parent, prefix=_PREFIX))
    try:
        target.rename(old / "model")
        build.rename(target)
    except BaseException:
        if not target.exists():
            (old / "model").rename(target)
        raise
    finally:
        if target.exists():  # else a second signal: what was there still lies in `old`
            shutil.rmtree(old, ignore_errors=True)


def _sweep(root: Path) -> None:
    """Removes what a killed run left half built, once it is old enough to be nobody's."""
    for left in (*root.glob(f"{_PREFIX}*"), *root.glob(".wheel-*"), *root.glob(f"{DRAFT}*")):
        with contextlib.suppress(FileNotFoundError):  # another one's, who has just done with it
            if time.time() - left.stat().st_mtime > _STALE_SECONDS:
                shutil.rmtree(left, ignore_errors=True) if left.is_dir() else left.unlink()
