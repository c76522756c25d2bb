"""Cameras of a real kernel: its virtual one (vivid), in an emulated machine, looked at by the doctor and by capture.

It proves the ioctls, FFmpeg's V4L2 input and what we make of both. It does not prove that a USB camera behaves so.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.slow.v4l2 import initramfs

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = """
import contextlib, io, json, os, subprocess, sys, time
from pathlib import Path
from agent.cli import main

def doctor(source, *groups):
    Path("/tmp/vedette.yaml").write_text(f"cameras: {{gate: {{source: {source}, timeout: 30}}}}")
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        main(["doctor", "-c", "/tmp/vedette.yaml", "--json", *(word for group in groups for word in ("--only", group))])
    return json.loads(said.getvalue())["findings"]

WATCH = '''
import sys
from agent.capture.opening import open_source
from agent.config import parse
from pathlib import Path
config = parse("cameras: {gate: {source: /dev/video0, timeout: 30}}", "test", Path("/"))
source = open_source(config.cameras[0], lambda: False)
try:
    for count, decoded in enumerate(source.frames()):
        if count % 5 == 0:
            print(count, *decoded.picture.y.shape, int(decoded.picture.y.std()), flush=True)
except Exception as error:
    print("ended", type(error).__name__, error, flush=True)
'''

os.makedirs("/dev/v4l/by-id")
os.symlink("../../video0", "/dev/v4l/by-id/usb-vivid-video-index0")
told = {"devices": doctor("/dev/video0", "devices"), "camera": doctor("/dev/video0", "cameras")}
told["other"] = doctor("/dev/video3", "cameras")
watching = subprocess.Popen([sys.executable, "-c", WATCH], stdout=subprocess.PIPE, text=True)
told["frames"] = [watching.stdout.readline().split() for _ in range(3)]
told["held"] = doctor("/dev/video0", "cameras")
Path("/sys/bus/platform/drivers/vivid/unbind").write_text("vivid.0")
told["unplugged"] = next(line for line in iter(watching.stdout.readline, "") if line.startswith("ended"))
told["gone"] = doctor("/dev/video0", "cameras")
print("TOLD " + json.dumps(told), flush=True)
"""
MINUTES = 8


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    for tool, package in (("qemu-system-x86_64", "qemu-system-x86"), ("apt-get", "apt"), ("dpkg-deb", "dpkg")):
        if shutil.which(tool) is None:
            pytest.skip(f"no {tool} (apt install {package})")
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    if initramfs.SYSTEM_PYTHON.resolve().name != version:
        pytest.skip(f"{initramfs.SYSTEM_PYTHON} is not the {version} that the packages are for")
    image, _ = initramfs.kernel()
    root = initramfs.build(SCRIPT, tmp_path_factory.mktemp("vivid") / "initramfs.gz")
    said = started(image, root)
    line = next((line for line in said.splitlines() if "TOLD {" in line), None)
    assert line is not None, said[-4000:]
    found: dict[str, Any] = json.loads(line[line.index("{") :])
    return found


def started(image: Path, root: Path) -> str:
    """What the machine writes to its console, until it switches itself off. `max`: numpy wants a newer processor."""
    machine = ["qemu-system-x86_64", "-accel", "tcg", "-cpu", "max", "-m", "1500", "-net", "none", "-no-reboot"]
    machine += ["-kernel", str(image), "-initrd", str(root), "-append", "console=ttyS0 quiet panic=1", "-nographic"]
    done = subprocess.run(machine, stdin=subprocess.DEVNULL, capture_output=True, timeout=60 * MINUTES, check=False)
    return done.stdout.decode(errors="replace")


def texts(found: list[dict[str, str]]) -> list[tuple[str, str]]:
    return [(finding["state"], finding["text"]) for finding in found]


def test_the_doctor_lists_the_camera_alone_among_its_nodes(told: dict[str, Any]) -> None:
    seen, advice = texts(told["devices"])
    assert seen[0] == "ok"
    assert seen[1].startswith("vivid at /dev/v4l/by-id/usb-vivid-video-index0: YUYV to 3840x2160, ")
    assert advice == ("warning", "source: /dev/video0 may be another camera after a restart")


def test_the_doctor_gets_a_picture(told: dict[str, Any]) -> None:
    ((state, text),) = texts(told["camera"])
    assert (state, text.partition(",")[0]) == ("ok", "gate: 640x360")


def test_a_node_without_pictures_is_called_so(told: dict[str, Any]) -> None:
    ((state, text),) = texts(told["other"])
    assert state == "failed"
    assert text.startswith("gate: cannot open /dev/video3")


def test_frames_go_on_coming(told: dict[str, Any]) -> None:
    assert [frame[:3] for frame in told["frames"]] == [[str(count), "360", "640"] for count in (0, 5, 10)]
    assert all(int(frame[3]) > 10 for frame in told["frames"]), "a test picture, not one colour"


def test_who_holds_the_camera_is_named(told: dict[str, Any]) -> None:
    ((state, text),) = texts(told["held"])
    assert state == "failed"
    assert "python3 (process " in text
    assert text.endswith("has it open")


def test_a_camera_that_is_unplugged_ends_with_a_reason(told: dict[str, Any]) -> None:
    assert told["unplugged"].startswith("ended SourceError ")
    ((state, text),) = texts(told["gone"])
    assert (state, text.startswith("gate: ")) == ("failed", True)
