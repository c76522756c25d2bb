"""The installed service, as an administrator and a subscriber see it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.support.audience import DEVICE, TOPICS
from tests.support.brokers import HOST, wait_for

if TYPE_CHECKING:
    from tests.support.audience import Audience
    from tests.support.container import Container

PASSWORD = "corr3ct-h0rse"
# A credential, as an administrator would add it.
DROP_IN = f"""[Service]
SetCredential=mqtt_password:{PASSWORD}
"""
CONFIG = "/etc/vedette/vedette.yaml"
CLIP = {"yard": {"source": "/srv/clip.mp4", "loop": True, "fps": 10}}


class Service:
    """first_install, second_install: what `make install` said."""

    first_install = second_install = ""

    def __init__(self, container: Container, port: int, audience: Audience) -> None:
        self.container = container
        self.audience = audience
        self.port = port

    def make(self, target: str) -> str:
        return self.container.run("make", "-C", "/opt/checkout", target, timeout=300).stdout

    def configure(self, cameras: dict[str, Any] = CLIP) -> None:
        """Edits the installed config, keeping its owner and mode."""
        mqtt = f"{{url: 'mqtt://{HOST}:{self.port}', username: gate, password: !secret mqtt_password}}"
        remote = "{commands: [restart]}"
        text = f"device: {DEVICE}\nmqtt: {mqtt}\ncameras: {json.dumps(cameras)}\nremote: {remote}\n"
        self.container.run("tee", CONFIG, stdin=text.encode())

    def systemctl(self, *arguments: str) -> str:
        return self.container.run("systemctl", *arguments, "vedette").stdout.strip()

    def show(self, name: str) -> str:
        return self.systemctl("show", "--value", "--property", name)

    @property
    def pid(self) -> int:
        return int(self.show("MainPID"))

    def workers(self) -> list[str]:
        """Process ids of the workers of whichever daemon, as seen inside."""
        found = self.container.run("pgrep", "-f", "backends.worker", check=False)
        return found.stdout.split()

    def inferred(self) -> int:
        topic = TOPICS.detections("yard")
        return sum(b'"inferred":true' in payload for heard, payload in self.audience.heard() if heard == topic)

    def wait_for_detections(self, timeout: float = 20) -> None:
        before = self.inferred()
        wait_for(lambda: self.inferred() > before, timeout, lambda: f"no detections\n{self.journal()}")

    def journal(self, *match: str) -> str:
        arguments = ("--unit=vedette", "--no-pager", *match)
        return self.container.run("journalctl", *arguments).stdout[-20000:]

    def entries(self, *match: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.journal("--output=json", *match).splitlines()]
