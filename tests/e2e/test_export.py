"""`vedette models export` with a stand-in for the Python that has Ultralytics: what becomes of whatever it does.

The stand-in hands over networks of the tests' own, so nothing here is said of Ultralytics' exporters: tests/slow/export
runs the real ones.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
import yaml

from agent import cli
from agent.tools.exporting.put import put
from agent.tools.exporting.workplace import workplace
from backends.models import store
from backends.models.resolve import open_artifact
from tests.support.synthetic import bright_network

if TYPE_CHECKING:
    from collections.abc import Callable

    StandIn = Callable[[str], Path]

pytest.importorskip("openvino")

START = """\
import json, os, shutil, sys, time
from pathlib import Path
request = json.load(sys.stdin)
work = Path(request["weights"]).parent
def answer(**said):
    print(json.dumps(said))
    raise SystemExit
def made(before, after):
    for name, source in (("before", before), ("after", after)):
        shutil.copytree(source, work / name)
    answer(task="detect", version="0", files={"onnx": f"{work}/before/bright.xml", "xml": f"{work}/after/bright.xml"})
"""


@pytest.fixture
def python(tmp_path: Path) -> StandIn:
    def write(body: str) -> Path:
        file = tmp_path / "python"
        file.write_text(f"#!{sys.executable}\n{START}{body}\n")
        file.chmod(0o755)
        return file

    return write


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    (tmp_path / "own").mkdir()
    file = tmp_path / "own" / "gate.pt"
    file.write_bytes(b"PK\x03\x04 and what torch would read")
    return file


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    for number in range(6):
        picture = np.full((120, 160, 3), 30, np.uint8)
        picture[20 + 5 * number : 60 + 5 * number, 10 + 12 * number : 50 + 12 * number] = 230
        cv2.imwrite(str(folder / f"{number}.png"), picture)
    return folder


@pytest.fixture
def export(weights: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def run(*more: object) -> tuple[int, str, str]:
        code = cli.main(["models", "export", str(weights), *map(str, more)])
        out = capsys.readouterr()
        assert not [*weights.parent.glob(".vedette-export-*")], "its working folder is left"
        return code, out.out, out.err

    return run


def int8(data: Path, python: Path) -> list[object]:
    return ["--for", "cpu", "--int8", "--data", data, "--python", python]


@pytest.fixture
def networks(tmp_path: Path) -> tuple[Path, Path, Path]:
    """As they are, calibrated on such pictures, calibrated on the dark."""
    plain, good = bright_network(tmp_path / "plain"), bright_network(tmp_path / "good", levels=(0, 255))
    dark = bright_network(tmp_path / "dark", levels=(0, 60))
    return plain.parent, good.parent, dark.parent


def test_what_is_good_is_written_with_a_sidecar(weights, data, python, export, networks):
    plain, good, _ = networks
    code, out, err = export(*int8(data, python(f"made({str(plain)!r}, {str(good)!r})")))
    assert code == 0, err
    assert "B sees what A sees" in out
    assert "6 pictures to calibrate on" in out
    assert "export gate.pt:" not in out
    assert {file.name for file in weights.parent.iterdir()} == {
        "gate.pt", "gate_int8.xml", "gate_int8.bin", "gate_int8.xml.yaml"
    }  # fmt: skip
    artifact = open_artifact(weights.parent / "gate_int8.xml")
    assert (artifact.name, artifact.labels, artifact.licence) == ("gate", ("person", "bicycle"), "Apache-2.0")
    said = yaml.safe_load((weights.parent / "gate_int8.xml.yaml").read_text())
    assert said["origin"]["source"] == "gate.pt, exported by Ultralytics 0"
    assert said["task"] == "detect"


def test_what_was_written_can_be_added(weights, data, python, export, networks, tmp_path, monkeypatch):
    monkeypatch.setenv("VEDETTE_MODELS", str(tmp_path / "store"))
    plain, good, _ = networks
    assert export(*int8(data, python(f"made({str(plain)!r}, {str(good)!r})")))[0] == 0
    assert cli.main(["models", "add", str(weights.parent / "gate_int8.xml")]) == 0
    assert store.find("gate").family == "boxes"


def test_a_broken_calibration_is_caught_and_keeps_what_was_there(weights, data, python, export, networks):
    plain, _, dark = networks
    there = weights.parent / "gate_int8.xml"
    there.write_text("of an earlier export")
    code, out, _ = export(*int8(data, python(f"made({str(plain)!r}, {str(dark)!r})")))
    assert code == 1
    assert "B sees nothing at all" in out
    assert "nothing was written" in out
    assert there.read_text() == "of an earlier export"
    assert {file.name for file in weights.parent.iterdir()} == {"gate.pt", "gate_int8.xml"}


def test_a_network_that_sees_nothing_cannot_be_judged(data, python, export, networks):
    *_, dark = networks
    code, out, _ = export(*int8(data, python(f"made({str(dark)!r}, {str(dark)!r})")), "--json")
    said = json.loads(out)
    assert (code, said["written"]) == (1, [])
    assert said["comparison"]["notes"][0].startswith("unknown: A sees nothing")


def test_a_good_export_stands_in_for_an_earlier_one(weights, data, python, export, networks):
    plain, good, _ = networks
    (weights.parent / "gate_int8.xml").write_text("of an earlier export")
    assert export(*int8(data, python(f"made({str(plain)!r}, {str(good)!r})")))[0] == 0
    assert open_artifact(weights.parent / "gate_int8.xml").family == "boxes"


def test_json_says_all_of_it(data, python, export, networks, tmp_path):
    plain, good, _ = networks
    arguments = int8(data, python(f"made({str(plain)!r}, {str(good)!r})"))
    code, out, err = export(*arguments, "--output", tmp_path / "new/folder", "--json")
    said = json.loads(out)
    assert code == 0
    assert said["written"][0] == str(tmp_path / "new/folder/gate_int8.xml")
    assert (said["checked_on"], said["input"], said["comparison"]["agrees"]) == ("openvino", [160, 120], True)
    assert said["comparison"]["a"]["file"] == "gate.pt as ONNX, before INT8"
    assert said["left_to_do"]
    assert "gate_int8.xml: look" in err, "progress lines"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("os.abort()", "killed by SIGABRT"),
        ("print('the reason', file=sys.stderr); raise SystemExit(3)", "Ultralytics failed: the reason"),
        ("raise ImportError('no module named nncf')", "ImportError: no module named nncf"),
        ("pass", "gave no answer that makes sense"),
        ("print('so what')", "gave no answer that makes sense"),
        ("answer(task='detect')", "gave no answer that makes sense"),
        ("answer(refused='made for task obb: it gives oriented boxes')", "gate.pt: made for task obb"),
        ("answer(missing=['nncf', 'onnx2tf<1.29'])", "-m pip install 'nncf' 'onnx2tf<1.29'"),
        (
            "answer(task='detect', version='0', files={'xml': f'{work}/weights.pt'})",
            "made of gate.pt cannot be used: weights.pt: is a",
        ),
    ],
)
def test_whatever_goes_wrong_is_said_and_costs_nothing(weights, data, python, export, body, said):
    there = weights.parent / "gate_int8.xml"
    there.write_text("of an earlier export")
    before = {file.name: file.read_bytes() for file in weights.parent.iterdir()}
    code, out, err = export(*int8(data, python(body)))
    assert (code, out) == (1, "")
    assert said in err
    assert ".vedette-export-" not in err, "nobody knows that folder"
    assert {file.name: file.read_bytes() for file in weights.parent.iterdir()} == before


def test_one_that_hangs_is_ended_with_all_it_started(data, python, export, tmp_path):
    body = f"import subprocess\nchild = subprocess.Popen(['sleep', '60'])\n\
Path({str(tmp_path / 'pid')!r}).write_text(str(child.pid))\ntime.sleep(60)"
    start = time.monotonic()
    code, _, err = export(*int8(data, python(body)), "--timeout", "3")
    assert time.monotonic() - start < 20
    assert code == 1
    assert "took more than 3 s, and was stopped; --timeout" in err
    stat = Path(f"/proc/{(tmp_path / 'pid').read_text()}/stat")
    assert not stat.exists() or stat.read_text().split()[2] == "Z"


def test_it_installs_sends_and_learns_nothing(data, python, export, tmp_path, monkeypatch):
    monkeypatch.setenv("VEDETTE_SECRET_MQTT_PASSWORD", "abcdefgh")
    monkeypatch.setenv("ULTRALYTICS_API_KEY", "abcdefgh")
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    seen = tmp_path / "seen.json"
    export(*int8(data, python(f"Path({str(seen)!r}).write_text(json.dumps([request, dict(os.environ)]))")))
    request, environment = json.loads(seen.read_text())
    assert (environment["YOLO_AUTOINSTALL"], environment["YOLO_OFFLINE"]) == ("false", "true")
    assert not {"VEDETTE_SECRET_MQTT_PASSWORD", "ULTRALYTICS_API_KEY", "PYTHONPATH"} & environment.keys()
    assert "abcdefgh" not in json.dumps(environment)
    assert (request["target"], request["imgsz"]) == ("openvino-int8", None)


def test_the_pictures_it_gets_are_copies(data, python, export, tmp_path):
    body = "for file in (work / 'calibration/images').iterdir(): file.write_bytes(b'repaired')"
    before = {file.name: file.read_bytes() for file in data.iterdir()}
    (data / "broken.jpg").write_bytes(b"no picture")
    assert export(*int8(data, python(body)))[0] == 1
    (data / "broken.jpg").unlink()
    assert {file.name: file.read_bytes() for file in data.iterdir()} == before


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", None])
def test_weights_that_are_none(weights, python, export, content):
    weights.unlink()
    if content is not None:
        weights.write_bytes(content)
    code, _, err = export("--for", "jetson", "--python", python("os.abort()"))
    assert code == 1
    assert ("cannot be read: No such file" if content is None else "is not a PyTorch checkpoint") in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--for", "coral"], "--data DIR"),
        (["--for", "cpu", "--int8"], "--data DIR"),
        (["--for", "jetson", "--int8"], "--int8 is not for a Jetson"),
        (["--for", "cpu", "--imgsz", "8"], "not within 32..2048"),
        (["--for", "cpu", "--imgsz", "500"], "not a multiple of 32, the coarsest stride of a YOLO; use 480"),
        (["--for", "cpu", "--int8", "--data", "/nonexistent"], "/nonexistent: cannot be read"),
    ],
)
def test_what_does_not_go_together_is_said_before_anything_is_done(export, python, arguments, said):
    code, _, err = export(*arguments, "--python", python("os.abort()"))
    assert code == 2
    assert said in err


def test_pictures_of_which_none_can_be_decoded(export, python, data):
    for file in data.iterdir():
        file.write_bytes(b"no picture")
    code, _, err = export(*int8(data, python("os.abort()")))
    assert code == 2
    assert "none of the 6 pictures" in err


def test_a_target_is_one_of_three(export):
    with pytest.raises(SystemExit, match="2"):
        export("--for", "toaster")


def test_without_ultralytics_it_says_how_to_get_it(export):
    pytest.importorskip("numpy")
    import importlib.util

    if importlib.util.find_spec("ultralytics"):
        pytest.skip("Ultralytics is installed here")
    code, _, err = export("--for", "jetson")
    assert code == 1
    assert "pip install 'vedette[export]'" in err
    assert "--python PATH" in err


@pytest.mark.parametrize("path", ["nowhere/python", "."])
def test_a_python_that_is_none(export, path):
    code, _, err = export("--for", "jetson", "--python", path)
    assert code == 1
    assert "no such file" in err


def test_an_output_that_is_no_folder(export, python, weights):
    code, _, err = export("--for", "jetson", "--python", python("os.abort()"), "--output", weights)
    assert code == 1
    assert "--output DIR" in err


def test_what_a_killed_export_left_goes_after_a_day_and_nothing_else_does(tmp_path):
    day = time.time() - 25 * 3600
    for name in (".vedette-export-old", ".vedette-export-new", ".part-of somebody"):
        (tmp_path / name).mkdir()
        if not name.endswith("new"):
            os.utime(tmp_path / name, (day, day))
    with workplace(tmp_path) as work:
        assert work.parent == tmp_path
    assert {file.name for file in tmp_path.iterdir()} == {".vedette-export-new", ".part-of somebody"}


def test_all_files_are_put_or_none(tmp_path):
    new, folder = tmp_path / "new", tmp_path / "folder"
    new.mkdir()
    folder.mkdir()
    files = [new / name for name in ("a", "b", "c")]
    for file in files:
        file.write_text("new")
    (folder / "a").write_text("old")
    (folder / "c").mkdir()
    (folder / "c" / "in the way").touch()
    with pytest.raises(OSError, match="c"):
        put(files, folder, tmp_path / "aside")
    assert (folder / "a").read_text() == "old"
    assert {file.name for file in folder.iterdir()} == {"a", "c"}
