"""Asks Ultralytics, in a process of its own, for an export."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backends import bridge, child
from backends.child_environment import inherited
from backends.contract import BackendError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from backends.contract import Progress

_MODULE = "backends.models.ultralytics_export"
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_WITHHELD = ("PYTHONPATH", "PYTHONHOME", "ULTRALYTICS_API_KEY")
_HINT = "in an environment of its own, best: docs/models.md"


class ExportError(BackendError):
    """No file came of it; the text says why."""


@dataclass(frozen=True, slots=True)
class Made:
    """files: by role, in the working folder. task: of the weights, in Ultralytics' words. version: of Ultralytics."""

    task: str
    version: str
    files: Mapping[str, Path]


def interpreter(named: str | None) -> str:
    """The Python that is to run Ultralytics: the one that was named, else ours if it has it. Raises ExportError."""
    if named is not None:
        if not os.path.isfile(named):  # noqa: PTH113 - Path's raises where it may not look
            raise ExportError(f"--python {named}: no such file, or none that you may look at")
        return named
    if importlib.util.find_spec("ultralytics") is None:
        raise ExportError(
            "Ultralytics is not installed here: pip install 'vedette[export]', or name a Python that has it: "
            f"--python PATH ({_HINT})"
        )
    return sys.executable


def ask(python: str, request: Mapping[str, Any], work: Path, timeout: float, progress: Progress) -> Made:
    """request: as `backends.models.ultralytics_export` takes it; `work`: its folder. Raises ExportError."""
    command = bridge.command(python, _MODULE)
    try:
        answer = child.ask(command, _environment(work), json.dumps(request), timeout, progress)
    except TimeoutError as error:
        raise ExportError(f"the export took more than {timeout:g} s, and was stopped; --timeout allows more") from error
    except OSError as error:
        raise ExportError(f"{python}: cannot be started: {error.strerror}") from error
    if answer.code != 0:
        raise ExportError(f"Ultralytics failed: {_cause(answer)}")
    try:
        said = json.loads(answer.output.splitlines()[-1])
        if missing := said.get("missing"):
            needed = " ".join(f"'{name}'" for name in missing)
            raise ExportError(f"{python} lacks {', '.join(missing)}: {python} -m pip install {needed} ({_HINT})")
        if refused := said.get("refused"):
            raise ExportError(refused)
        return Made(said["task"], said["version"], {role: Path(path) for role, path in said["files"].items()})
    except (IndexError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ExportError(f"{python} gave no answer that makes sense: {answer.output[-200:]!r}") from error


def _environment(work: Path) -> dict[str, str]:
    """It installs nothing, sends nothing, fetches nothing, and leaves its settings in the working folder."""
    kept = {name: value for name, value in inherited().items() if name not in _WITHHELD}
    return {
        **kept,
        "PYTHONSAFEPATH": "1",
        "YOLO_AUTOINSTALL": "false",
        "YOLO_OFFLINE": "true",
        "YOLO_CONFIG_DIR": str(work),
        "MPLCONFIGDIR": str(work),
        "HF_HUB_OFFLINE": "1",
        "ORT_DISABLE_TELEMETRY": "1",
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }


def _cause(answer: child.Answer) -> str:
    lines = [line for line in (_ANSI.sub("", line).strip() for line in answer.errors) if line]
    if answer.code < 0:
        said = f"; the last it said: {lines[-1][:300]}" if lines else ""
        return child.killed_by(-answer.code) + said
    lacking = [line for line in lines if "AutoUpdate disabled" in line]
    return "\n  ".join([*(lines[-1:] or [f"exit code {answer.code}"]), *lacking[-2:]])
