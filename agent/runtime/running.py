"""What the daemon that runs here says of itself, for the commands that ask it: the status file."""

from __future__ import annotations

import json
from typing import Any

from agent import __version__
from agent.runtime import paths

UNLIKE = (LookupError, TypeError, ValueError, AttributeError, RecursionError)
"""What is raised where somebody takes a status for ours that is not."""
_PIDS = range(1, 1 << 22)
"""0 and below name groups of processes, or all."""


class SilentError(Exception):
    """No daemon runs here, or its status file cannot be read. Says which, and what to do."""


def running() -> dict[str, Any]:
    """Its status, of which only `pid` is sure. Raises SilentError."""
    file = paths.status_file()
    try:
        status = json.loads(file.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        raise SilentError(f"no vedette is running here: there is no {file}") from None
    except OSError as e:
        raise SilentError(f"cannot read {file}: {e.strerror}") from e
    except UNLIKE:
        raise strange() from None
    pid = status.get("pid") if isinstance(status, dict) else None
    if type(pid) is not int or pid not in _PIDS:
        raise strange()
    if not paths.runs(pid):
        raise SilentError(f"no vedette is running here; the last one, pid {pid}, did not end cleanly")
    return dict(status)


def strange(status: dict[str, Any] | None = None) -> SilentError:
    """To be raised where the file says something else than this version writes. status: what it says."""
    version = (status or {}).get("version", __version__)
    text = (
        "is not a status file of vedette" if version == __version__ else f"is of vedette {version}, not {__version__}"
    )
    return SilentError(f"{paths.status_file()} {text}; restart vedette, which writes a new one")
