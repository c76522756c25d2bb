"""The demo where its reader goes away; what it shows is held by tests/e2e/docs."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.brokers import MOSQUITTO, MOSQUITTO_MISSING

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.skipif(MOSQUITTO is None, reason=MOSQUITTO_MISSING)
def test_a_demo_that_nobody_reads_any_more_ends_quietly(person_model: str, tmp_path: Path) -> None:
    """`vedette demo | head -1`"""
    command = [sys.executable, "-m", "agent.cli", "demo"]
    environment = {**os.environ, "STATE_DIRECTORY": str(tmp_path)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        assert demo.stderr is not None
        assert demo.stdout.readline().startswith("broker ")
        demo.stdout.close()
        assert "Traceback" not in demo.stderr.read()
        assert demo.wait(10) == 0


def test_without_room_for_temporary_files_it_says_so(person_model: str) -> None:
    program = "import sys, tempfile; tempfile.tempdir = '/none'; from agent.cli import main; sys.exit(main(['demo']))"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, "Traceback" in ended.stderr, "/none" in ended.stderr) == (1, False, True), ended.stderr
