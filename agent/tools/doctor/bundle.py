"""What a bug report needs, in one file that can be shown: every text in it has been redacted."""

from __future__ import annotations

import importlib.metadata
import io
import json
import os
import platform
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent import __version__
from agent.runtime import machine, paths
from agent.runtime.board.reading import read
from agent.tools.doctor.account import SERVICE
from agent.tools.doctor.config_copy import clean, config_copy, learn

if TYPE_CHECKING:
    from collections.abc import Mapping

_LARGEST = 512 * 1024
"""Bytes of each file in it; of a longer log the end is kept."""
_SECONDS = 10.0
_KERNEL = "voltage|thrott|thermal|oom|killed process|usb|uvc|mmc|ext4|apex|gasket|nvgpu|tegra|i/o error"


def bundle(target: Path, config: Path, report: Mapping[str, Any]) -> list[str]:
    """Writes the .tar.gz `target`, for its owner alone, whole or not at all; says what is in it. Raises OSError.

    report: the doctor's own.
    """
    learn(config)
    shown = config_copy(config)  # first: it finds secrets that the others must not hold
    texts = {
        "doctor.json": _json(report),
        "config.json": _json(shown),
        "versions.json": _json(_versions()),
        "board.json": _json(read().to_json()),
        "status.json": _status(),
        "journal.txt": _said("journalctl", "-u", SERVICE, "-n", "2000", "-o", "short-iso", "--no-pager", "-q"),
        "kernel.txt": _said("journalctl", "-k", "-n", "400", "-o", "short-iso", "--no-pager", "-q", "--grep", _KERNEL),
    }
    _write(target, {name: _bounded(clean(text)) for name, text in texts.items() if text})
    return [name for name, text in texts.items() if text]


def _write(target: Path, files: Mapping[str, bytes]) -> None:
    descriptor, draft = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.absolute().parent)  # made 0600
    try:
        with os.fdopen(descriptor, "wb") as out, tarfile.open(fileobj=out, mode="w:gz") as archive:
            for name, data in files.items():
                entry = tarfile.TarInfo(f"vedette-doctor/{name}")
                entry.size, entry.mode, entry.mtime = len(data), 0o600, time.time()
                archive.addfile(entry, io.BytesIO(data))
        Path(draft).replace(target)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise


def _bounded(text: str) -> bytes:
    data = text.encode(errors="replace")
    return data if len(data) <= _LARGEST else b"(cut)\n" + data[-_LARGEST:]


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, default=str, ensure_ascii=False) + "\n"


def _versions() -> dict[str, Any]:
    packages = {dist.metadata["Name"]: dist.version for dist in importlib.metadata.distributions()}
    return {
        "vedette": __version__,
        "board": machine.board(),
        "os": machine.operating_system(),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "libc": " ".join(platform.libc_ver()),
        "python": sys.version,
        "packages": dict(sorted((str(name), version) for name, version in packages.items())),
    }


def _status() -> str:
    try:
        with paths.status_file().open(errors="replace") as file:
            return file.read(_LARGEST)
    except OSError:
        return ""


def _said(*command: str) -> str:
    """What a command prints; empty where it is not there, may not, or takes too long."""
    try:
        done = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode(errors="replace")
