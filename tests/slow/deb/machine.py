"""A clean Debian with the package installed or not, as its administrator and a subscriber see it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.support.audience import DEVICE, TOPICS
from tests.support.brokers import HOST, wait_for
from tests.support.service import CONFIG, Service

if TYPE_CHECKING:
    import subprocess

    from tests.slow.deb.packages import Package
    from tests.support.audience import Audience
    from tests.support.container import Container
    from tests.support.proxy import Proxy


CHECKOUT = "/opt/checkout"
"""Where the tree's folder systemd is seen."""
CAMERA = {"yard": {"source": "/srv/clip.mp4", "loop": True, "fps": 5}}
"""As many frames as are published: all 25 a second would keep a third of the processor busy for minutes."""
_KERNELS = ("/proc", "/sys", "/dev", "/run", "/tmp", "/var/tmp")
_SYSTEMS = ("/var/log", "/var/cache/apt", "/var/lib/apt", "/var/lib/dpkg")


class Machine(Service):
    """Packages lie in folders of ours that it sees at the same paths. way: to the broker, for the machine alone."""

    def __init__(self, container: Container, way: Proxy, audience: Audience) -> None:
        super().__init__(container, way.port, audience)
        self.way = way

    def apt(self, *arguments: str, check: bool = True, **environment: str) -> subprocess.CompletedProcess[str]:
        """Without a network, as an administrator's apt, which asks no questions."""
        given = [f"{key}={value}" for key, value in {"DEBIAN_FRONTEND": "noninteractive", **environment}.items()]
        return self.container.run(
            "unshare", "--net", "env", *given, "apt-get", "-y", *arguments, check=check, timeout=300
        )

    def install(self, package: Package, *options: str, check: bool = True, **environment: str) -> str:
        """What apt and the package said."""
        done = self.apt("install", *options, str(package.file), check=check, **environment)
        return done.stdout + done.stderr

    def wait_until_tried(self) -> None:
        """Until no version is on trial any more."""
        trial = ("test", "-e", "/opt/vedette/trial.json")
        wait_for(lambda: self.container.run(*trial, check=False).returncode == 1, 120, "the trial does not end")

    def configure(self, cameras: dict[str, Any] = CAMERA) -> None:
        text = f"device: {DEVICE}\nmqtt: {{url: 'mqtt://{HOST}:{self.port}'}}\ncameras: {json.dumps(cameras)}\n"
        self.container.run("tee", CONFIG, stdin=text.encode())

    def start(self) -> None:
        self.configure()
        self.systemctl("start")
        self.wait_for_detections()

    def status(self) -> dict[str, Any]:
        """The daemon's own word."""
        return json.loads(self.container.run("vedette", "status", "--json").stdout)  # type: ignore[no-any-return]

    def running(self) -> str:
        """The number of the version that runs."""
        return str(self.status()["version"])

    def current(self) -> str:
        """The version that would be started."""
        return self.container.run("readlink", "/opt/vedette/current").stdout.strip().rpartition("/")[2]

    def files(self) -> set[str]:
        """All there are, but what systemd, dpkg and apt keep for themselves."""
        pruned = [word for path in (*_KERNELS, *_SYSTEMS, CHECKOUT) for word in ("-path", path, "-prune", "-o")]
        return set(self.container.run("find", "/", *pruned, "-print").stdout.splitlines())

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(payload) for topic, payload in self.audience.heard() if topic == TOPICS.events]

    def seen_at(self) -> list[float]:
        """When detections of somebody came, by our monotonic clock."""
        topic = TOPICS.detections("yard")
        return [m.at for m in self.audience.messages if m.topic == topic and b'"label":"person"' in m.payload]

    def wait_to_see(self, since: float, timeout: float = 60) -> float:
        """Seconds from `since` until somebody was detected, of those who come from now on."""
        before = len(self.seen_at())
        wait_for(lambda: len(self.seen_at()) > before, timeout, lambda: f"nobody was seen\n{self.journal()}")
        return self.seen_at()[before] - since
