"""Waiting for a local camera. FFmpeg waits in the driver, where neither its time-out nor a stop reaches it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import struct
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from agent.capture.source import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.capture.source import Stop

LOOK = 0.2
"""Seconds between two looks at the stop."""
STREAMOFF, VIDEO_CAPTURE = 0x40045613, 1
"""VIDIOC_STREAMOFF and V4L2_BUF_TYPE_VIDEO_CAPTURE of linux/videodev2.h."""
HINT = "unplug the camera and plug it in again"


def descriptor_of(device: str) -> int | None:
    """The descriptor this process has the device open with, None if there is none. device: may be a link to it."""
    wanted = os.path.realpath(device)
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            if str(descriptor.readlink()) == wanted:
                return int(descriptor.name)
    return None


@contextmanager
def opening(device: str, timeout: float) -> Iterator[None]:
    """Ends an opening that waits for a first picture, by stopping the stream. Raises SourceError when it had to."""
    late = threading.Event()

    def stop_stream() -> None:
        late.set()
        descriptor = descriptor_of(device)
        if descriptor is not None:
            with contextlib.suppress(OSError):
                fcntl.ioctl(descriptor, STREAMOFF, struct.pack("i", VIDEO_CAPTURE))

    timer = threading.Timer(timeout, stop_stream)
    timer.start()
    try:
        yield
    except Exception:
        if not late.is_set():
            raise
    finally:
        timer.cancel()
        timer.join()
    if late.is_set():  # FFmpeg may call it opened all the same
        raise SourceError(f"no picture for {timeout:g} s", HINT)


def readable(descriptor: int, timeout: float, stop: Stop) -> bool:
    """Waits until a read will not block; False when asked to stop. Raises SourceError after `timeout` seconds."""
    poller = select.poll()
    poller.register(descriptor, select.POLLIN)
    deadline = time.monotonic() + timeout
    while not stop():
        if poller.poll(LOOK * 1000):
            return True
        if time.monotonic() > deadline:
            raise SourceError(f"no picture for {timeout:g} s", HINT)
    return False
