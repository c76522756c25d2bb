"""A camera on the board's own connector: through nvarguscamerasrc on a Jetson, picamera2 or libcamerasrc elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.capture import picamera
from agent.capture.gst import GstSource
from agent.capture.picamera import PicameraSource
from agent.capture.source import SourceError

if TYPE_CHECKING:
    from agent.capture.source import Source, Stop
    from agent.config.model import CameraConfig

# The VIC (nvvidconv) scales and converts: the CPU sees small pictures only.
ARGUS = (
    "nvarguscamerasrc sensor-id={n} ! video/x-raw(memory:NVMM),format=NV12,width=1280,height=720,framerate=30/1 "
    "! nvvidconv ! video/x-raw,format=I420"
)
# Without camera-name, which wants libcamera's long id, it is the first one.
LIBCAMERA = "libcamerasrc ! video/x-raw,format=NV12,width=1280,height=720,framerate=30/1"
_WAYS = (
    f"{picamera.FIX}; or, for csi:0: apt install gstreamer1.0-libcamera gstreamer1.0-tools gstreamer1.0-plugins-good"
)


def open_csi(config: CameraConfig, stop: Stop) -> Source:
    """Raises SourceError."""
    number = int(config.source.partition(":")[2])
    if is_jetson():
        return GstSource(ARGUS.format(n=number), config.timeout, stop)
    python = picamera.interpreter()
    if python is not None:
        return PicameraSource(python, number, config.timeout, stop)
    if number:
        raise SourceError(f"{picamera.MISSING}, without which there is no csi:{number}", picamera.FIX)
    try:
        return GstSource(LIBCAMERA, config.timeout, stop)
    except SourceError as e:
        raise SourceError(f"{picamera.MISSING}; and by libcamerasrc: {e.reason}", _WAYS) from None


def is_jetson() -> bool:
    try:
        with open("/proc/device-tree/compatible", "rb") as file:  # noqa: PTH123 - so that no room but this reads it
            return b"nvidia,tegra" in file.read()
    except OSError:
        return False
