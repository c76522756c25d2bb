"""Plays an MJPEG clip in a loop as an HTTP camera (multipart/x-mixed-replace). Runs as a process of its own.

    python mjpeg_server.py --clip clip.avi --fps 30 [--user u --password p]

Standard output as of rtsp_server.py: `port <number>` once, then with --report `<index> <time.monotonic()>` per picture.
"""

from __future__ import annotations

import argparse
import base64
import random
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import av


class Clock:
    """Which picture is on air. One thread advances it; each client waits for the next."""

    def __init__(self, pictures: list[bytes], fps: float, report: bool, jitter: float) -> None:
        self.pictures, self.fps, self.report, self.jitter = pictures, fps, report, jitter
        self.tick = -1
        self.changed = threading.Condition()

    def run(self) -> None:
        due = time.monotonic()
        while True:
            due = max(due + 1 / self.fps, time.monotonic() - 0.5)
            time.sleep(max(0.0, due + random.uniform(0, self.jitter) - time.monotonic()))
            with self.changed:
                self.tick += 1
                if self.report:
                    sys.stdout.write(f"{self.tick % len(self.pictures)} {time.monotonic():.6f}\n")
                    sys.stdout.flush()
                self.changed.notify_all()

    def after(self, tick: int) -> tuple[int, bytes]:
        """The next picture; a client gets every one, unless it is half a second behind."""
        with self.changed:
            self.changed.wait_for(lambda: self.tick > tick)
            tick = max(tick + 1, self.tick - int(self.fps / 2))
            return tick, self.pictures[tick % len(self.pictures)]


def handler(clock: Clock, login: str) -> type[BaseHTTPRequestHandler]:
    class Client(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if login and self.headers.get("Authorization") != f"Basic {login}":
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="camera"')
                self.end_headers()
                return
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            tick = clock.tick
            try:
                while True:
                    tick, jpeg = clock.after(tick)
                    head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                    self.wfile.write(head.encode() + jpeg + b"\r\n")
            except OSError:
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
            pass

    return Client


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--clip", required=True)
    parser.add_argument("--fps", type=float, default=30)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--user", default="")
    parser.add_argument("--password", default="")
    parser.add_argument("--report", action="store_true")
    parser.add_argument("--jitter", type=float, default=0, help="seconds a picture is late at most, at random")
    options = parser.parse_args()

    with av.open(options.clip) as container:
        pictures = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    clock = Clock(pictures, options.fps, options.report, options.jitter)
    login = base64.b64encode(f"{options.user}:{options.password}".encode()).decode() if options.user else ""
    server = ThreadingHTTPServer(("127.0.0.1", options.port), handler(clock, login))
    server.daemon_threads = True
    sys.stdout.write(f"port {server.server_port}\n")
    sys.stdout.flush()
    threading.Thread(target=clock.run, daemon=True).start()
    server.serve_forever()


if __name__ == "__main__":
    main()
