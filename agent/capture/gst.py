"""A GStreamer pipeline as a source, run by gst-launch in a child. In front of its end the newest picture waits."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from agent.capture.pipe import PipeSource

if TYPE_CHECKING:
    from agent.capture.source import Stop

LAUNCH = "gst-launch-1.0"
TAIL = (
    "! queue leaky=downstream max-size-buffers=1 max-size-bytes=0 max-size-time=0 "
    "! videoconvert ! video/x-raw,format=I420 ! y4menc ! fdsink fd={fd}"
)


class GstSource(PipeSource):
    """pipeline: gst-launch's words, up to where raw pictures come out."""

    name = "the pipeline"
    decoder = "gstreamer"
    missing = "apt install gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good"
    # y4menc's header does not tell it, its caps do (not each of them): 1 is full; 2, or a name such as bt601, is not.
    range_told = re.compile(rb"y4mencode\d*\.GstPad:(?:sink|src): caps = [^\n]*?colorimetry=\(string\)(?P<full>1:)?")
    hint = f"try it by hand: {LAUNCH} ... ! fakesink"

    def __init__(self, pipeline: str, timeout: float, stop: Stop) -> None:
        words = shlex.split(pipeline.strip().rstrip("!"))
        super().__init__(lambda fd: [LAUNCH, "-v", *words, *shlex.split(TAIL.format(fd=fd))], timeout, stop)
