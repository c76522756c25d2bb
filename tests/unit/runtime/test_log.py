"""Log lines: readable, with fields, and without secrets."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from agent.config.secrets import Secret
from agent.runtime import log

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = Secret("hunter2-hunter2")


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger("vedette")
    before = (root.handlers[:], root.level, ours.level)
    yield
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    ours.setLevel(before[2])


def say_something_careless() -> None:
    """As a library would: the secret in an argument, in the message, in an exception and in a field."""
    logger = logging.getLogger("vedette.capture")
    try:
        Path(f"/nowhere/{SECRET.reveal()}").read_bytes()
    except OSError:
        logger.exception("%s of %s", SECRET.reveal(), "gate", extra={"CAMERA": f"rtsp://u:{SECRET.reveal()}@h/"})


def test_standard_error_gets_readable_lines(capsys: pytest.CaptureFixture[str]) -> None:
    log.Log("info")
    logging.getLogger("vedette.capture").info("online, %dx%d", 768, 576, extra={"CAMERA": "gate"})
    line = capsys.readouterr().err
    moment, level, *rest = line.split()
    assert (level, " ".join(rest)) == ("info", "capture: online, 768x576 camera=gate")
    assert moment.endswith("Z")


def test_standard_error_gets_no_secret(capsys: pytest.CaptureFixture[str]) -> None:
    log.Log("info")
    say_something_careless()
    text = capsys.readouterr().err
    assert "No such file or directory: '/nowhere/***'" in text
    assert SECRET.reveal() not in text


def test_journald_gets_fields_and_no_secret() -> None:
    """systemd-python's own handler would send the arguments and the traceback as they are."""
    sent: list[dict[str, Any]] = []
    handler = log._Journal(lambda message, **fields: sent.append({"MESSAGE": message, **fields}))
    handler.setFormatter(log._Redacted("%(message)s"))
    logging.getLogger().handlers[:] = [handler]
    say_something_careless()
    (entry,) = sent
    assert entry["PRIORITY"] == "3"
    assert entry["CAMERA"] == "rtsp://***@h/"
    assert entry["CODE_FUNC"] == "say_something_careless"
    assert entry["MESSAGE"].startswith("*** of gate\nTraceback")
    assert SECRET.reveal() not in str(entry)


def test_an_inherited_journal_stream_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A desktop's terminal has it in its environment too."""
    monkeypatch.setenv("JOURNAL_STREAM", "8:12345")
    monkeypatch.setattr(sys, "stderr", sys.__stderr__)
    log.Log("info")
    handler, _ = logging.getLogger().handlers
    assert isinstance(handler, logging.StreamHandler)


@pytest.mark.parametrize(("level", "shown"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)])
def test_the_level_is_ours_alone(level: str, shown: int, capsys: pytest.CaptureFixture[str]) -> None:
    log.Log(level)
    for method in ("debug", "info", "warning", "error"):
        getattr(logging.getLogger("vedette.x"), method)("ours")
    logging.getLogger("stranger").info("theirs")
    assert capsys.readouterr().err.count("ours") == shown


def test_a_flood_is_bounded_and_what_is_left_out_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr("agent.runtime.log.time.monotonic", lambda: now)
    log.Log("info")
    logger = logging.getLogger("vedette.capture")
    for n in range(log.BURST + 100):
        logger.info("line %d", n)
    assert len(capsys.readouterr().err.splitlines()) == log.BURST
    now = 1.0
    logger.info("again")
    first, second = capsys.readouterr().err.splitlines()
    assert first.endswith("log: 100 lines were left out: too many at once")
    assert second.endswith("capture: again")
