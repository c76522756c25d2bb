"""What a source of pictures is; `opening` has which one serves a camera's config."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

from agent.config.redact import redact

if TYPE_CHECKING:
    from agent.capture.frame import Picture

Stop = Callable[[], bool]
"""Asked between two reads: whether the camera is to stop."""


class SourceError(Exception):
    """No picture can be had for now. Both texts are for the user; credentials in them are masked."""

    def __init__(self, reason: str, hint: str = "") -> None:
        self.reason = redact(reason)
        self.hint = redact(hint)
        super().__init__(f"{self.reason} ({self.hint})" if hint else self.reason)


class UnsupportedError(Exception):
    """The camera is there, but wants something our own client leaves to FFmpeg's."""


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """width, height: of the decoded picture, before any turn; 0 before the first. fps: as declared, 0 if unknown.

    decoder: "h264 software", "h264 vaapi". note: why it is not what was asked for, else empty.
    turn: 0, 90, 180 or 270 degrees clockwise, by which the file itself wants it turned, `rotate` comes on top.
    """

    width: int = 0
    height: int = 0
    fps: float = 0.0
    decoder: str = ""
    note: str = ""
    turn: int = 0


class Decoded(NamedTuple):
    """One picture. pts: the stream's own time in seconds. arrived: time.monotonic() when its last byte was here.

    skipped: how many before it were not decoded, for they would have been old.
    """

    picture: Picture
    pts: float | None
    arrived: float
    skipped: int = 0


class Source(Protocol):
    """An open camera, file or folder. One thread opens it, iterates it and closes it."""

    @property
    def info(self) -> SourceInfo:
        """The same object until something of it changes."""
        ...

    @property
    def corrupt(self) -> int:
        """Packets or pictures that could not be decoded and were skipped."""
        ...

    def frames(self) -> Iterator[Decoded]:
        """Ends only where the source does (or when asked to stop). Raises SourceError when it fails."""
        ...

    def interrupt(self) -> None:
        """Makes a read that blocks in another thread return, where that is possible. Safe from any thread."""
        ...

    def close(self) -> None:
        """Safe twice."""
        ...


@runtime_checkable
class Skips(Protocol):
    """A source that leaves pictures out where they are decoded more slowly than they come."""

    @property
    def skipping(self) -> bool:
        """Whether it does so now: then the stream has not stalled. From any thread."""
        ...

    @property
    def skipped(self) -> int:
        """How many since the last picture, which no `Decoded` has told yet."""
        ...


STARVED = 30.0
"""Seconds of data without a picture after which a stream is opened anew. Key pictures may be 20 s apart."""


def starved(since: float | None, now: float) -> None:
    """Raises SourceError when the data comes to nothing for too long. Both by time.monotonic().

    since: when the first of it came, None right after a picture: one that comes rarely is no fault.
    """
    if since is not None and now - since > STARVED:
        raise SourceError(f"data arrives, but for {STARVED:g} s no picture could be decoded")
