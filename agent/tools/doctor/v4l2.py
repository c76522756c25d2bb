"""What a video device says of itself: linux/videodev2.h, without opening a stream."""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

Control = Callable[[int, bytes], bytes | None]
"""Asks the device: (number of the ioctl, argument) -> answer, None where it has none."""

QUERYCAP, ENUM_FMT, ENUM_FRAMESIZES = 0x80685600, 0xC0405602, 0xC02C564A
_CAPTURE, _CAPTURE_PLANES, _M2M, _STREAMING = 0x1, 0x1000, 0x8000 | 0x4000, 0x04000000
_DEVICE_CAPS = 0x80000000
_BIG_ENDIAN = 1 << 31
_MOST_FORMATS, _MOST_SIZES = 32, 64
_CAPABILITY = struct.Struct("=16s32s32s3I12x")
_FORMAT = struct.Struct("=3I32s2I12x")
_SIZE = struct.Struct("=3I6I8x")


@dataclass(frozen=True, slots=True)
class Format:
    """code: "MJPG". width, height: the largest it offers, 0 where it does not say."""

    code: str
    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.code} to {self.width}x{self.height}" if self.width else self.code


@dataclass(frozen=True, slots=True)
class Camera:
    """card: its own name. bus: where it is plugged in."""

    card: str
    driver: str
    bus: str
    formats: tuple[Format, ...]


def ask(node: Path) -> Camera | None:
    """None for a node that gives no pictures (metadata, codec, output). Raises OSError."""
    descriptor = os.open(node, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:

        def control(number: int, argument: bytes) -> bytes | None:
            try:
                return fcntl.ioctl(descriptor, number, argument)
            except OSError:
                return None

        return camera(control)
    finally:
        os.close(descriptor)


def camera(control: Control) -> Camera | None:
    """The camera behind the ioctls."""
    answer = control(QUERYCAP, bytes(_CAPABILITY.size))
    if answer is None:
        return None
    driver, card, bus, _, capabilities, own = _CAPABILITY.unpack(answer)
    flags = own if capabilities & _DEVICE_CAPS else capabilities
    if not flags & (_CAPTURE | _CAPTURE_PLANES) or flags & _M2M or not flags & _STREAMING:
        return None
    kind = 1 if flags & _CAPTURE else 9  # V4L2_BUF_TYPE_VIDEO_CAPTURE, ..._MPLANE
    found = tuple(_formats(control, kind))
    return Camera(_text(card), _text(driver), _text(bus), found) if found else None


def _formats(control: Control, kind: int) -> list[Format]:
    found = []
    for index in range(_MOST_FORMATS):
        answer = control(ENUM_FMT, _FORMAT.pack(index, kind, 0, b"", 0, 0))
        if answer is None:
            break
        code = _FORMAT.unpack(answer)[4]
        found.append(Format(_name(code), *_largest(control, code)))
    return found


def _name(code: int) -> str:
    """As the kernel writes it: the highest bit marks big-endian samples."""
    word = (code & ~_BIG_ENDIAN).to_bytes(4, "little").decode(errors="replace").strip("\0 ")
    return f"{word}-BE" if code & _BIG_ENDIAN else word


def _largest(control: Control, code: int) -> tuple[int, int]:
    """Of the sizes of a format: discrete ones, or the upper end of a range."""
    sizes = [(0, 0)]
    for index in range(_MOST_SIZES):
        answer = control(ENUM_FRAMESIZES, _SIZE.pack(index, code, 0, *[0] * 6))
        if answer is None:
            break
        _, _, kind, *numbers = _SIZE.unpack(answer)
        sizes.append((numbers[0], numbers[1]) if kind == 1 else (numbers[1], numbers[4]))
        if kind != 1:
            break
    return max(sizes, key=lambda size: size[0] * size[1])


def _text(raw: bytes) -> str:
    return raw.split(b"\0")[0].decode(errors="replace")
