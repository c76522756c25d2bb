"""The descriptors between the daemon and a worker process: a real process, and a kernel that refuses one of them."""

from __future__ import annotations

import errno
import os
import select
import time
from pathlib import Path

import pytest

from agent.dispatch.worker import WorkerProcess
from backends.registry.registered import Registered
from tests.support.processes import descriptors_of

FAKE = Registered("fake", "backends.testing.fake:Fake", "")
QUIET = """
import os

os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
os.dup2(1, 2)

from backends.testing.fake import Fake
"""


@pytest.mark.parametrize(("call", "which"), [("pipe", 1), ("pipe", 2), ("memfd_create", 1)])
def test_a_start_that_fails_half_way_keeps_no_descriptor(
    monkeypatch: pytest.MonkeyPatch, call: str, which: int
) -> None:
    """Of those that are ours: `subprocess` loses one of its own until Python 3.11.4."""
    real, calls = getattr(os, call), []

    def refused(*arguments: object, **more: object) -> object:
        calls.append(arguments)
        if len(calls) == which:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return real(*arguments, **more)

    before = descriptors_of(os.getpid())
    with monkeypatch.context() as patch:
        patch.setattr(os, call, refused)
        with pytest.raises(OSError, match="Too many open files"):
            WorkerProcess(FAKE)
    assert len(calls) == which
    assert descriptors_of(os.getpid()) == before


def test_an_output_that_has_ended_is_waited_for_no_more(tmp_path: Path) -> None:
    """It would be readable for ever."""
    (tmp_path / "quiet.py").write_text(QUIET)
    worker = WorkerProcess(Registered("quiet", "quiet:Fake", "", path=(str(tmp_path),)))
    try:
        deadline = time.monotonic() + 20
        while len(worker.filenos()) == 2:
            left = deadline - time.monotonic()
            assert left > 0
            if worker.filenos()[1] in select.select(worker.filenos()[1:], [], [], left)[0]:
                worker.output_lines()
        (replies,) = worker.filenos()
        assert select.select([replies], [], [], 20)[0]
        assert worker.receive()[0]["op"] == "hello"
    finally:
        worker.close(5.0)
