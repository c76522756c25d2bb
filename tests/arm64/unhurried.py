"""The OpenVINO backend with all the time it wants, for an emulated processor; backends.d puts it in its place.

Deadlines are a matter of speed, of which emulation says nothing: what takes 9 ms here takes seconds there.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from backends.openvino import OpenVINO

if TYPE_CHECKING:
    from backends.artifact import Artifact
    from backends.contract import Device, Engine, Progress
    from backends.openvino import Options

DEADLINE = 60.0


class Unhurried(OpenVINO):
    def load(self, artifact: Artifact, device: Device, options: Options, progress: Progress) -> Any:
        engine: Engine = super().load(artifact, device, options, progress)
        engine.info = replace(engine.info, deadline=DEADLINE)
        return engine
