"""Plays a clip in a loop as an RTSP camera. Runs with the system's Python, which has GStreamer's bindings.

    /usr/bin/python3 rtsp_server.py --clip clip.mp4 --codec h264 --fps 30 [--user u --password p]

Nothing is encoded while it plays: the clip's access units lie in memory. Standard output: `port <number>` once, then
with --report a line `<index of the access unit in the clip> <time.monotonic() when it was sent>` for each.
"""

from __future__ import annotations

import argparse
import random
import sys
import threading
import time

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstApp", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import (  # noqa: E402 - versions first
    GLib,
    Gst,
    GstApp,  # noqa: F401 - gives appsink its methods
    GstRtsp,
    GstRtspServer,
)

PARSE = {
    "h264": "h264parse config-interval=-1 ! video/x-h264,stream-format=byte-stream,alignment=au",
    "h265": "h265parse config-interval=-1 ! video/x-h265,stream-format=byte-stream,alignment=au",
    "jpeg": "jpegparse",
}
PAY = {
    "h264": "rtph264pay",
    "h265": "rtph265pay",
    "jpeg": "rtpjpegpay",
}


def access_units(clip: str, codec: str) -> tuple[Gst.Caps, list[Gst.Buffer]]:
    pipeline = Gst.parse_launch(
        f"filesrc location={clip} ! parsebin ! {PARSE[codec]} ! appsink name=sink sync=false max-buffers=4"
    )
    sink = pipeline.get_by_name("sink")
    pipeline.set_state(Gst.State.PLAYING)
    caps, units = None, []
    while (sample := sink.try_pull_sample(5 * Gst.SECOND)) is not None:
        caps = sample.get_caps()
        buffer = sample.get_buffer()
        units.append(buffer.extract_dup(0, buffer.get_size()))
    pipeline.set_state(Gst.State.NULL)
    if not units:
        sys.exit(f"no {codec} in {clip}")
    return caps, units


class Camera:
    def __init__(self, options: argparse.Namespace) -> None:
        self.caps, self.units = access_units(options.clip, options.codec)
        self.fps, self.report, self.jitter = options.fps, options.report, options.jitter
        self.appsrc: Gst.Element | None = None

    def configure(self, _factory: GstRtspServer.RTSPMediaFactory, media: GstRtspServer.RTSPMedia) -> None:
        appsrc = media.get_element().get_by_name_recurse_up("source")
        appsrc.set_property("caps", self.caps)
        media.connect("unprepared", self.stop)
        self.appsrc = appsrc

    def stop(self, _media: GstRtspServer.RTSPMedia) -> None:
        self.appsrc = None

    def play(self) -> None:
        index, due = 0, time.monotonic()
        while True:
            due = max(due + 1 / self.fps, time.monotonic() - 0.5)
            time.sleep(max(0.0, due + random.uniform(0, self.jitter) - time.monotonic()))
            appsrc = self.appsrc
            if appsrc is None:
                index = 0
                continue
            sent = time.monotonic()
            if appsrc.emit("push-buffer", Gst.Buffer.new_wrapped(self.units[index])) == Gst.FlowReturn.OK:
                if self.report:
                    sys.stdout.write(f"{index} {sent:.6f}\n")
                    sys.stdout.flush()
                index = (index + 1) % len(self.units)


def login(server: GstRtspServer.RTSPServer, user: str, password: str, method: str) -> None:
    auth = GstRtspServer.RTSPAuth()
    auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST if method == "digest" else GstRtsp.RTSPAuthMethod.BASIC)
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "user")
    if method == "digest":
        auth.add_digest(user, password, token)
    else:
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    server.set_auth(auth)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--clip", required=True)
    parser.add_argument("--codec", choices=sorted(PAY), default="h264")
    parser.add_argument("--fps", type=float, default=30)
    parser.add_argument("--port", default="0")
    parser.add_argument("--path", default="/live")
    parser.add_argument("--pay", default="", help="more properties of the payloader")
    parser.add_argument("--user", default="")
    parser.add_argument("--password", default="")
    parser.add_argument("--auth", choices=["basic", "digest"], default="digest")
    parser.add_argument("--report", action="store_true")
    parser.add_argument("--jitter", type=float, default=0, help="seconds a picture is late at most, at random")
    options = parser.parse_args()

    Gst.init(None)
    camera = Camera(options)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(options.port)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(
        "( appsrc name=source is-live=true do-timestamp=true format=time block=false ! "
        f"{PAY[options.codec]} {options.pay} name=pay0 pt=96 )"
    )
    factory.set_shared(True)
    factory.connect("media-configure", camera.configure)
    if options.user:
        login(server, options.user, options.password, options.auth)
        permissions = GstRtspServer.RTSPPermissions()
        permissions.add_role("user")
        for permission in ("media.factory.access", "media.factory.construct"):
            permissions.add_permission_for_role("user", permission, True)
        factory.set_permissions(permissions)
    server.get_mount_points().add_factory(options.path, factory)
    server.attach(None)
    sys.stdout.write(f"port {server.get_bound_port()}\n")
    sys.stdout.flush()
    threading.Thread(target=camera.play, daemon=True).start()
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
