"""The commands of the pages, run: against the daemon of docs/first-hour.md, a real camera server and a real broker.

The config is that page's, with three things put in: the broker's port, the camera's URL, and Home Assistant, so that
the page on it finds its topics. What a command is completed with stands in `completed`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from typing import TYPE_CHECKING, NamedTuple

import cv2
import pytest
import yaml

from backends.models import store
from backends.testing.model import boxes_model
from tests.support.brokers import HOST, MOSQUITTO, MOSQUITTO_MISSING, mosquitto_process, wait_for
from tests.support.clips import scene, walk, write_clip
from tests.support.coral import Coral
from tests.support.daemon import VEDETTE, Daemon
from tests.support.pages import BLOCKS, written
from tests.support.servers import rtsp_missing, rtsp_server, serve
from tests.support.shell_words import HEARD, parsed
from tests.support.shown import missing
from tests.support.synthetic import bright_network

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from tests.support.brokers import BrokerProcess

pytestmark = pytest.mark.rooted

PAGE, MARKS = "docs/first-hour.md", ("", "secrets.yaml")
NOT_RUN = {
    ("run",): "the fixture runs it",
    ("demo",): "it has a test of its own",
    ("bench",): "takes minutes; tests/slow/backends runs it",
    ("models", "bench", "person"): "with another name it is run",
    ("models", "pull"): "downloads; tests/slow/install runs it",
    ("models", "export"): "wants Ultralytics; tests/slow/export runs it",
}
OWN_FILES = {"gate.onnx": "gate.xml", "FILE": "gate.xml", "gate_edgetpu.tflite": "coral/gate_edgetpu.tflite"}
"""A model of the reader's, and what takes its place. tests/slow/export has a real ONNX."""
ELSEWHERE = "mosquitto_sub is not installed (apt install mosquitto-clients)"


class Device(NamedTuple):
    daemon: Daemon
    broker: BrokerProcess
    folder: Path


@pytest.fixture(scope="module")
def device(person_model: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Device]:
    """What a reader of the first hour has after step 4."""
    if MOSQUITTO is None:
        pytest.skip(MOSQUITTO_MISSING)
    if rtsp_missing():
        pytest.skip(rtsp_missing())
    folder = tmp_path_factory.mktemp("first-hour")
    config, secrets = ([b.text for b in BLOCKS if (b.page, b.language, b.mark) == (PAGE, "yaml", m)] for m in MARKS)
    (folder / "secrets.yaml").write_text(*secrets)
    (folder / "secrets.yaml").chmod(0o640)
    boxes_model(folder)  # as docs/backends.md has its reader make one
    own_files(folder)
    clip = write_clip(folder / "clip.mp4", scene(320, 240), frames=75)
    login = ("--user", "viewer", "--password", yaml.safe_load(secrets[0])["gate_password"])
    broker = mosquitto_process(folder)
    with serve(rtsp_server(clip, *login, fps=25), "rtsp://127.0.0.1:{port}/live") as camera:
        text = config[0].replace("localhost:1883", f"{HOST}:{broker.port}")
        text = text.replace("rtsp://10.0.0.7/stream2", camera.url) + "homeassistant: {enabled: true}\n"
        daemon = Daemon(folder, text)
        daemon.start()
        wait_for(daemon.ready, 40, "not ready")
        wait_for(lambda: daemon.status()["cameras"]["gate"]["status"] == "online", 20, daemon.log)
        yield Device(daemon, broker, folder)
        daemon.end()
    broker.kill()


def own_files(folder: Path) -> None:
    """What docs/models.md has its reader bring: a model and its INT8 twin, one for the chip and its twin, pictures."""
    for name, levels in (("gate", None), ("gate_int8", (0, 255))):
        bright_network(folder, levels=levels, name=name)
    (folder / "coral").mkdir()
    Coral(folder / "coral")
    (folder / "pictures").mkdir()
    for number, picture in enumerate(walk([0.1 + 0.1 * i for i in range(8)])):
        cv2.imwrite(str(folder / "pictures" / f"{number}.png"), picture.to_ndarray(format="bgr24"))
    models = folder / "models"  # `models add` must not add to this machine's
    models.mkdir()
    (models / "person").symlink_to(store.folder() / "person")


def completed(words: Sequence[str], device: Device) -> list[str]:
    """The test's broker and config in place of the reader's, and one look in place of watching for ever."""
    found = parsed(words)
    assert not isinstance(found, str), found
    words = [OWN_FILES.get(word, word) for word in words]
    own = {"--broker", "-c", "--ca", "--username", "--password-file", "--prefix"}
    kept = [word for i, word in enumerate(words) if not {word, *words[max(i - 1, 0) : i]} & own]
    if words[0] == "doctor":
        return [*kept, "-c", str(device.daemon.file), *["--broker"] * ("--broker" in words)]
    if hasattr(found, "broker"):
        kept += ["--broker", f"mqtt://{HOST}:{device.broker.port}"]
    elif hasattr(found, "config"):
        kept += ["-c", str(device.daemon.file)]
    return [*kept, *["--once"] * hasattr(found, "once")]


RUN = [words[1:] for words in written("vedette") if not isinstance(parsed(words[1:]), str)]


@pytest.mark.parametrize("words", [w for w in RUN if not any(w[: len(n)] == n for n in NOT_RUN)], ids=" ".join)
def test_a_command_does_what_the_page_has_it_for(words: tuple[str, ...], device: Device) -> None:
    done = subprocess.run(
        [*VEDETTE, *completed(words, device)],
        cwd=device.folder,
        env={**device.daemon.environment, "VEDETTE_MODELS": str(device.folder / "models")},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    allowed = (0, 1) if words[0] == "doctor" else (0,)  # this machine may have faults of its own
    assert done.returncode in allowed, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout.strip() or "--grep" in words


@pytest.mark.parametrize("words", [words for program in sorted(HEARD) for words in written(program)], ids=" ".join)
def test_a_subscriber_hears_what_the_page_promises(words: tuple[str, ...], device: Device) -> None:
    """A ping makes something happen, for each command is an event."""
    if shutil.which("mosquitto_sub") is None:
        pytest.skip(ELSEWHERE)
    place = ["-h", HOST, "-p", str(device.broker.port)]
    given = [*words] if words[0] == "mosquitto_pub" else [*words, "-C", "1", "-W", "10"]
    with subprocess.Popen([*given, *place], stdout=subprocess.PIPE, text=True) as heard:
        if words[0] == "mosquitto_sub":
            time.sleep(0.5)
            ping = ["mosquitto_pub", *place, "-t", "vedette/1/gate-pi/cmd/ping", "-m", "{}", "-q", "1"]
            subprocess.run(ping, timeout=10, check=True)
        said, _ = heard.communicate(timeout=20)
    assert heard.returncode == 0
    assert bool(said) == (words[0] == "mosquitto_sub")


def test_the_status_looks_as_it_is_shown(device: Device) -> None:
    def complete() -> bool:
        return not missing("vedette status", device.daemon.verb("status").stdout)

    wait_for(complete, 20, device.daemon.verb("status").stdout)


def test_the_doctors_page_looks_as_it_is_shown(device: Device) -> None:
    """With a camera that is not there."""
    file = device.folder / "other.yaml"
    file.write_text("cameras: {yard: {source: 'rtsp://127.0.0.1:1/stream2'}}\n")
    done = device.daemon.verb("doctor", "-c", str(file), "--only", "cameras", "--only", "config", "--only", "power")
    assert missing("vedette doctor", done.stdout) == []


def test_the_demo_looks_as_it_is_shown(person_model: str, tmp_path: Path) -> None:
    if MOSQUITTO is None:
        pytest.skip(MOSQUITTO_MISSING)
    environment = {**os.environ, "STATE_DIRECTORY": str(tmp_path)}
    done = subprocess.run([*VEDETTE, "demo"], env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert missing("vedette demo", done.stdout) == []


def test_the_rules_of_the_security_page_are_rules(mosquitto_with: Callable[..., BrokerProcess], tmp_path: Path) -> None:
    """Its viewer may ask for what is listed there, and for nothing else."""
    if shutil.which("mosquitto_sub") is None:
        pytest.skip(ELSEWHERE)
    (rules,) = [block.text for block in BLOCKS if block.page == "docs/security.md" and not block.language]
    (tmp_path / "acl").write_text(rules)
    (tmp_path / "acl").chmod(0o600)
    broker = mosquitto_with(f"acl_file {tmp_path / 'acl'}")
    place = ["-h", HOST, "-p", str(broker.port)]
    listening = ["mosquitto_sub", *place, "-u", "gate-pi", "-t", "vedette/1/gate-pi/cmd/#", "-F", "%t", "-W", "3"]
    with subprocess.Popen(listening, stdout=subprocess.PIPE, text=True) as heard:
        time.sleep(0.5)
        for name in ("restart", "info", "config.apply"):
            topic = f"vedette/1/gate-pi/cmd/{name}"
            subprocess.run(["mosquitto_pub", *place, "-u", "viewer", "-t", topic, "-m", "{}"], timeout=10, check=True)
        said, _ = heard.communicate(timeout=20)
    assert said.split() == ["vedette/1/gate-pi/cmd/info"]
