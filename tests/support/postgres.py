"""A real PostgreSQL of a test, in a folder of its own, that only its socket leads to."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

USER = "postgres"


class Postgres:
    """folder: where the socket is. Who may open that is believed to be whom he says he is."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self.folder = folder
        self._programs, self._data, self._runs = programs, folder / "data", False
        self._run("initdb", "-D", str(self._data), "-A", "trust", "--no-sync", "-E", "UTF8", "--locale", "C")

    def start(self) -> None:
        options = f"-k {self.folder} -c listen_addresses='' -c fsync=off"
        log = str(self.folder / "log")
        self._run("pg_ctl", "-D", str(self._data), "-w", "-t", "30", "-l", log, "-o", options, "start")
        self._runs = True

    def stop(self) -> None:
        """If it runs."""
        if not self._runs:
            return
        self._runs = False
        self._run("pg_ctl", "-D", str(self._data), "-m", "immediate", "stop")

    def ask(self, sql: str, database: str = USER) -> list[list[str]]:
        """The rows."""
        words = ("-h", str(self.folder), "-d", database, "-v", "ON_ERROR_STOP=1", "-qAtX", "-F", "\t")
        return [line.split("\t") for line in self._run("psql", *words, text=sql).splitlines()]

    def _run(self, program: str, *words: str, text: str = "") -> str:
        command = ["runuser", "-u", USER, "--", str(self._programs / program), *words]
        done = subprocess.run(
            command, input=text, cwd=self.folder, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@contextmanager
def postgres() -> Iterator[Postgres]:
    """One that runs; skips the test where it is not installed."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not programs or os.geteuid() != 0 or shutil.which("runuser") is None:
        pytest.skip("PostgreSQL is not installed, or this is not root (apt install postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="vedette-pg-"))  # not below pytest's own, which is root's alone
    shutil.chown(folder, USER, USER)
    server = Postgres(programs[-1], folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)
