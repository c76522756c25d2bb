"""Cameras over TLS: who is accepted, and what the user reads when one is not."""

from __future__ import annotations

import contextlib
import shutil
import socket
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agent.capture import stream, tls
from agent.capture.ffmpeg_options import AVFORMAT, CHECKS_PARTS
from agent.capture.rtsp import RtspClient
from agent.capture.source import SourceError
from agent.config.model import CameraConfig, CameraTlsConfig
from agent.config.secrets import Secret
from tests.contract.sources.test_http import web_server
from tests.contract.sources.watch import watching
from tests.support.brokers import make_certificates
from tests.support.clips import scene, write_clip
from tests.support.servers import MJPEG_URL, RTSP_URL, mjpeg_server, rtsp_missing, rtsp_server, serve
from tests.support.tls_front import tls_front

if TYPE_CHECKING:
    from collections.abc import Iterator

PASSWORD = "p4ss/word:of@camera"
NO_RTSP = pytest.mark.skipif(bool(rtsp_missing()), reason=rtsp_missing() or "present")
SCHEMES = ["https", pytest.param("rtsps", marks=[pytest.mark.rooted, NO_RTSP])]


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder each for certificates of localhost, 127.0.0.1 and camera.lan, each with a CA of its own."""
    root = tmp_path_factory.mktemp("certificates")
    for name in ("localhost", "127.0.0.1", "camera.lan"):
        (root / name).mkdir()
        make_certificates(root / name, name)
    return root


@pytest.fixture(scope="session")
def plain_ports(h264: Path, mjpeg: Path) -> Iterator[dict[str, int]]:
    """Running cameras without TLS, by the scheme they have with it."""
    login = ("--user", "viewer", "--password", PASSWORD)
    with serve(mjpeg_server(mjpeg, *login), MJPEG_URL) as http:
        if rtsp_missing():
            yield {"https": http.port}
            return
        with serve(rtsp_server(h264, *login), RTSP_URL) as rtsp:
            yield {"https": http.port, "rtsps": rtsp.port}


def camera(scheme: str, host: str, port: int, *, ca: Path | None = None, insecure: bool = False) -> CameraConfig:
    check = CameraTlsConfig(str(ca) if ca else None, insecure)
    source, kind = f"{scheme}://{host}:{port}/live", "http" if scheme == "https" else "rtsp"
    return CameraConfig("gate", source, kind, username="viewer", password=Secret(PASSWORD), tls=check)  # type: ignore[arg-type]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(
    ("host", "certificate", "ca", "insecure"),
    [
        ("localhost", "localhost", "ca.pem", False),
        ("127.0.0.1", "127.0.0.1", "ca.pem", False),
        ("localhost", "localhost", "server.pem", False),
        ("localhost", "camera.lan", None, True),
    ],
)
def test_a_camera_that_proves_itself_or_need_not_is_seen(
    scheme: str,
    host: str,
    certificate: str,
    ca: str | None,
    insecure: bool,
    certificates: Path,
    plain_ports: dict[str, int],
) -> None:
    folder = certificates / certificate
    with tls_front(plain_ports[scheme], folder) as port:
        config = camera(scheme, host, port, ca=folder / ca if ca else None, insecure=insecure)
        with watching(config) as watch:
            assert len(watch.frames(3)) == 3


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(
    ("host", "certificate", "ca", "says"),
    [
        ("localhost", "localhost", None, "not signed by a CA this system knows"),
        ("localhost", "localhost", "camera.lan/ca.pem", "set cameras.gate.tls.ca to the PEM file of its CA"),
        ("localhost", "camera.lan", "camera.lan/ca.pem", "its certificate is not one for localhost"),
        ("127.0.0.1", "localhost", "localhost/ca.pem", "its certificate is not one for 127.0.0.1"),
        ("localhost", "localhost", "localhost/none.pem", "none.pem as the list of trusted CAs: No such file"),
        ("localhost", "localhost", "localhost/extensions", "extensions as the list of trusted CAs: it holds no cert"),
    ],
)
def test_a_camera_that_does_not_is_refused_with_the_fix(
    scheme: str, host: str, certificate: str, ca: str | None, says: str, certificates: Path, plain_ports: dict[str, int]
) -> None:
    with tls_front(plain_ports[scheme], certificates / certificate) as port:
        config = camera(scheme, host, port, ca=certificates / ca if ca else None)
        with watching(config) as watch:
            error = watch.until("offline").error
            assert watch.camera.frames == 0
    assert says in error
    assert PASSWORD not in error
    assert "viewer" not in error


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_port_without_tls(scheme: str, certificates: Path, plain_ports: dict[str, int]) -> None:
    config = camera(scheme, "localhost", plain_ports[scheme], ca=certificates / "localhost" / "ca.pem")
    with watching(config) as watch:
        assert "this port may not use TLS" in watch.until("offline").error


def test_a_handshake_that_drips_is_not_waited_for(certificates: Path) -> None:
    """Each byte of it is in time, and it never ends."""

    def drip(listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            there, _ = listener.accept()
            with there:
                there.sendall(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xf0")  # a record of 16 kB, a ServerHello in it
                while True:
                    time.sleep(0.05)
                    there.sendall(b"\x00")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=drip, args=(listener,), daemon=True).start()
        config = camera("rtsps", "localhost", listener.getsockname()[1], ca=certificates / "localhost" / "ca.pem")
        config = replace(config, timeout=0.5)
        began = time.monotonic()
        with pytest.raises(SourceError, match=r"no answer within 0\.5 s"):
            RtspClient(config.source, None, config.timeout, lambda: False, tls.handshake(config))
        assert time.monotonic() - began < 5


def test_a_playlist_is_refused_before_its_parts_are_fetched_unverified(certificates: Path, tmp_path: Path) -> None:
    write_clip(tmp_path / "live.m3u8", scene(320, 240), frames=40)
    folder = certificates / "localhost"
    with web_server(tmp_path) as url, tls_front(int(url.rpartition(":")[2]), folder) as port:
        checked, unchecked = CameraTlsConfig(str(folder / "ca.pem")), CameraTlsConfig(insecure=True)
        source = f"https://localhost:{port}/live.m3u8"
        with watching(CameraConfig("cam", source, "http", tls=checked)) as watch:
            assert "how to check who sends a playlist's parts" in watch.until("offline").error
        with watching(CameraConfig("cam", source, "http", tls=unchecked)) as watch:
            if AVFORMAT < CHECKS_PARTS:
                assert watch.frames(1)
            else:
                assert "FFmpeg 9 checks who sends its parts" in watch.until("offline").error


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv", "clip.ts", "clip.flv"])
def test_whole_files_are_read_over_verified_tls(name: str, certificates: Path, tmp_path: Path) -> None:
    write_clip(tmp_path / name, scene(320, 240), frames=10)
    folder = certificates / "localhost"
    check = CameraTlsConfig(str(folder / "ca.pem"))
    with web_server(tmp_path) as url, tls_front(int(url.rpartition(":")[2]), folder) as port:
        config = CameraConfig("cam", f"https://localhost:{port}/{name}", "http", tls=check)
        with watching(config) as watch:
            assert watch.frames(1)


def test_without_a_ca_the_systems_are_trusted(
    certificates: Path, plain_ports: dict[str, int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """SSL_CERT_FILE is how OpenSSL is told of another list; Debian's own is found without it."""
    folder = certificates / "localhost"
    with tls_front(plain_ports["https"], folder) as port:
        config = camera("https", "localhost", port)
        monkeypatch.setenv("SSL_CERT_FILE", str(folder / "ca.pem"))
        with watching(config) as watch:
            assert watch.frames(1)
    shutil.copy(folder / "ca.pem", tmp_path / "bundle.crt")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none"))
    monkeypatch.setattr(tls, "CA_FILES", (str(tmp_path / "none"), str(tmp_path / "bundle.crt")))
    system = tls.ssl.get_default_verify_paths().cafile
    assert tls.ca_file(config) == (system or str(tmp_path / "bundle.crt"))


def test_an_ffmpeg_that_would_not_verify_rtsps_is_not_asked_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "AVFORMAT", 61)
    with pytest.raises(SourceError, match="cannot verify"):
        stream.StreamSource(camera("rtsps", "localhost", 9), lambda: False)
