"""`vedette run` as a process of its own, and what can be seen of it from outside."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.audience import DEVICE
from tests.support.brokers import HOST

if TYPE_CHECKING:
    from collections.abc import Mapping

VEDETTE = [sys.executable, "-m", "agent.cli"]
STOP_SECONDS = 2.0
"""What a clean stop may take."""
BUSY_SECONDS = 1.0
"""What it may take longer where four tests run at a time on two cores."""


UNMEASURED = {"mode": "latency"}
"""`engine` for models that nobody has measured yet: that would keep all cores busy for two seconds."""


def config(port: int, cameras: Mapping[str, object], own: str = "", **more: object) -> str:
    """A config as YAML (of which JSON is a part). port: the broker's. own: a model of the test, left unmeasured."""
    content = {"device": DEVICE, "mqtt": {"url": f"mqtt://{HOST}:{port}"}, "cameras": cameras}
    return json.dumps({**content, **({"model": own, "engine": UNMEASURED} if own else {}), **more})


class Daemon:
    """One `vedette run` in a state directory of its own below `folder`."""

    def __init__(self, folder: Path, text: str, environment: Mapping[str, str] | None = None) -> None:
        self.state = folder / "state"
        self.file = folder / "vedette.yaml"
        self.file.write_text(text)
        self._log = folder / "vedette.log"
        own = {"STATE_DIRECTORY": str(self.state), "PYTHONWARNINGS": "default", **(environment or {})}
        drop = ("RUNTIME_DIRECTORY", "NOTIFY_SOCKET", "JOURNAL_STREAM")
        self.environment = {k: v for k, v in os.environ.items() if k not in drop} | own
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*VEDETTE, "run", "-c", str(self.file)], env=self.environment, stdout=log, stderr=log
            )

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None
        return self._process

    @property
    def pid(self) -> int:
        return self.process.pid

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def wait(self, timeout: float) -> int:
        """The exit code."""
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {timeout} s: {self.log()}") from None

    def stop(self, signum: signal.Signals = signal.SIGTERM) -> float:
        """Asks it to stop; returns the seconds it took."""
        began = time.monotonic()
        self.process.send_signal(signum)
        code = self.wait(10)
        assert code == 0, f"exit code {code}: {self.log()}"
        return time.monotonic() - began

    def status(self) -> dict[str, Any]:
        """The status file; empty where there is none."""
        try:
            found: dict[str, Any] = json.loads((self.state / "status.json").read_text())
        except FileNotFoundError:
            return {}
        return found

    def ready(self) -> bool:
        assert self.process.poll() is None, f"it ended with {self.process.returncode}: {self.log()}"
        return bool(self.status().get("ready"))

    def verb(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Another command of vedette in the same surroundings."""
        command = [*VEDETTE, *arguments]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=30, check=False)

    def end(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(5)
