"""An installed backend: what is known of it without importing anything of it, and how its worker is started."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from backends import bridge
from backends.child_environment import inherited

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Registered:
    """A backend's name and entry point ("module:Class"), and who says so.

    distribution: name and version, or the file of backends.d. interpreter: the Python that runs its worker.
    path: folders its modules are looked for in first. options: of its own, to go above the daemon's in `load`.
    error: why it cannot be started at all, "" if it can.
    """

    name: str
    entry_point: str
    distribution: str
    interpreter: str = sys.executable
    path: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""

    @property
    def foreign(self) -> bool:
        """Runs in another interpreter than ours, with other packages."""
        return self.interpreter != sys.executable

    def command(self, requests: int, replies: int) -> list[str]:
        """The argument list that starts its worker on two inherited descriptors."""
        words = ["--requests", str(requests), "--replies", str(replies), self.name, self.entry_point]
        return bridge.command(self.interpreter, "backends.worker", *words)

    def environment(self) -> dict[str, str]:
        """The environment of its worker: no secrets; nothing is imported from the working directory.

        Nor of our Python's by its.
        """
        kept = {
            key: value
            for key, value in inherited().items()
            if not self.foreign or key not in {"PYTHONPATH", "PYTHONHOME"}
        }
        path = os.pathsep.join(filter(None, [*self.path, kept.get("PYTHONPATH", "")]))
        return {**kept, **({"PYTHONPATH": path} if path else {}), "PYTHONSAFEPATH": "1"}
