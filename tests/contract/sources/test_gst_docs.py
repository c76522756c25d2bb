"""The pipelines of docs/cameras.md are ones that GStreamer can put together, caps and all.

Elements that only a board has are replaced by others that do the same kind of work, and lose their properties. So it
proves the words and what may follow what; not that the board's elements, or their properties, are as they are called.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from agent.capture.gst import TAIL
from agent.config import parse

ROOT = Path(__file__).parents[3]
SYSTEM_PYTHON = "/usr/bin/python3"
ASK = """
import sys, gi
gi.require_version("Gst", "1.0")
from gi.repository import Gst
Gst.init(None)
Gst.parse_launch(sys.stdin.read())
"""
STAND_INS = {
    "nvarguscamerasrc": "videotestsrc",
    "libcamerasrc": "videotestsrc",
    "nvvidconv": "videoconvert ! videoscale",
    "v4l2h264dec": "openh264dec",
}
DECODERS = {"h264parse": "openh264dec", "h265parse": "libde265dec", "jpegparse": "jpegdec"}
"""Of nvv4l2decoder, by what stands before it."""


def missing() -> str:
    try:
        elements = ["rtspsrc", "v4l2src", "y4menc", "fdsink", *DECODERS, *DECODERS.values()]
        test = f"import gi; gi.require_version('Gst', '1.0'); from gi.repository import Gst; Gst.init(None); \
            assert all(map(Gst.ElementFactory.find, {elements}))"
        done = subprocess.run([SYSTEM_PYTHON, "-c", test], capture_output=True, timeout=60, check=False)
    except OSError:
        return f"no {SYSTEM_PYTHON}"
    return "" if done.returncode == 0 else "python3-gi or GStreamer's plugins (base, good, bad) are missing"


def pipelines() -> dict[str, str]:
    text = (ROOT / "docs/cameras.md").read_text()
    found = {}
    for number, block in enumerate(re.findall(r"^```yaml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)):
        for camera in parse(block.replace("!secret gate_password", "abcdefgh"), "cameras.md", ROOT).cameras:
            if camera.kind == "gst":
                found[f"{camera.id}-{number}"] = camera.source.removeprefix("gst:")
    return found


def standing_in(pipeline: str) -> str:
    parts, before = [], ""
    for part in (words.strip() for words in pipeline.split("!")):
        element = part.split()[0]
        if element == "nvv4l2decoder":
            parts.append(DECODERS[before])
        elif element in STAND_INS:
            parts.append(STAND_INS[element])
        else:
            parts.append(part.replace("(memory:NVMM)", ""))
        before = element
    return " ! ".join(parts)


def put_together(pipeline: str) -> subprocess.CompletedProcess[str]:
    whole = f"{standing_in(pipeline)} {TAIL.format(fd=1)}"
    command = [SYSTEM_PYTHON, "-c", ASK]
    return subprocess.run(command, input=whole, capture_output=True, text=True, timeout=60, check=False)


needs_gstreamer = pytest.mark.skipif(bool(missing()), reason=missing() or "it is there")


@pytest.mark.rooted
@needs_gstreamer
@pytest.mark.parametrize("pipeline", [pytest.param(text, id=name) for name, text in pipelines().items()])
def test_it_can_be_put_together(pipeline: str) -> None:
    done = put_together(pipeline)
    assert done.returncode == 0, done.stderr


@pytest.mark.rooted
@needs_gstreamer
@pytest.mark.parametrize(
    "mistake",
    [
        "videotestsrc ! nosuchelement",
        "videotestsrc nosuchproperty=1",
        "videotestsrc ! video/x-raw,width=(",
        "v4l2src ! image/jpeg ! h264parse",
        "rtspsrc ! rtph265depay ! h264parse",
    ],
)
def test_a_mistake_would_be_seen(mistake: str) -> None:
    assert put_together(mistake).returncode != 0


def test_there_are_some() -> None:
    assert len(pipelines()) >= 6
