"""Which source serves a camera. What it needs is imported when the first of its kind is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent.capture.motion import MotionWatch
    from agent.capture.source import Source, Stop
    from agent.config.model import CameraConfig


def open_source(config: CameraConfig, stop: Stop) -> Source:
    """The opened source of a camera; returns within about `config.timeout` or raises SourceError."""
    if config.kind == "folder":
        from agent.capture.folder import FolderSource

        return FolderSource(config, stop)
    if config.kind == "csi":
        from agent.capture.csi import open_csi

        return open_csi(config, stop)
    if config.kind == "gst":
        from agent.capture.gst import GstSource

        return GstSource(config.source.removeprefix("gst:"), config.timeout, stop)
    if config.kind == "rtsp" and (config.transport == "tcp" or config.encrypted):
        from agent.capture.rtsp_source import RtspSource
        from agent.capture.source import UnsupportedError

        try:
            return RtspSource(config, stop)
        except UnsupportedError:
            pass
    from agent.capture.stream import StreamSource

    return StreamSource(config, stop)


def motion_watch(config: CameraConfig, rotate: int) -> MotionWatch | None:
    """What looks for motion in its pictures; None where nobody wants to know. rotate: `Frame` has it."""
    if not config.motion.enabled:
        return None
    from agent.capture.motion import MotionWatch

    return MotionWatch(rotate, config.motion.masks)
