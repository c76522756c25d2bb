"""The arm64 root, made once for all tests here, and a clip small enough for an emulated processor."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

import av
import pytest

from backends.contract import BackendError
from backends.models import store
from tests.e2e.conftest import listen
from tests.slow.arm64 import root as arm64
from tests.slow.arm64.binfmt import NoEmulation, emulation
from tests.slow.arm64.both import Both
from tests.slow.arm64.playing import FRAMES
from tests.slow.deb.packages import built, unbuildable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.slow.arm64.root import Root
    from tests.support.audience import Audience
    from tests.support.brokers import BrokerProcess

__all__ = ["listen"]

NOT_PROVEN = (
    "speed, memory and heat; a real chip, camera or kernel; the service under systemd, which cannot be emulated in a "
    "root; Raspberry Pi OS itself, of which this is the Debian below"
)
CACHE = arm64.REPOSITORY / "build" / "arm64"
_NEEDED = {
    "aarch64-linux-gnu-gcc": "gcc-aarch64-linux-gnu",
    "qemu-aarch64-static": "qemu-user-static",
    "debootstrap": "debootstrap",
    "dpkg-deb": "dpkg",
    "unshare": "util-linux",
    "gcc": "gcc",
}


@pytest.fixture(scope="session")
def root(tell: Callable[[str], None]) -> Iterator[Root]:
    """The root, with emulation switched on as long as the tests run."""
    if os.geteuid():
        pytest.skip("only root can make and enter an arm64 root")
    missing = [package for program, package in _NEEDED.items() if not shutil.which(program)]
    if not Path("/usr/aarch64-linux-gnu/include/stdio.h").exists():
        missing.append("libc6-dev-arm64-cross")
    if missing:
        pytest.skip(f"missing for an arm64 root: apt install {' '.join(missing)}")
    if unbuilt := unbuildable():
        pytest.skip(unbuilt)
    began = time.monotonic()
    made = arm64.make(CACHE / "root", tell)
    package = built("arm64")
    tell(f"built {package.file.name}, {package.file.stat().st_size >> 20} MB")
    try:
        with emulation(shutil.which("qemu-aarch64-static") or ""):
            made.install(package.file)
            tell("it is installed, by an emulated dpkg")
            yield made
    except NoEmulation as e:
        pytest.skip(str(e))
    tell(f"arm64: {time.monotonic() - began:.0f} s in all. Not proven: {NOT_PROVEN}\n")


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first frames of a real clip, its packets copied: of shared/data, else of the catalog."""
    source = arm64.REPOSITORY.parent / "shared" / "data" / "videos" / "vtest.avi"
    if not source.exists():
        try:
            source = store.clip("bikes", lambda *_: None)
        except BackendError as e:
            pytest.skip(f"no clip: {e}")
    path = tmp_path_factory.mktemp("clip") / "clip.avi"
    with av.open(str(source)) as whole, av.open(str(path), "w") as cut:
        stream = whole.streams.video[0]
        copy = cut.add_stream_from_template(stream)
        for count, packet in enumerate(whole.demux(stream)):
            if count == FRAMES:
                break
            packet.stream = copy
            cut.mux(packet)
    return path


@pytest.fixture
def both(
    clip: Path,
    root: Root,
    mosquitto_with: Callable[[], BrokerProcess],
    listen: Callable[[BrokerProcess], Audience],
    tell: Callable[[str], None],
    tmp_path: Path,
) -> Both:
    return Both(root, clip, mosquitto_with, listen, tell, tmp_path)
