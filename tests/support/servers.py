"""Starts the camera servers as processes of their own, and knows when each picture was sent."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
SYSTEM_PYTHON = "/usr/bin/python3"


@cache
def rtsp_missing() -> str:
    """Why no RTSP server can run here, empty when it can."""
    if not Path(SYSTEM_PYTHON).exists():
        return f"no {SYSTEM_PYTHON}"
    probe = (
        "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import Gst, GstRtspServer; "
        "Gst.init(None); assert all(map(Gst.ElementFactory.find, ('rtph264pay', 'h264parse', 'h265parse', 'qtdemux')))"
    )
    done = subprocess.run([SYSTEM_PYTHON, "-W", "ignore", "-c", probe], capture_output=True, check=False, timeout=30)
    return (
        "" if done.returncode == 0 else "gst-rtsp-server is missing (python3-gi, gir1.2-gst-rtsp-server-1.0, plugins)"
    )


class CameraServer:
    """A running server. sent: when (time.monotonic()) each picture of the clip was last sent, by its counter."""

    def __init__(self, command: list[str], url: str) -> None:
        self.sent: dict[int, float] = {}
        self._command, self._url = command, url
        self.port = 0
        self.start()

    @property
    def url(self) -> str:
        return self._url.format(port=self.port)

    def start(self) -> None:
        """Also starts it again after `kill`, on the same port."""
        port = ["--port", str(self.port)] if self.port else []
        self._process = subprocess.Popen(self._command + port, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line.startswith("port "), f"{self._command} did not start: {line!r}"
        self.port = int(line.split()[1])
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            counter, sent = line.split()
            self.sent[int(counter)] = float(sent)

    def freeze(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(5)
        self._reader.join(5)
        assert self._process.stdout is not None
        self._process.stdout.close()


@contextmanager
def serve(command: list[str], url: str) -> Iterator[CameraServer]:
    server = CameraServer(command, url)
    try:
        yield server
    finally:
        server.kill()


def rtsp_server(clip: Path, *options: str, codec: str = "h264", fps: float = 30) -> list[str]:
    """The command of an RTSP server; its URL is RTSP_URL."""
    command = [SYSTEM_PYTHON, "-W", "ignore", str(HERE / "rtsp_server.py"), "--clip", str(clip)]
    return [*command, "--codec", codec, "--fps", str(fps), "--report", *options]


def mjpeg_server(clip: Path, *options: str, fps: float = 30) -> list[str]:
    """The command of an HTTP server of MJPEG; its URL is MJPEG_URL."""
    command = [sys.executable, str(HERE / "mjpeg_server.py"), "--clip", str(clip)]
    return [*command, "--fps", str(fps), "--report", *options]


RTSP_URL = "rtsp://127.0.0.1:{port}/live"
MJPEG_URL = "http://127.0.0.1:{port}/"
