"""Where the daemon keeps its state, and the lock that makes it the only one there."""

from __future__ import annotations

import fcntl
import logging
import os
import re
import secrets
from pathlib import Path
from typing import IO

from agent.atomic import write_atomic

log = logging.getLogger("vedette.daemon")

_UID = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""What a topic and Home Assistant take: a power cut may leave nothing, or zeros."""


class Held(Exception):
    """Another daemon holds the state directory."""


def _state() -> Path:
    given = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(given) if given else Path(base) / "vedette"


def state_directory() -> Path:
    """$STATE_DIRECTORY (systemd), else ~/.local/state/vedette; made if missing. Raises OSError."""
    path = _state()
    path.mkdir(0o750, parents=True, exist_ok=True)
    return path


def runtime_directory() -> Path:
    """$RUNTIME_DIRECTORY (systemd), else the state directory: where status.json is."""
    given = os.environ.get("RUNTIME_DIRECTORY", "").split(":")[0]
    return Path(given) if given else _state()


def status_file() -> Path:
    """The file a reader should look at: the service's, where there is one, else this user's own. Makes no folder."""
    service = Path("/run/vedette/status.json")
    if not os.environ.get("RUNTIME_DIRECTORY") and not os.environ.get("STATE_DIRECTORY") and service.exists():
        return service
    return runtime_directory() / "status.json"


def lives(pid: int) -> bool:
    """Whether there is such a process, anybody's."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def runs(pid: int) -> bool:
    """Whether this process is a `vedette run`: the number of one that has ended may be anybody's by now."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:  # it is gone, or is hidden from us
        return lives(pid)
    return b"run" in words and any(word.rpartition(b"/")[2] in {b"vedette", b"agent.cli"} for word in words)


def lock(directory: Path) -> IO[str]:
    """Holds `directory` until the returned file is closed. Raises Held (naming the holder) or OSError."""
    file = (directory / "lock").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        holder = file.read().strip() or "unknown"
        file.close()
        raise Held(
            f"{directory} is held by another vedette, pid {holder}; stop that one (systemctl stop vedette, if it is the"
            " service), or give this one a state of its own: STATE_DIRECTORY=FOLDER"
        ) from None
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file


def device_uid(directory: Path) -> str:
    """Made once, kept in the state directory; made anew where what is kept there cannot be one. Raises OSError.

    On disk when this returns: with another uid the device is a new one to Home Assistant, its entities are lost.
    """
    path = directory / "device_uid"
    try:
        found = path.read_text("utf-8", "replace").strip()
    except FileNotFoundError:
        pass
    else:
        if _UID.fullmatch(found):
            return found
        log.warning("%s names no device: it gets a new one, and is a new device to Home Assistant", path)
    uid = secrets.token_hex(8)
    write_atomic(path, uid + "\n", sync=True)
    return uid
