"""A mosquitto, a PostgreSQL, and between them Telegraf with the file that we ship: only addresses are others."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import telegraf
from tests.support.brokers import HOST, free_port, make_certificates, mosquitto_process, wait_for

if TYPE_CHECKING:
    from tests.support.postgres import Postgres

CONFIG = telegraf.FILE.parents[1]
PASSWORD = "word"
PROGRAM = "VEDETTE_TELEGRAF"
PATIENCE_S = 40.0
ZONE = "Asia/Tokyo"
"""Where Telegraf runs; what it writes must not show it."""
READY = re.compile(r"Connected \[ssl:")
TROUBLE = re.compile(r"^\S+ [EW]! .*$", re.MULTILINE)
OF_ALL = "skip_processors_after_aggregators"
"""A warning to everybody who does not set this, in 1.35; what it is about is not in our file."""


def program() -> str:
    found = os.environ.get(PROGRAM) or shutil.which("telegraf")
    if found is None:
        pytest.skip(f"Telegraf is not on the PATH, nor named by {PROGRAM}")
    version = subprocess.run([found, "version"], capture_output=True, text=True, timeout=30, check=True).stdout
    print(f"\n{version.strip()}", flush=True)
    return found


class Stage:
    """folder: empty. sites: whether its devices have a prefix. Our ACLs hold for Telegraf; devices are anonymous."""

    def __init__(self, program: str, folder: Path, database: Postgres, *, sites: bool) -> None:
        self.folder, self.database = folder, database
        self._telegraf: subprocess.Popen[bytes] | None = None
        self._program, self._started = program, 0
        make_certificates(folder, HOST)
        acl = CONFIG / ("fleet/central.acl" if sites else "mosquitto/vedette.acl")
        (folder / "acl").write_text(f"topic readwrite #\n\n{acl.read_text()}")
        (folder / "acl").chmod(0o600)
        passwords = ("mosquitto_passwd", "-b", "-c", str(folder / "users"), "telegraf", PASSWORD)
        subprocess.run(passwords, check=True, timeout=10)
        secure, self.listen = free_port(), f"{HOST}:{free_port()}"
        queue = "max_queued_messages 10000"
        assert queue in (CONFIG / "mosquitto/mosquitto.conf").read_text()
        self.broker = mosquitto_process(
            folder,
            "allow_anonymous true",
            "log_type subscribe",
            "log_type error",
            queue,
            f"acl_file {folder}/acl",
            f"password_file {folder}/users",
            f"listener {secure} {HOST}",
            f"certfile {folder}/server.pem",
            f"keyfile {folder}/server.key",
        )
        shipped = telegraf.FILE.read_text()
        self.text = telegraf.with_sites(shipped) if sites else shipped
        self._replace("servers", f'["ssl://{HOST}:{secure}"]', 3)
        self._replace("tls_ca", f'"{folder}/ca.pem"', 3)
        self._replace("listen", f'"{self.listen}"', 1)
        self._replace("connection", f'"host={database.folder} user=telegraf dbname=vedette"', 2)
        database.ask("CREATE ROLE telegraf LOGIN")
        database.ask("CREATE DATABASE vedette OWNER telegraf")

    def _replace(self, key: str, value: str, times: int) -> None:
        self.text, found = re.subn(rf"^  {key} = .*$", f"  {key} = {value}", self.text, flags=re.MULTILINE)
        assert found == times, key

    @property
    def consumers(self) -> dict[str, dict[str, Any]]:
        return {consumer["name_override"]: consumer for consumer in telegraf.inputs(self.text)}

    def start(self) -> None:
        """Until it hears."""
        self.launch()
        wait_for(self._hears, PATIENCE_S, "it does not connect")

    def launch(self) -> None:
        (self.folder / "telegraf.conf").write_text(self.text)
        command = [self._program, "--config", str(self.folder / "telegraf.conf")]
        environment = {**os.environ, "VEDETTE_MQTT_PASSWORD": PASSWORD, "TZ": ZONE}
        with (self.folder / "telegraf.log").open("ab") as log:
            self._telegraf = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        self._started += 1

    def _hears(self) -> bool:
        assert self._telegraf is not None
        assert self._telegraf.poll() is None, self.log()
        asked = self.broker.log()
        topics = [topic for consumer in self.consumers.values() for topic in consumer["topics"]]
        return len(READY.findall(self.log())) >= 3 * self._started and all(f" {topic}\n" in asked for topic in topics)

    def end(self) -> None:
        """As systemd ends it."""
        if self._telegraf is not None:
            self._telegraf.terminate()
            self._telegraf.wait(30)

    def kill(self) -> None:
        assert self._telegraf is not None
        self._telegraf.kill()
        self._telegraf.wait(5)

    def close(self) -> None:
        self.end()
        self.broker.kill()

    def log(self) -> str:
        return (self.folder / "telegraf.log").read_text()

    def trouble(self) -> list[str]:
        """What it complained of."""
        return [line for line in TROUBLE.findall(self.log()) if OF_ALL not in line]

    def ask(self, sql: str) -> list[list[str]]:
        return self.database.ask(f"SET ROLE telegraf; {sql}", "vedette")

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Without what is null; none where the table is not there yet. `time` is written as ours."""
        if self.ask(f"SELECT to_regclass('{table}')") == [[""]]:
            return []
        time = """jsonb_build_object('time', to_char(time, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))"""
        found = self.ask(f"SELECT jsonb_strip_nulls(to_jsonb(t) || {time}) FROM {table} t ORDER BY t.time")
        return [json.loads(row) for (row,) in found]

    def count(self, table: str, number: int) -> None:
        """Until there are as many."""

        def enough() -> bool:
            return len(self.rows(table)) >= number

        wait_for(enough, PATIENCE_S, lambda: f"fewer than {number} in {table}: {self.log()}")
        assert len(self.rows(table)) == number

    def metrics(self) -> str:
        with urllib.request.urlopen(f"http://{self.listen}/metrics", timeout=10) as answer:
            text: str = answer.read().decode()
        return text
