"""backends.d/<name>.yaml: another interpreter, entry point, search path or options for the backend <name>.

interpreter: /usr/bin/python3.10
entry_point: mychip.vedette:MyChip
path: [/opt/mychip/python]
options: {clock: max}
"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backends.contract import ArtifactError
from backends.formats.window import whole
from backends.models import facts
from backends.registry.registered import Registered

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = Path("/etc/vedette/backends.d")
_VARIABLE = "VEDETTE_BACKENDS_D"
_MAX_BYTES = 64 * 1024
_ENTRY_POINT = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")


@dataclass(frozen=True, slots=True)
class DropIn:
    """What one file says; None and () where it is silent. error: every mistake in it, one a line."""

    name: str
    file: Path
    interpreter: str | None = None
    entry_point: str | None = None
    path: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""

    def over(self, installed: Registered | None) -> Registered:
        """The backend as this file wants it. installed: the entry point of that name, if there is one."""
        entry_point = self.entry_point or (installed.entry_point if installed else "")
        error = self.error
        if not error and not entry_point:
            error = (
                f"{self.file}:1:1: no installed backend is called {self.name!r}; "
                "write its entry_point: module:Class, or rename the file"
            )
        return Registered(
            self.name,
            entry_point,
            str(self.file),
            self.interpreter or sys.executable,
            self.path,
            self.options,
            error,
        )


def folder() -> Path:
    """$VEDETTE_BACKENDS_D, else /etc/vedette/backends.d."""
    return Path(os.environ.get(_VARIABLE) or FOLDER)


def read_all() -> list[DropIn]:
    """Every file of the folder; a mistake is in its `error`, never raised."""
    try:
        files = sorted(path for path in folder().iterdir() if path.suffix in {".yaml", ".yml"})
    except FileNotFoundError:
        return []
    except OSError as e:
        return [DropIn(folder().name, folder(), error=f"{folder()}: cannot be read: {e.strerror}")]
    return [_read(file) for file in files]


def _read(file: Path) -> DropIn:
    name = file.stem
    try:
        facts.name(name)
    except ValueError as e:
        return DropIn(name, file, error=f"{file}: {e}")
    try:
        tree, positions = _parse(file)
    except (ValueError, ArtifactError) as e:
        return DropIn(name, file, error=str(e))
    values: dict[str, Any] = {}
    errors = []
    for key, value in ((str(key), value) for key, value in tree.items()):  # a key may be a number
        try:
            values[key] = _checked(key, value)
        except ValueError as e:
            errors.append(f"{file}:{positions.get(key, '1:1')}: {key}: {e}")
    if not tree:
        errors.append(f"{file}:1:1: says nothing; there are {', '.join(_KEYS)}")
    return DropIn(name, file, error="\n".join(errors)) if errors else DropIn(name, file, **values)


def _parse(file: Path) -> tuple[Mapping[str, Any], Mapping[str, str]]:
    from backends.formats.yamltree import parse

    try:
        return parse(whole(file, _MAX_BYTES), file)
    except OSError as e:
        raise ArtifactError(f"{file}: cannot be read: {e.strerror}") from e


def _checked(key: str, value: Any) -> Any:
    if key not in _KEYS:
        raise ValueError("unknown key" + (facts.meant(key, list(_KEYS)) or f"; there are {', '.join(_KEYS)}"))
    return _KEYS[key](value)


def _interpreter(value: Any) -> str:
    path = Path(facts.text(value))
    if not path.is_absolute():
        raise ValueError(f"{value!r} is not an absolute path")
    if not (path.is_file() and os.access(path, os.X_OK)):
        raise ValueError(f"{value!r} is not a program that can be run here")
    return str(path)


def _entry_point(value: Any) -> str:
    if not _ENTRY_POINT.fullmatch(facts.text(value)):
        raise ValueError(f"{value!r} is not of the form module:Class")
    return str(value)


def _path(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise ValueError(f"{value!r} is not a list of folders")
    for entry in value:
        if not Path(facts.text(entry)).is_absolute() or os.pathsep in entry:
            raise ValueError(f"{entry!r} is not an absolute path (without {os.pathsep!r})")
        if not Path(entry).is_dir():
            raise ValueError(f"{entry!r} is not a folder here")
    return tuple(value)


def _options(value: Any) -> dict[str, Any]:
    """Names and plain values. Which names there are only the backend's module knows; it is not imported here."""
    if not isinstance(value, dict) or not value:
        raise ValueError(f"{value!r} is not a mapping of options to values")
    for name, item in value.items():
        if not isinstance(name, str) or not name.isidentifier():
            raise ValueError(f"{name!r} is not the name of an option")
        if item is not None and not isinstance(item, (str, int, float)):
            raise ValueError(f"{name}: {item!r} is neither text, number, true nor false")
    return value


_KEYS: dict[str, facts.Check] = {
    "interpreter": _interpreter,
    "entry_point": _entry_point,
    "path": _path,
    "options": _options,
}
