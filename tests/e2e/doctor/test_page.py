"""The doctor's whole page: real clips, a real model, a real broker, real processes for its checks."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest

from agent.cli import main
from agent.runtime import paths
from agent.tools.doctor import cameras, children, watching
from agent.tools.doctor.examine import GROUPS
from tests.support.brokers import free_port
from tests.support.clips import scene, write_clip
from tests.support.secrets import forget

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.brokers import BrokerProcess

SYSTEM_PYTHON = Path("/usr/bin/python3")
CHECKOUT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    forget(monkeypatch)
    (tmp_path / "state").mkdir()


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "clip.mp4", scene(320, 240), frames=10)


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a camera that takes the connection and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def write(folder: Path, sources: dict[str, Any], url: str = "mqtt://localhost") -> Path:
    file = folder / "vedette.yaml"
    entries = {name: each if isinstance(each, dict) else {"source": str(each)} for name, each in sources.items()}
    file.write_text(json.dumps({"device": "gate-pi", "mqtt": {"url": url}, "cameras": entries}))
    return file


def ask(capsys: pytest.CaptureFixture[str], file: Path, *options: str) -> tuple[int, list[dict[str, str]]]:
    code = main(["doctor", "-c", str(file), "--json", *options])
    report = json.loads(capsys.readouterr().out)
    found: list[dict[str, str]] = report["findings"]
    assert report["ok"] == (code == 0)
    assert all(finding["fix"] for finding in found if finding["state"] in {"failed", "warning"}), found
    return code, found


def of(found: list[dict[str, str]], group: str) -> list[tuple[str, str]]:
    return [(finding["state"], finding["text"]) for finding in found if finding["group"] == group]


@pytest.mark.rooted
def test_the_page_where_all_is_well(
    tmp_path: Path,
    clip: Path,
    person_model: str,
    mosquitto: BrokerProcess,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = write(tmp_path, {"gate": clip}, f"mqtt://127.0.0.1:{mosquitto.port}")
    bundle = tmp_path / "report.tar.gz"
    code, found = ask(capsys, file, "--bundle", str(bundle))
    failed = {finding["group"] for finding in found if finding["state"] == "failed"}
    assert failed <= {"power", "service"}, "what depends on the machine that runs the tests"
    assert code == bool(failed)
    assert {finding["group"] for finding in found} == set(GROUPS)
    assert of(found, "models")[0][1].startswith(f"{person_model} ")
    assert any(text.startswith("openvino: ") for state, text in of(found, "engines") if state == "ok")
    ((state, text),) = of(found, "cameras")
    assert state == "ok"
    assert text.startswith("gate: 320x240, 25 fps, ")
    with tarfile.open(bundle) as archive:
        assert "vedette-doctor/doctor.json" in archive.getnames()


def test_the_page_is_short_and_loud_where_something_is_wrong(
    tmp_path: Path, clip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path, {"gate": clip, "yard": f"rtsp://127.0.0.1:{free_port()}/"})
    assert main(["doctor", "-c", str(file), "--only", "config", "--only", "cameras"]) == 1
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [line[0] for line in lines] == ["ok", "ok", "FAIL", "fix:", "1"]
    assert [line[1] for line in lines[:3]] == ["config", "cameras", "camera"]
    assert lines[-1] == ["1", "fault"]


def test_a_config_that_cannot_be_used_hides_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "vedette.yaml"
    file.write_text("cameras: {gate: {source: rtsp://h/, rotate: 91}}")
    code, found = ask(capsys, file, "--only", "system", "--only", "cameras", "--only", "broker")
    assert code == 2
    assert [finding["group"] for finding in found] == ["system", "config", "cameras", "broker"]
    assert "rotate" in of(found, "config")[0][1]
    assert ask(capsys, tmp_path / "none.yaml", "--only", "clock")[0] == 2


def test_a_group_that_does_not_exist(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "-c", str(tmp_path / "none"), "--only", "camrea"]) == 2
    assert "the groups are system, power" in capsys.readouterr().err


def test_a_camera_that_hangs_does_not_hang_the_doctor(tmp_path: Path, silent: int) -> None:
    """By its own time-out; and, where that does not help, by the end of the process that asks."""
    quick = {"source": f"rtsp://127.0.0.1:{silent}/", "timeout": 0.5}
    (finding,) = children.asked("camera", write(tmp_path, {"gate": quick}), "gate", seconds=30)
    assert finding.state == "failed"
    assert finding.text.startswith("gate: ")
    slow = {"source": f"rtsp://127.0.0.1:{silent}/", "timeout": 60}
    began = time.monotonic()
    (finding,) = children.asked("camera", write(tmp_path, {"gate": slow}), "gate", seconds=1)
    assert finding.text == "gate: no answer within 1 s"
    assert time.monotonic() - began < 30


def test_a_check_that_dies_is_a_finding(tmp_path: Path) -> None:
    (finding,) = children.asked("no-such-check", write(tmp_path, {"gate": "rtsp://h/"}), seconds=30)
    assert finding.state == "failed"
    assert "the check itself died (exit code 1: KeyError: 'no-such-check')" in finding.text


def black(frames: int) -> Iterator[av.VideoFrame]:
    for _ in range(frames):
        yield av.VideoFrame.from_ndarray(np.full((240, 320, 3), 2, np.uint8), format="rgb24").reformat(format="yuv420p")


def test_a_camera_that_sees_nothing_but_black(tmp_path: Path) -> None:
    dark = write_clip(tmp_path / "dark.mp4", black(5), frames=5, counted=False)
    (finding,) = children.asked("camera", write(tmp_path, {"gate": dark}), "gate", seconds=30)
    assert finding.state == "warning"
    assert finding.text.endswith("and it is black")


def test_a_camera_that_the_daemon_watches_is_not_opened_again(
    tmp_path: Path, silent: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The status file is written here as a daemon writes it; that one writes it so, the daemon's own tests prove."""
    sources = {name: {"source": f"rtsp://127.0.0.1:{silent}/{name}", "timeout": 0.5} for name in ("gate", "yard")}
    sources["door"] = sources["yard"] | {"enabled": False}
    said = {"status": "online", "frame_age": 0.2, "fps_in": 9.9, "width": 640, "height": 480}
    seen = {"gate": said, "yard": said | {"frame_age": 99.0}}
    status = {"pid": os.getpid(), "device": "gate-pi", "cameras": seen, "mqtt": {"connected": True}}
    monkeypatch.setattr("agent.runtime.paths.runs", paths.lives)  # the process of the status files below is this one
    (tmp_path / "state/status.json").write_text(json.dumps(status))
    code, found = ask(capsys, write(tmp_path, sources), "--only", "cameras")
    assert code == 1
    told = of(found, "cameras")
    assert told[0] == ("ok", "gate: 640x480, 9.9 fps, as the running vedette says")
    assert [state for state, _ in told] == ["ok", "failed", "skipped"]


def test_who_holds_a_device(tmp_path: Path) -> None:
    node = tmp_path / "video0"
    node.touch()
    assert watching.holding(node) == ""
    command = [
        sys.executable,
        "-c",
        "import sys; f = open(sys.argv[1]); print(flush=True); sys.stdin.read()",
        str(node),
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        assert watching.holding(node).endswith(f" (process {holder.pid})")
        holder.kill()


def test_the_deadline_of_a_check_is_beyond_the_camera_s_own() -> None:
    from agent.config.model import CameraConfig

    camera = CameraConfig("gate", "rtsp://h/", "rtsp", timeout=5)
    assert cameras.seconds(camera) > camera.timeout + cameras.MORE_S


AS_NOBODY = """
import json, sys
from pathlib import Path
from agent.tools.doctor import account, children
account.SERVICE = "nobody"
assert account.looking().name == "nobody", account.looking()
for check in ("config", "access"):
    for finding in children.asked(check, Path(sys.argv[1]), seconds=60):
        print(json.dumps(finding.to_json()))
"""


@pytest.mark.rooted
def test_the_checks_are_made_as_the_service_s_user(open_folder: Path) -> None:
    """`nobody` stands for the service's user, and the system's Python for /opt/vedette."""
    if os.geteuid() or not SYSTEM_PYTHON.exists():
        pytest.skip("only root can look with another user's eyes")
    version = [str(SYSTEM_PYTHON), "-c", "import sys; print(*sys.version_info[:2], sep='.')"]
    if subprocess.run(version, capture_output=True, text=True, check=True, timeout=30).stdout.strip() != (
        f"{sys.version_info[0]}.{sys.version_info[1]}"
    ):
        pytest.skip(f"{SYSTEM_PYTHON} is of another version than the one that runs the tests")
    file = write(open_folder, {"gate": "rtsp://h/"})
    file.chmod(0o600)
    path = os.pathsep.join((str(CHECKOUT), sysconfig.get_path("purelib")))

    def told() -> list[str]:
        done = subprocess.run(
            [str(SYSTEM_PYTHON), "-c", AS_NOBODY, str(file)],
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if "AssertionError" in done.stderr:
            pytest.skip("the checkout cannot be read by others")
        assert done.returncode == 0, done.stderr
        return [json.loads(line)["text"] for line in done.stdout.splitlines()]

    closed, *_ = told()
    assert closed == f"{file}: cannot be read: Permission denied; check the path and the file's permissions"
    file.chmod(0o644)
    opened, who = told()
    assert opened == f"{file}: device gate-pi, 1 camera"
    assert who.startswith("checked as nobody, ")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """One that others can read, which pytest's own are not: each pytest that starts closes them again."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
