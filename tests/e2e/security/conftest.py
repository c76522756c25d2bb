"""One run for all tests of this folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.brokers import MOSQUITTO, MOSQUITTO_MISSING, mosquitto_process
from tests.support.clips import scene, write_clip
from tests.support.planted import SECRETS, STRACE, USER, Run, ran
from tests.support.servers import MJPEG_URL, RTSP_URL, mjpeg_server, rtsp_missing, rtsp_server, serve
from tests.support.synthetic import bright_network

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    pytest.importorskip("openvino", reason="openvino is not installed (pip install 'vedette[openvino]')")
    for missing in (MOSQUITTO is None and MOSQUITTO_MISSING, rtsp_missing(), not STRACE and "no strace"):
        if missing:
            pytest.skip(str(missing))
    folder = tmp_path_factory.mktemp("security")
    clip = write_clip(folder / "clip.mp4", scene(320, 240), frames=50)
    motion = write_clip(folder / "clip.avi", scene(320, 240), frames=50, codec="mjpeg")
    (folder / "model").mkdir()
    model = str(bright_network(folder / "model"))
    broker = mosquitto_process(folder)
    login = ("--user", USER, "--password")
    with (
        serve(rtsp_server(clip, *login, SECRETS["rtsp_password"]), RTSP_URL) as rtsp,
        serve(mjpeg_server(motion, *login, SECRETS["mjpeg_password"]), MJPEG_URL) as mjpeg,
    ):
        yield ran(folder, broker, rtsp, mjpeg, model)
    broker.kill()
