"""How a camera is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["connecting", "online", "stalled", "offline", "disabled", "ended"]
STATUS_EVENT = "vedette.camera.status"
"""The type of the event that tells subscribers of a change; the log's lines bear it too, so that both are found."""


@dataclass(frozen=True, slots=True)
class CameraStatus:
    """since: wall clock of the state's beginning. error: why it is not online, fit to be shown. width, height: rotated.

    fps: as the stream declares it, 0 if unknown. decoder: "h264 software", and why not the one asked for.
    attempts: failed in a row.
    """

    state: State
    since: float
    error: str = ""
    width: int = 0
    height: int = 0
    fps: float = 0.0
    decoder: str = ""
    attempts: int = 0
