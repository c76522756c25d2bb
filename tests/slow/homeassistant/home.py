"""A real Home Assistant as a process of a test, without its web pages.

It insists on having those ("frontend"), so an empty integration stands in for them; nothing of MQTT is in there.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import subprocess
import time
import urllib.request
from typing import TYPE_CHECKING, Any

from tests.support.brokers import HOST, free_port

if TYPE_CHECKING:
    from pathlib import Path

ASKING = __file__.replace("home.py", "asking.py")
OURS = ("custom integration frontend", "Skipping pip installation", "running Python version", "zlib_ng")
"""What it complains of because of how it is run here."""
_NOW = "2026-01-01T00:00:00+00:00"


class Home:
    """folder: its configuration and memory, kept over restarts. venv: of its version."""

    def __init__(self, folder: Path, venv: Path, broker_port: int) -> None:
        self._folder = folder
        self._venv = venv
        self._port = free_port()
        self._key, self._refresh = secrets.token_hex(64), secrets.token_hex(16)
        self._process: subprocess.Popen[bytes] | None = None
        storage = folder / ".storage"
        storage.mkdir(parents=True)
        (folder / "configuration.yaml").write_text(
            f"http:\n  server_host: {HOST}\n  server_port: {self._port}\n"
            "frontend:\napi:\nconfig:\nlogger:\n  default: info\n"
        )
        pages = folder / "custom_components/frontend"
        pages.mkdir(parents=True)
        manifest = {"domain": "frontend", "name": "none", "version": "1.0", "dependencies": ["http", "websocket_api"]}
        (pages / "manifest.json").write_text(json.dumps(manifest))
        (pages / "__init__.py").write_text("async def async_setup(hass, config):\n    return True\n")
        entry = {
            "created_at": _NOW,
            "modified_at": _NOW,
            "data": {"broker": HOST, "port": broker_port},
            "disabled_by": None,
            "discovery_keys": {},
            "domain": "mqtt",
            "entry_id": "0" * 26,
            "minor_version": 1,
            "options": {},
            "pref_disable_new_entities": False,
            "pref_disable_polling": False,
            "source": "user",
            "subentries": [],
            "title": "broker",
            "unique_id": None,
            "version": 1,
        }
        self._store("core.config_entries", {"entries": [entry]})
        user = "1" * 32
        self._store(
            "auth",
            {
                "users": [
                    {
                        "id": user,
                        "group_ids": ["system-admin"],
                        "is_owner": True,
                        "is_active": True,
                        "name": "test",
                        "system_generated": False,
                        "local_only": False,
                    }
                ],
                "groups": [{"id": "system-admin", "name": "Administrators"}],
                "credentials": [],
                "refresh_tokens": [
                    {
                        "id": self._refresh,
                        "user_id": user,
                        "client_id": None,
                        "client_name": "test",
                        "client_icon": None,
                        "token_type": "long_lived_access_token",
                        "created_at": _NOW,
                        "access_token_expiration": 315360000.0,
                        "token": secrets.token_hex(64),
                        "jwt_key": self._key,
                        "last_used_at": None,
                        "last_used_ip": None,
                        "expire_at": None,
                        "credential_id": None,
                        "version": "2024.3.3",
                    }
                ],
            },
        )

    def start(self) -> None:
        command = [str(self._venv / "bin/hass"), "-c", str(self._folder), "--skip-pip"]
        with (self._folder / "out.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        self.wait(lambda: self.get("/api/config")["state"] == "RUNNING", 120)

    def stop(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(5)
        self._process = None

    def log(self) -> str:
        return (self._folder / "out.log").read_text(errors="replace")

    def complaints(self, *levels: str) -> list[str]:
        """The lines of its log that are errors, or of `levels` too."""
        words = [f" {level} (" for level in ("ERROR", *levels)]
        lines = [line for line in self.log().splitlines() if any(word in line for word in words)]
        return [line for line in lines if not any(text in line for text in OURS)]

    def get(self, path: str) -> Any:
        return self._http(path, None)

    def states(self) -> dict[str, dict[str, Any]]:
        return {state["entity_id"]: state for state in self.get("/api/states")}

    def state(self, entity: str) -> str | None:
        return self.states().get(entity, {}).get("state")

    def call(self, service: str, entity: str, **data: Any) -> None:
        """service: as in `switch/turn_off`."""
        self._http(f"/api/services/{service}", {"entity_id": entity, **data})

    def ask(self, *kinds: str) -> list[Any]:
        """The results of websocket commands without arguments."""
        questions = json.dumps([{"type": kind} for kind in kinds])
        command = [str(self._venv / "bin/python"), ASKING, f"ws://{HOST}:{self._port}/api/websocket"]
        done = subprocess.run(
            [*command, self._token(), questions], capture_output=True, text=True, timeout=40, check=True
        )
        return list(json.loads(done.stdout))

    def entities(self) -> dict[str, dict[str, Any]]:
        """The entity registry's entries of MQTT, by unique id."""
        found = self.ask("config/entity_registry/list")[0]
        return {entry["unique_id"]: entry for entry in found if entry["platform"] == "mqtt"}

    def wait(self, what: Any, seconds: float = 20.0) -> None:
        deadline = time.monotonic() + seconds
        while True:
            assert self._process is not None
            assert self._process.poll() is None, self.log()[-3000:]
            try:
                if what():
                    return
            except (OSError, LookupError):
                pass
            assert time.monotonic() < deadline, f"not within {seconds} s: {self.log()[-3000:]}"
            time.sleep(0.2)

    def _store(self, key: str, data: dict[str, Any]) -> None:
        body = {"version": 1, "minor_version": 1, "key": key, "data": data}
        (self._folder / ".storage" / key).write_text(json.dumps(body))

    def _token(self) -> str:
        def part(data: bytes) -> str:
            return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

        now = int(time.time())
        claims = {"iss": self._refresh, "iat": now, "exp": now + 86400}
        text = ".".join(part(json.dumps(piece).encode()) for piece in ({"alg": "HS256", "typ": "JWT"}, claims))
        return f"{text}.{part(hmac.new(self._key.encode(), text.encode(), hashlib.sha256).digest())}"

    def _http(self, path: str, body: Any) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://{HOST}:{self._port}{path}", data)
        request.add_header("Authorization", f"Bearer {self._token()}")
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read())
