"""The real picamera2 and the real libcamera of Debian 13, in a folder, without a camera: what we make of that.

It proves that our child can import and call them, that libcamerasrc takes our words, and which words of theirs reach
the user. No picture comes of it: for that a Pi is needed. pidng and pykms (DNG files, previews) are empty stand-ins.
"""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from agent.capture import csi, picamera
from agent.capture.source import SourceError
from agent.config.model import CameraConfig
from tests.slow.install import root as bare

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.slow.install.root import Root

SUITE = "trixie"
OF_DEBIAN = (
    *("python3-libcamera", "python3-prctl", "python3-piexif", "python3-av", "python3-numpy", "python3-pil"),
    *("python3-jsonschema", "python3-libarchive-c", "python3-tqdm", "python3-pip"),
    *("gstreamer1.0-libcamera", "gstreamer1.0-tools", "gstreamer1.0-plugins-base", "gstreamer1.0-plugins-good"),
)
OF_PYPI = ("picamera2", "simplejpeg", "videodev2")
STAND_INS = {
    "pidng/__init__.py": "",
    "pidng/camdefs.py": "class Picamera2Camera: pass",
    "pidng/core.py": "class PICAM2DNG: pass",
    "pykms.py": "import unittest.mock; PixelFormat = unittest.mock.MagicMock()",
}
CAMERA = CameraConfig("cam", "csi:0", "csi", timeout=30.0)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Root]:
    if missing := bare.missing():
        pytest.skip(missing)
    folder = tmp_path_factory.mktemp("root")
    made = bare.unpack(SUITE, folder, tmp_path_factory.mktemp("work"))
    made.run("apt-get", "-qq", "update", seconds=300)
    made.run("apt-get", "-qq", "-y", "--no-install-recommends", "install", *OF_DEBIAN, seconds=900)
    pip = ("pip", "install", "-q", "--break-system-packages", "--no-deps", "--only-binary=:all:")
    made.run(*pip, *OF_PYPI, seconds=300)
    for name, text in STAND_INS.items():
        file = folder / "usr/local/lib/python3.13/dist-packages" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    shutil.copy(picamera._CHILD, made.work)
    yield made
    shutil.rmtree(folder)


def entering(root: Root, program: str, path: Path) -> str:
    """A program out here that is `program` in there."""
    path.write_text(f'#!/bin/sh\nexec {shlex.join(root.command(program))} "$@"\n')
    path.chmod(0o755)
    return str(path)


def test_picamera2_says_that_there_is_no_camera(root: Root, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = entering(root, "/usr/bin/python3", tmp_path / "python3")
    monkeypatch.setattr(picamera, "PYTHONS", [python])
    monkeypatch.setattr(picamera, "_CHILD", Path("/stage", picamera._CHILD.name))
    assert picamera.interpreter() == python
    with pytest.raises(SourceError) as told:
        csi.open_csi(CAMERA, lambda: False)
    assert told.value.reason.startswith("picamera2 ended: ERROR: RuntimeError: No camera number 0 found")


def test_libcamerasrc_says_that_there_is_no_camera(root: Root, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entering(root, "/usr/bin/gst-launch-1.0", tmp_path / "gst-launch-1.0")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(picamera, "PYTHONS", [])
    with pytest.raises(SourceError) as told:
        csi.open_csi(CAMERA, lambda: False)
    assert "picamera2 is not installed" in told.value.reason
    assert "Could not find any supported camera on this system" in told.value.reason
