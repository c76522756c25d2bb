"""Where log lines go: journald with fields under systemd, readable key=value lines on standard error else."""

from __future__ import annotations

import logging
import os
import sys
import time
from typing import TYPE_CHECKING, Any

from agent.config.redact import redact
from agent.publish.bucket import Bucket
from agent.publish.clock import isotime
from agent.publish.tail.ring import Ring
from agent.publish.tail.tail import LEVELS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

LINES_A_SECOND, BURST = 200, 2000
_LEFT_OUT = "%d lines were left out: too many at once"
FIELDS = ("CAMERA", "ENGINE", "BACKEND", "EVENT")


class _Redacted(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


class _KeyValue(logging.Formatter):
    """Such as: 2026-11-23T18:00:00.123Z info capture: online camera=gate.."""

    def format(self, record: logging.LogRecord) -> str:
        name = record.name.removeprefix("vedette.")
        fields = "".join(f" {f.lower()}={getattr(record, f)}" for f in FIELDS if hasattr(record, f))
        line = f"{isotime(record.created)} {record.levelname.lower():7} {name}: {record.getMessage()}{fields}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return redact(line)


class _Bounded(logging.Filter):
    """Lets no flood through to a handler: what is left out is counted, and told once there is room again."""

    def __init__(self, handler: logging.Handler) -> None:
        super().__init__()
        self._handler = handler
        self._bucket = Bucket(LINES_A_SECOND, BURST)
        self._left_out = 0

    def filter(self, record: logging.LogRecord) -> bool:
        if record.msg is _LEFT_OUT:
            return True
        if not self._bucket.take(time.monotonic()):
            self._left_out += 1
            return False
        number, self._left_out = self._left_out, 0
        if number:
            about = {"name": "vedette.log", "levelno": logging.WARNING, "levelname": "WARNING"}
            self._handler.handle(logging.makeLogRecord({**about, "msg": _LEFT_OUT, "args": (number,)}))
        return True


class Log:
    """Replaces the root logger's handlers; `ring` is one of them, for those who read over MQTT.

    level: debug, info, warning or error: the least that the log shows.
    """

    def __init__(self, level: str) -> None:
        self.ring = Ring(FIELDS)
        self._out = _journal() or _standard_error()
        self._out.addFilter(_Bounded(self._out))
        self._read: int | None = None
        self.level = level
        root = logging.getLogger()
        root.handlers[:] = [self._out, self.ring]
        root.setLevel(logging.WARNING)
        self.show(level)

    def also(self, handler: logging.Handler) -> None:
        """What is shown goes there, too, as readable lines; bounded and redacted alike."""
        handler.setFormatter(_KeyValue())
        handler.addFilter(_Bounded(handler))
        logging.getLogger().addHandler(handler)

    def show(self, level: str) -> None:
        """From now on the log shows this level."""
        self.level = level
        self._out.setLevel(LEVELS[level])
        self._apply()

    def read(self, level: int | None) -> None:
        """Somebody reads the ring from this level on, None for nobody; what the log shows stays."""
        self._read = level
        self._apply()

    def _apply(self) -> None:
        shown = LEVELS[self.level]
        logging.getLogger("vedette").setLevel(shown if self._read is None else min(shown, self._read))


def _standard_error() -> logging.Handler:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_KeyValue())
    return handler


class _Journal(logging.Handler):
    """Not the handler of systemd-python, which adds arguments and traceback as fields that no formatter redacts."""

    _PRIORITIES = ((logging.ERROR, "3"), (logging.WARNING, "4"), (logging.INFO, "6"))

    def __init__(self, send: Callable[..., Any]) -> None:
        super().__init__()
        self._send = send

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._send(
                self.format(record),
                PRIORITY=next((name for level, name in self._PRIORITIES if record.levelno >= level), "7"),
                SYSLOG_IDENTIFIER="vedette",
                LOGGER=record.name,
                THREAD_NAME=record.threadName or "",
                CODE_FILE=record.pathname,
                CODE_LINE=record.lineno,
                CODE_FUNC=record.funcName,
                **{field: redact(str(getattr(record, field))) for field in FIELDS if hasattr(record, field)},
            )
        except Exception:  # noqa: BLE001 - as every handler of logging: what cannot be logged must not end its caller
            self.handleError(record)


def _journal() -> logging.Handler | None:
    """Journald's handler when standard error is the journal and systemd-python is installed."""
    if not _stderr_is_journal():
        return None
    try:
        from systemd.journal import send
    except ImportError:
        return None
    handler = _Journal(send)
    handler.setFormatter(_Redacted("%(message)s"))
    return handler


def _stderr_is_journal() -> bool:
    """$JOURNAL_STREAM alone proves nothing: a terminal's shell inherits it from the desktop (systemd.exec(5))."""
    try:
        stat = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{stat.st_dev}:{stat.st_ino}"


def show_warnings(warnings: Iterable[object]) -> None:
    """What the config allows but should not stay so."""
    for warning in warnings:
        logging.getLogger("vedette.config").warning("%s", warning)
