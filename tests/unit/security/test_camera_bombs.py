"""What a camera says may be made to be looked at for minutes, in which no other thread gets a word in."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TRACK = "m=video 0 RTP/AVP 96\\r\\na=rtpmap:96 H264/90000\\r\\n"
READ = {
    "blanks in its description": f"""
from agent.capture.sdp import find_video
assert find_video("v=0\\r\\na=control:x" + " " * 65_000 + "y\\r\\n{TRACK}").codec == "h264"
""",
    "a long number there": """
from agent.capture.sdp import find_video
assert find_video("m=video 0 RTP/AVP {0}\\r\\na=rtpmap:{0} H264/90000\\r\\n".format("9" * 5_000)) is None
""",
    "long words where it wants a login": """
from agent.capture.rtsp_auth import Credentials, Login
Login(Credentials("a", "b")).heed(["Digest " + "a" * 8_000] * 64)
""",
}


@pytest.mark.parametrize("what", READ)
def test_it_is_read_at_once(what: str) -> None:
    """In a process of its own, which can be ended. No time is held to, but the test's own deadline."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", READ[what]], env=env, timeout=15, check=True)
