"""`make install` on a bare Debian 12 and 13: packages from Debian, wheels and model from PyPI; then all taken away.

In a folder, without a running systemd, so it starts nothing; tests/slow/systemd does that, with the packages laid out
beforehand. Raspberry Pi OS 12 and 13 are these Debians with a kernel, users and cameras of their own. Ubuntu 22.04 and
24.04, and JetPack 6, which is the former, cannot be had here: `test_wheels.py` proves only that there are wheels for
their Pythons, and nothing was ever installed there.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from backends.contract import BackendError
from backends.models import store
from tests.e2e.conftest import listen
from tests.slow.install import root as bare
from tests.support.audience import DEVICE, TOPICS
from tests.support.brokers import HOST
from tests.support.pages import BLOCKS, commands

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.slow.install.root import Root
    from tests.support.audience import Audience
    from tests.support.brokers import BrokerProcess

__all__ = ["listen"]

SUITES = {"bookworm": "3.11", "trixie": "3.13"}
"""And their Python."""
CONFIG = "/etc/vedette/vedette.yaml"
MODELS = "/var/cache/vedette/models"
FRAMES = 250
"""Of the catalog's clip `bikes`."""
TYPED = [
    words
    for block in BLOCKS
    if (block.page, block.language) == ("docs/first-hour.md", "sh")
    for words in commands(block.text)
]
_ETC = ("alternatives", "apt", "ca-certificates", "hosts", "inputrc", "ld.so", "networks", "python3", "ssl")
_USR = ("bin/", "lib/python3", "local/lib/python3", "local/share/ca-certificates", "share/")
_VAR = ("cache/apt", "cache/debconf", "cache/ldconfig", "lib/apt", "lib/dpkg", "lib/python", "lib/systemd", "log/")
_OF_APT = (
    *("/dev", "/proc", "/tmp", "/stage"),
    *(f"/{top}/{path}" for top, paths in (("etc", _ETC), ("usr", _USR), ("var", _VAR)) for path in paths),
)
"""Where apt and the scripts of its packages leave what belongs to no package."""
_BACKUPS = {"/etc/group-", "/etc/gshadow-", "/etc/passwd-", "/etc/shadow-", "/etc/subuid-", "/etc/subgid-"}


@dataclass
class Installed:
    """before: all that was there. said: by the installation."""

    suite: str
    root: Root
    before: set[str]
    said: str


@pytest.fixture(scope="module", params=SUITES)
def installed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    if missing := bare.missing():
        pytest.skip(missing)
    folder = tmp_path_factory.mktemp("root")
    root = bare.unpack(request.param, folder, tmp_path_factory.mktemp("work"))
    before = root.paths()
    began = time.monotonic()
    said = root.run("make", "-C", bare.CHECKOUT, "install", seconds=1200).stdout
    print(f"\n{request.param}: installed in {time.monotonic() - began:.0f} s")
    yield Installed(request.param, root, before, said)
    shutil.rmtree(folder)


def test_it_brings_what_is_missing_and_says_what_to_do_next(installed: Installed) -> None:
    root = installed.root
    for package in ("python3", "python3-venv", "python3-systemd"):
        assert f"apt install {package}\n" in installed.said
    assert f"sudo nano {CONFIG}" in installed.said
    assert root.run("systemctl", "is-enabled", "vedette").stdout.strip() == "enabled"
    assert root.run("/opt/vedette/bin/python", "--version").stdout.split()[1].startswith(SUITES[installed.suite])
    root.run("/opt/vedette/bin/python", "-c", "import systemd.journal")
    groups = set(root.run("id", "-nG", "vedette").stdout.split())
    there = set(root.run("cut", "-d:", "-f1", "/etc/group").stdout.split())
    assert groups == {"vedette"} | ({"video", "render", "plugdev", "apex"} & there)


def test_root_checks_the_config_with_the_service_s_model(installed: Installed) -> None:
    done = installed.root.run("vedette", "check", "-c", CONFIG)
    assert done.stdout.endswith(f"{CONFIG}: ok\n")
    backends = installed.root.run("vedette", "backends").stdout
    assert "openvino" in backends
    assert "available" in backends


def as_service(root: Root, *arguments: str, check: bool = True) -> str:
    """What `vedette` says to the service's user, with the folders that systemd would give."""
    folders = {
        "HOME": "/var/lib/vedette",
        "STATE_DIRECTORY": "/var/lib/vedette",
        "CACHE_DIRECTORY": "/var/cache/vedette",
    }
    words = [f"{name}={path}" for name, path in folders.items()]
    done = root.run(
        "runuser", "-u", "vedette", "--", "env", *words, "/opt/vedette/bin/vedette", *arguments, check=check
    )
    return done.stdout + done.stderr


def test_the_service_s_user_sees_people_in_a_real_clip(
    installed: Installed,
    mosquitto_with: Callable[[], BrokerProcess],
    listen: Callable[[BrokerProcess], Audience],
) -> None:
    try:
        clip = store.clip("bikes", lambda *_: None)
    except BackendError as e:
        pytest.skip(f"no clip: {e}")
    root = installed.root
    listed = as_service(root, "models", "list")
    assert [line.split()[:2] for line in listed.splitlines() if line.startswith("person ")] == [["person", "yes"]]
    broker = mosquitto_with()
    audience = listen(broker)
    shutil.copy(clip, root.work / "bikes.mp4")
    cameras = {"street": {"source": "/stage/bikes.mp4", "pace": "max", "motion": {"enabled": False}}}
    mqtt = {"url": f"mqtt://{HOST}:{broker.port}", "detections": {"max_rate": 0}}
    config = {"device": DEVICE, "mqtt": mqtt, "cameras": cameras}
    (root.work / "run.yaml").write_text(json.dumps(config))
    root.run("chmod", "-R", "a+rX", "/stage")
    root.run("install", "-d", "-o", "vedette", "-g", "vedette", "/var/lib/vedette")  # systemd would
    as_service(root, "run", "-c", "/stage/run.yaml")
    heard = [json.loads(payload) for topic, payload in audience.heard() if topic == TOPICS.detections("street")]
    inferred = [message for message in heard if message["inferred"]]
    persons = [found for message in inferred for found in message["detections"] if found["label"] == "person"]
    print(f"\n{installed.suite}: {len(inferred)} messages, {len(persons)} x person")
    assert len(inferred) == FRAMES
    assert len(persons) > FRAMES / 5
    assert audience.statuses()[-1] == b"offline"


def test_a_model_is_pulled_to_where_the_service_looks(installed: Installed) -> None:
    """It comes from GitHub, which not every machine reaches; the default model, which comes from PyPI, is there."""
    (pull,) = [words for words in TYPED if words[:3] == ["vedette", "models", "pull"]]
    name = pull[-1]
    done = installed.root.run("env", f"VEDETTE_MODELS={MODELS}", *pull, seconds=300, check=False)
    print(f"\n{installed.suite}: {name} {'pulled' if done.returncode == 0 else 'not pulled, GitHub is out of reach'}")
    assert done.returncode == 0 or re.search(r"https://github\.com/\S+: no connection", done.stderr), done.stderr
    listed = {row.split()[0]: row.split()[1] for row in as_service(installed.root, "models", "list").splitlines()}
    assert listed["person"] == "yes"
    assert listed[name] == ("no" if done.returncode else "yes")


def test_there_is_a_tensorrt_for_its_python(installed: Installed) -> None:
    """Asked for, not downloaded: it needs GB, and a GPU."""
    (pip,) = [words for words in TYPED if words[0] == "/opt/vedette/bin/python"]
    done = installed.root.run(*pip, "--dry-run", "--no-deps", seconds=300)
    assert re.search(rf"^Would install {pip[-1]}-\d", done.stdout, re.MULTILINE), done.stdout


def test_again_it_keeps_the_config_and_needs_nothing_new(installed: Installed) -> None:
    """As if on a Jetson, where the camera daemon's socket lies in /tmp."""
    root = installed.root
    unit = root.folder / "etc/systemd/system/vedette.service"
    assert "PrivateTmp=yes\n" in unit.read_text()
    (root.folder / "etc/nv_tegra_release").write_text("# R36 (release), REVISION: 4.3")
    root.run("sh", "-c", f"echo '# mine' >>{CONFIG}")
    said = root.run("make", "-C", bare.CHECKOUT, "install", seconds=600).stdout
    assert "apt install" not in said
    assert root.run("tail", "-n1", CONFIG).stdout == "# mine\n"
    for name in ("vedette.service", "vedette@.service"):
        assert "PrivateTmp=no\nReadWritePaths=/tmp\n" in unit.with_name(name).read_text()
    (root.folder / "etc/nv_tegra_release").unlink()


def test_uninstalled_nothing_is_left_over(installed: Installed) -> None:
    root = installed.root
    root.run("make", "-C", bare.CHECKOUT, "uninstall")
    for path in ("/opt/vedette", "/var/cache/vedette", "/usr/local/bin/vedette", "/etc/systemd/system/vedette.service"):
        assert not os.path.lexists(root.folder / path.lstrip("/")), path
    assert root.run("tail", "-n1", CONFIG).stdout == "# mine\n", "the config is not ours to delete"
    root.run("sh", f"{bare.CHECKOUT}/systemd/uninstall.sh", "--purge")
    packaged = set(root.run("sh", "-c", "cat /var/lib/dpkg/info/*.list").stdout.splitlines())
    # On a merged /usr a package may say /lib/x where /usr/lib/x is found.
    packaged |= {f"/usr{path}" for path in packaged}
    left = {path for path in root.paths() - installed.before - packaged - _BACKUPS if not path.startswith(_OF_APT)}
    assert left == set()
    assert not [
        path
        for path in root.paths()
        if "vedette" in path.removeprefix(bare.CHECKOUT).lower() and not path.startswith(bare.CHECKOUT)
    ]
    for kind in ("passwd", "group"):
        assert root.run("getent", kind, "vedette", check=False).returncode == 2, f"{kind} vedette is left"
