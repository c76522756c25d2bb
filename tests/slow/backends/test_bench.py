"""`models inspect` and `models bench` over real installed backends: OpenVINO, and strangers from backends.d."""

from __future__ import annotations

import io
import json
import textwrap
from typing import TYPE_CHECKING

import pytest

from agent import cli
from agent.tools import modelbench, modelinspect, show_models
from agent.tools.progress import Progress
from backends.contract import BackendUnavailable
from backends.models import speeds, store
from backends.models.speeds import Speed
from tests.contract.backends.models import boxes_model
from tests.support import models

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("openvino")

CHIP = """
    import time
    from dataclasses import dataclass
    import numpy as np
    from backends.contract import API, BackendUnavailable, Device, EngineError, EngineInfo, Output

    @dataclass
    class Options:
        threads: int = 1

    class Engine:
        def __init__(self, name, device, shape):
            outputs = (Output("o", shape, "float32"),)
            self.info = EngineInfo(name, device, "1.0", "fp16", 1, False, outputs)
        def run(self, image):
            time.sleep(0.02)
            return [np.zeros((1, 1, 6), np.float32)]
        def close(self):
            pass

    class Slow:
        name, api, options = "slow", API, Options
        def probe(self):
            return [Device("held", "a"), Device("free", "b")]
        def accepts(self, artifact):
            return None if artifact.format == "edgetpu" else "only what was compiled for it"
        def load(self, artifact, device, options, progress):
            if device.id == "held":
                raise BackendUnavailable("busy")
            progress(f"build with {options.threads}", 0.5)
            return Engine("slow", device.id, (1, 1, 6))

    class Absent(Slow):
        def probe(self):
            raise BackendUnavailable("no chip", "plug it in")

    class Picky(Slow):
        def accepts(self, artifact):
            return f"not {artifact.path.name}"

    class Misfit(Slow):
        def load(self, artifact, device, options, progress):
            return Engine("misfit", device.id, (1, 7))

    class Dying(Slow):
        def load(self, artifact, device, options, progress):
            import os
            os.abort()
"""


@pytest.fixture
def strangers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "backends.d"
    folder.mkdir()
    (tmp_path / "chips.py").write_text(textwrap.dedent(CHIP))
    for kind in ("Slow", "Absent", "Picky", "Misfit", "Dying"):
        (folder / f"{kind.lower()}.yaml").write_text(f"entry_point: chips:{kind}\npath: [{tmp_path}]\n")
    monkeypatch.setenv("VEDETTE_BACKENDS_D", str(folder))
    return folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """x.xml, which OpenVINO runs, and a twin that says it is compiled for the Edge TPU."""
    path = boxes_model(tmp_path).path.rename(tmp_path / "x.xml")
    (tmp_path / "model.bin").rename(tmp_path / "x.bin")
    path.with_suffix(".yaml").write_text("family: boxes\nlabels: [thing]\ninput: {std: 255, resize: stretch}\n")
    image, rows = [("i", (1, 32, 32, 3), 3)], [("o", (1, 1, 6), 3)]
    data = models.tflite(image, rows, ["edgetpu-custom-op"], scale=(1 / 255, 0))
    path.with_name("x_edgetpu.tflite").write_bytes(data)
    return path


def test_bench(strangers: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (strangers / "edgetpu.yaml").write_text((strangers / "slow.yaml").read_text() + "options: {threads: 7}\n")
    (strangers / "slow.yaml").unlink()
    (strangers / "unreadable.yaml").write_text("entry_point: [")
    monkeypatch.setattr(modelbench, "_WONDERING_SECONDS", 0.0)
    told = io.StringIO()
    found = modelbench.measure(str(model), lambda what: Progress(what, told))
    lines = told.getvalue().splitlines()
    assert {line for line in lines if line.endswith(": measure 0%")} == {
        "x.xml on openvino: measure 0%",
        "x_edgetpu.tflite on dying: measure 0%",
        "x_edgetpu.tflite on edgetpu: measure 0%",
        "x_edgetpu.tflite on misfit: measure 0%",
    }
    assert "x_edgetpu.tflite on edgetpu: build with 7 50%" in lines
    assert {(row.backend, row.file, row.figures.device) for row in found.rows} == {
        ("edgetpu", "x_edgetpu.tflite", "free"),
        ("openvino", "x.xml", "cpu"),
    }
    assert {row.figures.mode for row in found.rows if row.backend == "openvino"} == {"latency", "throughput"}
    assert all(0 < row.figures.fps <= 50 for row in found.rows if row.backend == "edgetpu")
    assert (found.auto, found.best, found.kept) == ("edgetpu", "openvino", True)
    assert found.cannot["misfit"].startswith("measuring x failed: ")
    assert found.cannot["unreadable"].startswith("broken: ")
    assert found.cannot["absent"] == "unavailable: no chip (plug it in)"
    assert found.cannot["picky"] == "not x.xml; nor does it run x_edgetpu.tflite"
    assert found.cannot["dying"] == "measuring x failed: killed by SIGABRT"
    shown = show_models.bench(found)
    assert "  dying   " in shown
    assert "its own order begins with edgetpu: write backend: [openvino, edgetpu]" in shown
    kept = speeds.measured(store.find(str(model)))
    assert {name: speed.file for name, speed in kept.items()} == {"edgetpu": "x_edgetpu.tflite", "openvino": "x.xml"}
    assert kept["openvino"].fps == max(row.figures.fps for row in found.rows if row.usual)


def test_no_engine_at_all(strangers: Path, tmp_path: Path, model: Path) -> None:
    for file in strangers.iterdir():
        if file.stem != "absent":
            file.unlink()
    alone = tmp_path / "alone" / "x.tflite"
    alone.parent.mkdir()
    alone.write_bytes(model.with_name("x_edgetpu.tflite").read_bytes())
    alone.with_suffix(".yaml").write_text("family: boxes\nlabels: [thing]\n")
    with pytest.raises(BackendUnavailable) as caught:
        modelbench.measure(str(alone), Progress)
    assert str(caught.value).splitlines()[0] == "no engine here runs x:"
    assert "  absent: unavailable: no chip (plug it in)" in str(caught.value).splitlines()
    assert any(line.startswith("  openvino: x.tflite is edgetpu; ") for line in str(caught.value).splitlines())
    with pytest.raises(BackendUnavailable):
        modelbench.prepare(str(alone), lambda _phase, _done: None)


def test_inspect(strangers: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = modelinspect.inspect(str(model))
    assert [member.artifact.format for member in found.members] == ["openvino", "edgetpu"]
    said = {survey.report.name: modelinspect.runs(found, survey) for survey in found.surveys}
    assert said["slow"] == {"x.xml": "only what was compiled for it", "x_edgetpu.tflite": None}
    assert said["openvino"]["x.xml"] is None
    assert said["openvino"]["x_edgetpu.tflite"]
    speeds.keep(found.members[0].artifact, [Speed("slow", "free", "1", "x.xml", "", "fp16", 50.0, 20.0)])
    assert cli.main(["models", "inspect", str(model)]) == 0
    text = capsys.readouterr().out
    for line in (
        "format     openvino",
        "  format    edgetpu, operator edgetpu-custom-op",
        "  input     i 32x32 NHWC uint8, stored as 0.00392157 * (q - 0)",
        "  output 0  o (1, 1, 6) uint8, 0.00392157 * (q - 0)",
        "  slow: available: held, free",
        "    x.xml             no: only what was compiled for it",
        "    x_edgetpu.tflite  yes",
        "  absent: unavailable: no chip (plug it in)",
        "  slow  x.xml  free  50.0 fps  20.00 ms",
        f"  family = boxes  ({model.with_suffix('.yaml')}:1:1)",
    ):
        assert line in text.splitlines()


def test_inspect_says_what_is_wrong_beside_the_model(
    strangers: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model.with_name("x_edgetpu.yaml").write_text("labels: [other]\n")
    model.with_name("x.engine").write_bytes(b"ftrt" + bytes(80))
    assert cli.main(["models", "inspect", str(model), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["name"], found["format"], found["twins"]) == ("x", "openvino", [])
    assert [tensor["shape"] for tensor in found["outputs"]] == [[1, 1, 6]]
    first, second = found["problems"]
    assert "x.engine: is a TensorRT plan without an exporter's header" in first
    assert "x_edgetpu.tflite: is not a twin of" in second
    assert {b["name"]: b["runs"] for b in found["backends"]}["openvino"] == {"x.xml": None}
    assert cli.main(["models", "bench", str(model)]) == 1
    assert "x.engine: is a TensorRT plan without" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("fps", "best"), [((10.0, 30.0), "b"), ((30.0, 10.0), "a"), ((30.0, 31.0), "a"), ((30.0, 32.0), "b")]
)
def test_which_one_auto_should_prefer(fps: tuple[float, float], best: str) -> None:
    assert modelbench.prefer(dict(zip("ab", fps, strict=True)), "a") == best
