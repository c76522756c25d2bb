"""What a backend says of itself, asked in a child that may hang or die of it."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from backends.contract import Device
from backends.protocol import PROBE_SECONDS, VERSION, LineReader, Message, ProtocolError, encode

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from backends.artifact import Artifact
    from backends.registry.registered import Registered

_AT_ONCE = 4
_LEAVE_SECONDS = 2.0
_TAIL = 8192


@dataclass(frozen=True, slots=True)
class Report:
    """What a backend said of itself in a child. status: available, unavailable or broken."""

    name: str
    distribution: str
    status: str
    reason: str
    hint: str
    devices: tuple[Device, ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Survey:
    """refusals: of each artifact asked about, None or why the backend cannot run it; () where it could not be asked."""

    report: Report
    refusals: tuple[str | None, ...] = ()


def survey_all(
    backends: Iterable[Registered], artifacts: Sequence[Artifact] = (), timeout: float = PROBE_SECONDS
) -> list[Survey]:
    """`survey` of each, several side by side, in the given order."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(lambda backend: survey(backend, artifacts, timeout), backends))


def survey(backend: Registered, artifacts: Sequence[Artifact] = (), timeout: float = PROBE_SECONDS) -> Survey:
    """The backend's devices, and which artifacts it takes, from a child that is killed after `timeout` seconds.

    Whatever the backend does is a report, never an exception.
    """
    if backend.error:
        return _broken(backend, backend.error, "")
    asked = (encode("accepts", artifact=a.to_json()) for a in artifacts)
    questions = [encode("probe", own=dict(backend.options)), *asked]
    try:
        answers = _ask(backend, questions, timeout)
    except OSError as e:
        return _broken(backend, f"cannot start {backend.interpreter}: {e.strerror}", "")
    return _judge(backend, answers, len(artifacts), timeout)


def probe(backend: Registered, timeout: float = PROBE_SECONDS) -> Report:
    return survey(backend, (), timeout).report


@dataclass(slots=True)
class _Answers:
    """code: how the child ended, None if it had to be killed. said: the last line on its stderr."""

    messages: list[Message] = field(default_factory=list)
    code: int | None = None
    said: str = ""
    nonsense: str = ""


def _ask(backend: Registered, questions: Sequence[bytes], timeout: float) -> _Answers:
    requests, to_child = os.pipe()
    from_child, replies = os.pipe()
    try:
        child = subprocess.Popen(
            backend.command(requests, replies),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            pass_fds=(requests, replies),
            env=backend.environment(),
        )
    except OSError:
        os.close(to_child)
        os.close(from_child)
        raise
    finally:
        os.close(requests)
        os.close(replies)
    assert child.stderr is not None
    try:
        return _Talk(child, to_child, from_child, child.stderr.fileno()).hold(questions, timeout)
    finally:
        child.stderr.close()
        os.close(to_child)
        os.close(from_child)


class _Talk:
    """One conversation: neither side's full pipe can block the other."""

    def __init__(self, child: subprocess.Popen[bytes], to_child: int, from_child: int, stderr: int) -> None:
        self._child = child
        self._to, self._from, self._stderr = to_child, from_child, stderr
        self._reader = LineReader(from_child)
        self._tail = b""
        for descriptor in (to_child, from_child, stderr):
            os.set_blocking(descriptor, False)

    def hold(self, questions: Sequence[bytes], timeout: float) -> _Answers:
        answers = _Answers()
        try:
            self._exchange(b"".join(questions), len(questions) + 1, answers, time.monotonic() + timeout)
        except ProtocolError as e:
            answers.nonsense = str(e)
        answers.code = self._end(1.0 if self._reader.ended else 0.0)
        self._listen()
        lines = [line for line in self._tail.decode(errors="replace").splitlines() if line.strip()]
        answers.said = lines[-1].strip() if lines else ""
        return answers

    def _exchange(self, data: bytes, expected: int, answers: _Answers, deadline: float) -> None:
        """Until all answers (hello, and one a question) are there, or there will be no more."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._from, selectors.EVENT_READ)
            selector.register(self._stderr, selectors.EVENT_READ)
            selector.register(self._to, selectors.EVENT_WRITE)
            while len(answers.messages) < expected and not self._reader.ended:
                ready = selector.select(deadline - time.monotonic())
                if not ready and time.monotonic() >= deadline:
                    return
                for key, _ in ready:
                    if key.fd == self._from:
                        answers.messages += self._reader.drain()
                    elif key.fd == self._stderr and not self._listen():
                        selector.unregister(self._stderr)
                    elif key.fd == self._to:
                        data = self._write(data)
                        if not data:
                            selector.unregister(self._to)

    def _write(self, data: bytes) -> bytes:
        try:
            return data[os.write(self._to, data) :]
        except BlockingIOError:
            return data
        except BrokenPipeError:
            return b""

    def _listen(self) -> bool:
        """False when nobody holds the other end any more."""
        try:
            chunk = os.read(self._stderr, 65536)
        except BlockingIOError:
            return True
        self._tail = (self._tail + chunk)[-_TAIL:]
        return bool(chunk)

    def _end(self, grace: float) -> int | None:
        """The exit code, or None if the child did not end by itself within `grace` seconds."""
        with contextlib.suppress(OSError):
            os.write(self._to, encode("close"))
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._child.wait(grace)
        self._child.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):  # a process stuck in its driver dies later
            self._child.wait(_LEAVE_SECONDS)
        return None


def _judge(backend: Registered, answers: _Answers, asked: int, timeout: float) -> Survey:
    report: Report | None = None
    refusals: list[str | None] = []
    for message in answers.messages:
        if message["op"] == "hello" and message.get("version") != VERSION:
            return _broken(backend, f"its worker speaks version {message.get('version')}, not {VERSION}", "update it")
        if message["op"] == "devices":
            try:
                report = _report(backend, "available", devices=tuple(Device(**d) for d in message["devices"]))
            except (TypeError, KeyError) as e:
                return _broken(backend, f"its probe answers no devices: {e}", "see docs/backends.md")
        if message["op"] == "unavailable":
            report = _report(backend, "unavailable", message.get("reason", ""), message.get("hint", ""))
        if message["op"] == "accepted":
            refusals.append(message.get("refusal"))
    if report is None:
        return _broken(backend, *_cause(backend, answers, timeout))
    return Survey(report, tuple(refusals) if len(refusals) == asked else ())


def _cause(backend: Registered, answers: _Answers, timeout: float) -> tuple[str, str]:
    """Reason and hint for a child that did not answer."""
    if answers.nonsense:
        return f"it wrote {answers.nonsense} where answers belong", "see docs/backends.md"
    if answers.code is None:
        return f"no answer for {timeout:g} s", "its driver or device may hang"
    said = f": {answers.said}" if answers.said else ""
    if answers.code < 0:
        return f"killed by {_signal(-answers.code)} in its import or probe{said}", ""
    if not answers.messages:  # not even hello: our own worker did not come up
        hint = "it must be Python 3.10 or newer, with numpy" if backend.foreign else ""
        return f"{backend.interpreter} does not run the worker: exit code {answers.code}{said}", hint
    return f"exit code {answers.code} in its import or probe{said}", ""


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _broken(backend: Registered, reason: str, hint: str) -> Survey:
    return Survey(_report(backend, "broken", reason, hint))


def _report(
    backend: Registered, status: str, reason: str = "", hint: str = "", devices: tuple[Device, ...] = ()
) -> Report:
    return Report(backend.name, backend.distribution, status, reason, hint, devices)
