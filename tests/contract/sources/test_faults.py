"""Cameras that hang, die, come back, or want another password."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from agent.capture import source
from agent.capture.camera import Camera
from agent.config.model import CameraConfig
from agent.config.secrets import Secret
from tests.contract.sources import watch as watch_of
from tests.contract.sources.test_conformance import rooted
from tests.contract.sources.watch import watching
from tests.support.counter import read_counter
from tests.support.servers import MJPEG_URL, RTSP_URL, CameraServer, mjpeg_server, rtsp_server, serve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.capture.frame import Frame

KINDS = ["http", pytest.param("rtsp", marks=rooted), pytest.param("rtsp-udp", marks=rooted)]
PASSWORD = "p:a/s@s w%rd"


@contextmanager
def serving(kind: str, request: pytest.FixtureRequest, *options: str) -> Iterator[CameraServer]:
    if kind == "http":
        command, url = mjpeg_server(request.getfixturevalue("mjpeg"), *options), MJPEG_URL
    else:
        command, url = rtsp_server(request.getfixturevalue("h264"), *options), RTSP_URL
    with serve(command, url) as server:
        yield server


def config(kind: str, url: str, **more: object) -> CameraConfig:
    transport = "udp" if kind == "rtsp-udp" else "tcp"
    return CameraConfig("cam", url, kind.partition("-")[0], timeout=1, transport=transport, **more)  # type: ignore[arg-type]


def assert_one_life(frames: list[Frame]) -> None:
    for earlier, later in pairwise(frames):
        assert later.index > earlier.index
        assert later.media_time > earlier.media_time


@pytest.mark.parametrize("kind", KINDS)
def test_a_frozen_camera_is_stalled_then_offline_then_back(kind: str, request: pytest.FixtureRequest) -> None:
    with serving(kind, request) as server, watching(config(kind, server.url)) as watch:
        before = watch.frames(5)
        server.freeze()
        stalled = watch.until("stalled")
        assert "no picture" in stalled.error
        watch.until("offline")
        server.thaw()
        watch.until("online")
        after = watch.frames(5)
    # FFmpeg's UDP reader holds a picture back: it may come while the camera is frozen already.
    assert watch.states[:3] == ["connecting", "online", "stalled"]
    assert watch.states[-2:] == ["offline", "online"]
    assert kind == "rtsp-udp" or len(watch.states) == 5
    assert_one_life(before + after)
    assert after[0].media_time - before[-1].media_time >= 1, "the time it was away is part of its time"


def test_one_that_goes_on_after_a_stall_is_online_from_then_on(
    request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    with (
        serving("http", request) as server,
        watching(replace(config("http", server.url), timeout=10)) as watch,
    ):
        watch.until("online")
        server.freeze()
        stalled = watch.until("stalled")
        server.thaw()
        assert watch.until("online").since >= stalled.since
    said = [record.getMessage().split()[0].strip(":,") for record in caplog.records if record.name == "vedette.capture"]
    assert said[-3:] == ["online", "stalled", "online"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_camera_is_offline_and_back_when_it_starts_again(kind: str, request: pytest.FixtureRequest) -> None:
    with serving(kind, request) as server, watching(config(kind, server.url)) as watch:
        before = watch.frames(5)
        server.kill()
        assert watch.until("offline").error
        server.start()
        watch.until("online")
        after = watch.frames(5)
        assert watch.camera.reconnects >= 1
    assert_one_life(before + after)
    assert all(read_counter(frame.picture.y) is not None for frame in before + after)


AUTHS = [("http", ()), *(pytest.param("rtsp", ("--auth", how), marks=rooted) for how in ("digest", "basic"))]


@pytest.mark.parametrize(("kind", "options"), [*AUTHS, pytest.param("rtsp-udp", (), marks=rooted)])
def test_credentials_let_us_in(kind: str, options: tuple[str, ...], request: pytest.FixtureRequest) -> None:
    with (
        serving(kind, request, "--user", "viewer", "--password", PASSWORD, *options) as server,
        watching(config(kind, server.url, username="viewer", password=Secret(PASSWORD))) as watch,
    ):
        assert len(watch.frames(3)) == 3


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("username", ["viewer", None])
def test_a_refused_login_says_so_and_nothing_secret(
    kind: str,
    username: str | None,
    request: pytest.FixtureRequest,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    wrong = Secret("wrong-password") if username else None
    with (
        serving(kind, request, "--user", "viewer", "--password", PASSWORD) as server,
        watching(config(kind, server.url, username=username, password=wrong)) as watch,
    ):
        status = watch.until("offline")
        watch.wait(lambda: watch.camera.reconnects >= 2)
    assert "refuses the login" in status.error
    assert ("check" if username else "set") + " username and password" in status.error
    lines = [record for record in caplog.records if record.name == "vedette.capture"]
    assert len(lines) == 1, "once, not at every attempt"
    assert lines[0].__dict__["CAMERA"] == "cam"
    out, err = capfd.readouterr()
    for text in (caplog.text, repr(watch.statuses), out, err):
        assert "wrong-password" not in text


@pytest.mark.parametrize("kind", ["http", pytest.param("rtsp", marks=rooted)])
def test_one_whose_pictures_come_rarely_is_not_starved(
    kind: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "STARVED", 0.3)
    with serving(kind, request, "--fps", "1.25") as server, watching(config(kind, server.url)) as watch:
        watch.wait(lambda: watch.camera.frames >= 4)
        assert watch.camera.reconnects == 0
    assert "offline" not in watch.states


def test_rare_pictures_of_a_stream_that_names_no_rate_are_no_stall(request: pytest.FixtureRequest) -> None:
    """Once two of them have come: until then nobody knows how far apart they are."""
    with serving("http", request, "--fps", "1.25") as server, watching(config("http", server.url)) as watch:
        watch.wait(lambda: watch.camera.frames >= 2)
        before = watch.states.count("stalled")
        assert before <= 1
        watch.wait(lambda: watch.camera.frames >= 5)
        assert watch.states.count("stalled") == before
        server.freeze()
        watch.until("offline")


class Unwanted(Camera):
    """Is disabled at the instant at which its thread has seen for the first time that it is wanted."""

    seen = False

    @property
    def enabled(self) -> bool:
        if threading.current_thread() is self._thread and not self.seen:
            self.seen = True
            self.enable(False)
            return True
        return self._wanted

    @enabled.setter
    def enabled(self, wanted: bool) -> None:
        self._wanted = wanted


def test_a_camera_disabled_at_any_instant_is_back_when_it_is_enabled(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch_of, "Camera", Unwanted)
    with serving("http", request) as server, watching(config("http", server.url)) as watch:
        watch.until("disabled")
        watch.camera.enable(True)
        watch.until("online")
        assert watch.frames(1)
    assert watch.states == ["connecting", "disabled", "connecting", "online"]


def test_one_camera_down_leaves_the_other_alone(request: pytest.FixtureRequest) -> None:
    with (
        serving("http", request) as server,
        watching(config("http", server.url)) as good,
        watching(config("http", "http://127.0.0.1:1/")) as bad,
    ):
        bad.until("offline")
        assert len(good.frames(20)) == 20
    assert good.states == ["connecting", "online"]
