"""What a config names beside itself, on model files made here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agent.config import ConfigError
from agent.config.load import parse
from agent.config.problems import MOST
from agent.runtime.plan import engine_id, plan, planned
from tests.contract.backends.models import boxes_model

SIDECAR = """family: boxes
labels: [cat, dog]
input: {height: 64, width: 96, layout: NCHW, dtype: float32, std: [255, 255, 255]}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("plan")
    boxes_model(made)
    (made / "model.yaml").write_text(SIDECAR)
    (made / "broken.onnx").write_text("hello")
    return made


@pytest.fixture(autouse=True)
def empty_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VEDETTE_MODELS", str(tmp_path / "models"))


def problems(text: str, folder: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        plan(parse(text, "vedette.yaml", folder))
    return str(caught.value).splitlines()


def test_a_good_config_has_its_artifact_and_backend(folder: Path) -> None:
    found = plan(parse("model: model.xml\ncameras: {a: {source: clip.mp4, labels: [dog]}}", "x", folder))
    (artifact,) = found.artifacts.values()
    assert artifact.labels == ("cat", "dog")
    assert [[rung.program.name for rung in ladder] for ladder in found.ladders.values()] == [["openvino"]]


def test_each_backend_that_reads_none_of_the_files_is_said(folder: Path) -> None:
    order = "[edgetpu, litert, openvino]"
    found = plan(parse(f"model: model.xml\nbackend: {order}\ncameras: {{a: {{source: clip.mp4}}}}", "x", folder))
    assert [str(warning) for warning in found.warnings] == [
        f"x:2:10: backend: {name} runs none of model.xml: it will not be used" for name in ("edgetpu", "litert")
    ]


def test_all_that_is_missing_is_said_at_once_with_its_place(folder: Path) -> None:
    text = (
        "model: nope\n"
        "cameras:\n"
        "  a: {source: clip.mp4}\n"
        "  b: {source: clip.mp4, model: model.xml, labels: [unicorn], backend: edgetpu}\n"
        "  c: {source: clip.mp4, model: broken.onnx}\n"
        "  d: {source: clip.mp4, model: yolox-nano}\n"
    )
    lines = problems(text, folder)
    assert lines[0].startswith("vedette.yaml:1:8: model: no model 'nope'")
    assert lines[1].startswith("vedette.yaml:4:52: cameras.b.labels: ")
    assert "does not know 'unicorn'; it knows cat, dog" in lines[1]
    assert lines[2].startswith(
        "vedette.yaml:4:71: cameras.b.backend: no backend runs model.xml (openvino) (tried: edgetpu"
    )
    assert lines[3].startswith("vedette.yaml:5:32: cameras.c.model: ")
    assert lines[4].endswith("get it with: vedette models pull yolox-nano")
    assert len(lines) == 5


def test_a_model_two_cameras_share_is_said_once(folder: Path) -> None:
    lines = problems("model: nope\ncameras: {a: {source: a.mp4}, b: {source: b.mp4}}", folder)
    assert len(lines) == 1


def test_a_second_order_for_a_model_is_refused_with_what_to_do(folder: Path) -> None:
    text = "model: model.xml\ncameras:\n  a: {source: a.mp4}\n  b: {source: b.mp4, backend: openvino}\n"
    (line,) = problems(text, folder)
    assert line.startswith("vedette.yaml:4:31: cameras.b.backend: ")
    assert "already runs on auto for another camera" in line
    assert line.endswith("write the same here, or give this camera a copy of the file under another name")


def test_labels_of_zones_and_lines_are_the_models_too(folder: Path) -> None:
    text = (
        "model: model.xml\n"
        "cameras:\n"
        "  a:\n"
        "    source: clip.mp4\n"
        "    labels: {cat: {confidence: 0.6}, dgo: }\n"
        "    zones: {porch: {polygon: [[0, 0], [1, 0], [1, 1]], labels: [cot]}}\n"
        "    lines: {door: {points: [[0, 0], [1, 1]], labels: [dog, unicorn]}}\n"
    )
    lines = problems(text, folder)
    assert "vedette.yaml:5:38: cameras.a.labels: " in lines[0]
    assert lines[0].endswith("does not know 'dgo'; did you mean \"dog\"?")
    assert "vedette.yaml:6:65: cameras.a.zones.porch.labels: " in lines[1]
    assert "'cot'; did you mean" in lines[1]
    assert "vedette.yaml:7:60: cameras.a.lines.door.labels: " in lines[2]
    assert lines[2].endswith("does not know 'unicorn'; it knows cat, dog")


def test_labels_that_look_the_same_in_a_topic_are_refused(folder: Path, tmp_path: Path) -> None:
    boxes_model(tmp_path)
    (tmp_path / "model.yaml").write_text(SIDECAR.replace("[cat, dog]", "[Dog, dog]"))
    (line,) = problems("model: model.xml\ncameras: {a: {source: clip.mp4}}", tmp_path)
    assert "would both be `dog` in a topic" in line


def test_engines_of_long_names_are_told_apart() -> None:
    """They were cut to the same 32 characters, so that two engines had one topic, one health and one alert."""
    first, second = (engine_id("openvino", f"yolox_nano_416_coco_outdoor_v{n}") for n in (1, 2))
    assert first != second
    assert len(first) == len(second) == 32
    assert re.fullmatch("openvino-[a-z0-9_-]+", first)
    assert engine_id("openvino", "person") == "openvino-person"


def test_two_models_with_one_topic_are_refused(folder: Path, tmp_path: Path) -> None:
    for name in ("My model", "my-model"):
        boxes_model(tmp_path)
        for ending in (".xml", ".bin"):
            (tmp_path / f"model{ending}").rename(tmp_path / f"{name}{ending}")
        (tmp_path / f"{name}.yaml").write_text(SIDECAR)
    text = "cameras:\n  a: {source: clip.mp4, model: My model.xml}\n  b: {source: clip.mp4, model: my-model.xml}\n"
    (line,) = problems(text, tmp_path)
    assert line.startswith("vedette.yaml:3:")
    assert "look the same in MQTT's topics" in line


def test_of_a_thousand_mistakes_no_more_are_sought_than_are_shown(folder: Path) -> None:
    labels = ", ".join(f"label{n}" for n in range(10 * MOST))
    zone = f"{{polygon: [[0, 0], [1, 0], [1, 1]], labels: [{labels}]}}"
    text = f"model: model.xml\ncameras: {{a: {{source: clip.mp4, zones: {{porch: {zone}}}}}}}"
    assert len(problems(text, folder)) == MOST


def test_what_a_config_with_other_mistakes_names_is_looked_at_too(folder: Path) -> None:
    text = (
        "model: model.xml\n"
        "mqtt: {url: mqtt://localhost, drain_rat: 3}\n"
        "cameras:\n"
        "  a: {source: clip.mp4, rotate: 45, labels: [unicorn]}\n"
        "  b: {source: clip.mp4, model: nope, fps: -3}\n"
        "  c: {source: clip.mp4, modle: other.xml, labels: [bird]}\n"
        "  d: {source: clip.mp4, model: [], labels: [bird]}\n"
    )
    with pytest.raises(ConfigError) as caught:
        planned(lambda: parse(text, "vedette.yaml", folder))
    found = [(problem.line, problem.key) for problem in caught.value.problems]
    assert found == [
        (2, "mqtt.drain_rat"),
        (4, "cameras.a.rotate"),
        (4, "cameras.a.labels"),
        (5, "cameras.b.model"),
        (5, "cameras.b.fps"),
        (6, "cameras.c.modle"),
        (7, "cameras.d.model"),
    ], "the labels of c and d are of models nobody can know"


def test_of_a_default_that_somebody_meant_to_set_nothing_is_said(folder: Path) -> None:
    text = "modle: model.xml\ncameras: {a: {source: clip.mp4, labels: [unicorn]}}"
    with pytest.raises(ConfigError) as caught:
        planned(lambda: parse(text, "vedette.yaml", folder))
    assert [problem.key for problem in caught.value.problems] == ["modle"]
