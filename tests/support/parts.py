"""An HTTP camera whose answer is written byte by byte by the test: what MJPEG cameras send, well and badly."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle
from typing import TYPE_CHECKING

import av

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EVERY_S = 0.02


def jpegs(clip: Path) -> list[bytes]:
    """The pictures of an MJPEG clip as they are in it."""
    with av.open(str(clip)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


@contextmanager
def part_server(parts: list[bytes], head: bytes, *, sized: bool = False) -> Iterator[str]:
    """Sends the parts over and over, each behind its boundary and `head` (the lines of a part's header).

    sized: with its length among them.
    """
    stopped = threading.Event()

    class Camera(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            try:
                for part in cycle(parts):
                    if stopped.wait(EVERY_S):
                        return
                    length = b"Content-Length: %d\r\n" % len(part) if sized else b""
                    self.wfile.write(b"--frame\r\n" + head + length + b"\r\n" + part + b"\r\n")
            except OSError:
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Camera)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/video.mjpg"
    finally:
        stopped.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
