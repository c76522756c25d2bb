"""What each command does. `ACTIONS` has them all; which of them a device takes is its config's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.runtime.commands import camera, config, device

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent.runtime.commands.result import Action

ACTIONS: Mapping[str, Action] = {
    "ping": device.ping,
    "info": device.info,
    "snapshot": camera.snapshot,
    "camera.set": camera.set_camera,
    "config.get": config.get,
    "config.validate": config.validate,
    "config.apply": config.apply,
    "config.rollback": config.rollback,
    "model.select": config.select_model,
    "log.tail": device.tail,
    "log.level": device.log_level,
    "stream.lease": camera.lease,
    "replay": device.replay,
    "restart": device.restart,
    "diagnostics": device.diagnostics,
}
LATER = frozenset({"snapshot", "model.select"})
"""Their outcome may take its time; of those only so many are under way at once."""
