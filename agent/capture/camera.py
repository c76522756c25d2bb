"""One camera's thread: opens its source, has its pictures delivered, and opens it anew when it fails."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from agent.backoff import Backoff
from agent.capture.delivery import Delivery, rotated, turned
from agent.capture.opening import open_source
from agent.capture.source import STARVED, Decoded, Skips, Source, SourceError, SourceInfo
from agent.capture.status import STATUS_EVENT, CameraStatus
from agent.config.redact import redact

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.capture.delivery import Place
    from agent.capture.mailbox import Mailbox
    from agent.capture.status import State
    from agent.config.model import CameraConfig

log = logging.getLogger("vedette.capture")

SETTLED = 10.0
"""Seconds online after which the next failure waits only briefly again."""
RETRY_FIRST, RETRY_MOST = 0.5, 30.0
STALLED = 3
"""Pictures that are missing in a row where it takes longer than usual."""


class Camera:
    """Owns the thread "cam-<id>". Nothing raises out of it: what goes wrong is the state `offline` and a retry.

    on_status: called with it for each change, on its own thread or on the one that calls `poll`. It must not block.
    `start`, `enable` and `stop` belong to one thread. enabled: whether it is wanted; while not, it is not opened.
    """

    def __init__(
        self,
        config: CameraConfig,
        mailbox: Mailbox,
        on_status: Callable[[Camera, CameraStatus], None] = lambda *_: None,
    ) -> None:
        self.config = config
        self.mailbox = mailbox
        self.reconnects = 0
        self._after: Camera | None = None
        self._other: Camera | None = None
        self._trial = False
        self._on_status = on_status
        self._corrupt = 0
        self._status = self._announced = CameraStatus("connecting" if config.enabled else "disabled", time.time())
        self._reading: tuple[float, Source] | None = None  # as one, for `poll` looks from another thread
        self._source: Source | None = None
        self._info: SourceInfo | None = None
        self.enabled = config.enabled
        self._stop = threading.Event()
        self._halt = threading.Event()  # set while it is not wanted, and from the stop on
        self._turned = threading.Event()
        self._halts = self._attempts = 0
        self._thread = threading.Thread(target=self._run, name=f"cam-{config.id}", daemon=True)
        self._delivery = Delivery(config, mailbox, self._halt)
        self._backoff = Backoff(RETRY_FIRST, RETRY_MOST)
        self._logged = ""
        self._log = logging.LoggerAdapter(log, {"CAMERA": config.id, "EVENT": STATUS_EVENT})

    @property
    def corrupt(self) -> int:
        """Packets and pictures skipped because they could not be decoded."""
        source = self._source
        return self._corrupt + (source.corrupt if source else 0)

    @property
    def frames(self) -> int:
        """How many were delivered, by those it follows too: also before its own first one."""
        before = self._other or self._after
        return max(self._delivery.frames, before.frames if before else 0)

    @property
    def last_frame_at(self) -> float | None:
        """time.monotonic() of the last frame, None before the first."""
        return self._delivery.last_at

    @property
    def gone(self) -> bool:
        """Whether its thread has ended though nobody asked it to."""
        return self._thread.ident is not None and not self._thread.is_alive() and not self._stop.is_set()

    def start(self, after: Camera | None = None, *, trial: bool = False) -> None:
        """after: one that was stopped, and may still hold the device: its end is waited for, and its place taken.

        trial: until `take_over` it is read, and its pictures thrown away; a file waits with its first one.
        """
        self._after, self._trial = after, trial
        self._on_status(self, self._announced)
        self._thread.start()

    @property
    def place(self) -> Place:
        """Where its frames and its time have come to."""
        return self._delivery.place

    def resume(self, place: Place) -> None:
        """To be called before the start: frames and time are counted on from there."""
        self._delivery.follow(place)

    def take_over(self, other: Camera) -> None:
        """From the next frame on they are counted on from those of the other, and so is their time. From any thread."""
        self._other = other
        self._turned.set()

    def enable(self, enabled: bool) -> None:
        """Opens the source, or closes it and rests; returns at once. One that has ended stays so."""
        if enabled:
            self._halt.clear()  # before it is wanted, else what is opened in between ends at once
            self.enabled = True
            self._turned.set()
        else:
            self.enabled = False
            self._interrupt()

    def change(self, config: CameraConfig) -> None:
        """From now on this holds, of what needs no other source: motion. From any thread."""
        self.config = config
        self._delivery.change(config)

    def stop(self) -> None:
        """Asks the thread to end and returns at once. A read FFmpeg blocks in may last until `timeout`."""
        self._stop.set()
        self._turned.set()
        self.mailbox.close()
        self._interrupt()

    def _interrupt(self) -> None:
        self._halts += 1
        self._halt.set()
        self._turned.set()
        source = self._source
        if source is not None:
            source.interrupt()

    def join(self, timeout: float) -> bool:
        """Whether the thread has ended within `timeout` seconds. It is a daemon: it never holds the process."""
        if self._thread.ident is not None:
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def status(self, now: float) -> CameraStatus:
        """The state at `now` (time.monotonic()): stalled is a read that takes too long, even one that never returns."""
        status, reading = self._status, self._reading
        if status.state == "online" and reading is not None:
            since, source = reading
            silent = 0.0 if isinstance(source, Skips) and source.skipping else now - since
            if silent > self._stall_after():
                if self._announced.state == "stalled":
                    return self._announced
                return replace(status, state="stalled", since=time.time(), error=f"no picture for {silent:.0f} s")
        return status

    def poll(self, now: float) -> None:
        """To be called about once a second from another thread: the camera's own may hang in the decoder."""
        status = self.status(now)
        if status.state == "stalled" and self._announced.state != "stalled":
            self._log.warning("stalled: %s", status.error)
        self._announce(status)
        reading = self._reading
        patience = max(STARVED, self._stall_after()) + self.config.timeout
        if reading is not None and reading[1] is self._source and now - reading[0] > patience:
            reading[1].interrupt()  # bytes that drip keep a read alive for ever

    def _stall_after(self) -> float:
        rate = self._info.fps if self._info else 0.0
        return max(min(2.0, self.config.timeout / 2), STALLED * (1 / rate if rate else self._delivery.pause))

    def _announce(self, status: CameraStatus) -> None:
        last, self._announced = self._announced, status
        if replace(status, attempts=0) != replace(last, attempts=0):
            self._on_status(self, status)

    def _set(self, state: State, error: str = "", *, attempts: int = 0) -> None:
        info = self._info or SourceInfo()
        width, height = rotated(info.width, info.height, turned(self.config.rotate, info))
        decoder = f"{info.decoder} ({info.note})" if info.note else info.decoder
        since = self._announced.since if state == self._announced.state else time.time()
        self._status = CameraStatus(state, since, error, width, height, info.fps, decoder, attempts)
        self._announce(self._status)

    def _run(self) -> None:
        if self._after is not None:
            self._after.join(self.config.timeout)
            self._follow(self._after)
            self._after = None
        while not self._stop.is_set():
            began, halts = time.monotonic(), self._halts  # first, so that no halt falls between
            if not self.enabled:
                self._rest()
                continue
            failure = self._attempt()
            if halts != self._halts:  # and perhaps wanted again by now
                continue
            if failure is not None:
                self._wait_after(failure, time.monotonic() - began)
            elif not self.config.loop:
                self._set("ended")
                self.mailbox.ended = True
                self.mailbox.wake()
                self._log.info("ended after %d frames", self.frames)
                break

    def _attempt(self) -> str | None:
        """Plays the source once; why that failed, None if it came to its end."""
        try:
            self._play()
        except SourceError as error:
            return str(error)
        except Exception as error:  # noqa: BLE001 - a camera that stops retrying is blind for good
            return redact(f"unexpected {type(error).__name__}: {error}")
        return None

    def _wait_after(self, failure: str, lasted: float) -> None:
        """lasted: seconds from the opening."""
        if self._status.state == "online":
            self._attempts = 0
            if lasted > SETTLED:
                self._backoff.reset()
        self._attempts += 1
        self._fail(failure, self._attempts)
        self._halt.wait(self._backoff.delay())
        self.reconnects += 1

    def _rest(self) -> None:
        """Until it is wanted again."""
        if self.enabled or self._stop.is_set():  # in between
            return
        self._reading = None
        self._backoff.reset()
        self._log.info("disabled")
        self._set("disabled")
        self._await(lambda: self.enabled or self._stop.is_set())
        if not self._stop.is_set():
            self._set("connecting")

    def _await(self, come: Callable[[], bool]) -> None:
        """Until it has come; whoever makes it come sets `_turned` afterwards."""
        while not come():
            self._turned.wait()
            self._turned.clear()

    def _fail(self, failure: str, attempts: int) -> None:
        tried = self._trial and self._other is None
        text = f"the new source does not work: {failure}" if tried else f"offline: {failure}"
        if text != self._logged:
            self._logged = text
            # What is only tried has no event: the camera may be online with the source it has.
            (log if tried else self._log).warning(text, extra={"CAMERA": self.config.id})
        self._set("offline", failure, attempts=attempts)

    def _play(self) -> None:
        """One opening of the source to its end. Raises SourceError."""
        source = open_source(self.config, self._halt.is_set)
        self._source = source
        self._delivery.restart()
        try:
            self._reading = time.monotonic(), source
            for decoded in source.frames():
                self._reading = None
                self._delivery.note(decoded.arrived)
                self._inform(source)
                self._deliver(decoded)
                if self._halt.is_set():
                    return
                self._reading = time.monotonic(), source
        finally:
            self._source = None
            self._corrupt += source.corrupt
            if isinstance(source, Skips):
                self.mailbox.skip(source.skipped)
            source.close()

    def _inform(self, source: Source) -> None:
        info = source.info
        if info is self._info and self._announced.state == "online":
            return
        if info.decoder and (self._info is None or info.decoder != self._info.decoder):
            note = f" ({info.note})" if info.note else ""
            log.info("decoding with %s%s", info.decoder, note, extra={"CAMERA": self.config.id})
        if self._announced.state != "online":
            self._log.info("online, %dx%d", info.width, info.height)
            self._logged = ""
        self._info = info
        self._delivery.expect(info)
        self._set("online")

    def _follow(self, other: Camera) -> None:
        before = other._after or other._other  # it has not come to deliver anything itself
        if before is not None:
            self._follow(before)
        self._delivery.follow(other.place)

    def _deliver(self, decoded: Decoded) -> None:
        if self._trial and not self.config.live:
            self._await(lambda: self._other is not None or self._halt.is_set())
        if self._other is not None:
            self._follow(self._other)
            self._other, self._trial = None, False
        if self._trial:
            return
        self._delivery.put(decoded)
