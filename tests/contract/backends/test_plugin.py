"""A stranger's package, really installed: found by its entry points, asked, run in a worker, held to the contract."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from backends.models.resolve import open_artifact
from backends.registry import discover, probe
from backends.testing.driver import Driven
from backends.testing.model import boxes_model
from tests.support.audience import TOPICS, Audience
from tests.support.brokers import wait_for
from tests.support.clips import scene, write_clip
from tests.support.daemon import Daemon, config

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backends.artifact import Artifact
    from backends.registry.registered import Registered
    from tests.support.brokers import BrokerProcess

ROOT = Path(__file__).parents[3]
SOURCE = ROOT / "tests/support/plugin"
DOCS = ROOT / "docs/backends.md"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder pip installed the package into; it is on the path of this process and of its children."""
    if importlib.util.find_spec("setuptools") is None:
        pytest.skip("setuptools is not installed (pip install 'vedette[test]')")
    work = tmp_path_factory.mktemp("plugin")
    source, target = work / "source", work / "site"
    source.mkdir()
    for file in SOURCE.iterdir():
        if file.is_file():
            (source / file.name).write_bytes(file.read_bytes())
    options = ["-q", "--disable-pip-version-check", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run(
        [sys.executable, "-m", "pip", "install", *options, "--target", str(target), str(source)],
        check=True,
        timeout=120,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(target)
        patch.setenv("PYTHONPATH", os.pathsep.join([str(target), str(ROOT)]))
        yield target


@pytest.fixture
def edges(installed: Path) -> Registered:
    return discover()["edges"]


def test_vedette_backends_shows_it_without_importing_it(edges: Registered) -> None:
    assert (edges.entry_point, edges.distribution) == ("vedette_edges:Edges", "vedette-edges 1.0")
    assert "vedette_edges" not in sys.modules
    said = subprocess.run(
        [sys.executable, "-m", "agent.cli", "backends", "--json"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    (shown,) = [row for row in json.loads(said.stdout) if row["name"] == "edges"]
    assert (shown["status"], shown["distribution"]) == ("available", "vedette-edges 1.0")
    assert shown["devices"][0]["id"] == "numpy"


def test_it_finds_the_square(edges: Registered, tmp_path: Path) -> None:
    """Through the head `boxes`, as a chip that decodes by itself."""
    artifact = boxes_model(tmp_path)
    (rows,) = found(edges, artifact, {"threshold": 0.2})
    # The edges are one pixel beyond the square's end, in the next cell.
    np.testing.assert_allclose(rows, [[32, 16, 64, 48, 1.0, 0]], atol=1e-4)


def test_options_reach_it(edges: Registered, tmp_path: Path) -> None:
    (rows,) = found(edges, boxes_model(tmp_path), {"threshold": 1.1})
    assert len(rows) == 0


def test_an_option_it_does_not_have_is_seen_without_a_model(edges: Registered) -> None:
    report = probe(replace(edges, options={"treshold": 0.2}))
    assert (report.status, report.reason) == (
        "unavailable",
        "backend edges has no option 'treshold'; its options: threshold",
    )
    assert report.hint == "correct `options` in backends.d/edges.yaml"
    assert probe(replace(edges, options={"threshold": 0.2})).status == "available"


def test_its_own_head_decodes(edges: Registered, tmp_path: Path) -> None:
    """The family of a stranger's entry point, chosen by the sidecar as any other."""
    boxes_model(tmp_path, name="grid")
    (tmp_path / "grid.yaml").write_text("family: edge-grid\nlabels: [edge]\n")
    artifact = open_artifact(tmp_path / "grid.onnx")
    (rows,) = found(edges, artifact, {})
    border = {(x, y) for x in range(32, 64, 8) for y in range(16, 48, 8) if x in {32, 56} or y in {16, 40}}
    border.remove((56, 40))  # no edge runs through the corner's own cell
    assert {tuple(row[:4]) for row in rows} == {(x, y, x + 8, y + 8) for x, y in border}


def test_an_unfit_head_is_a_reason(edges: Registered, tmp_path: Path) -> None:
    artifact = replace(boxes_model(tmp_path), family="yolo")
    with Driven(edges, {}) as worker:
        said = worker.load(artifact, {}, None, "error")
    assert "yolo" in said["text"]


@pytest.mark.rooted
def test_the_daemon_runs_it_on_a_clip(installed: Path, tmp_path: Path, mosquitto: BrokerProcess) -> None:
    """From the entry point to MQTT."""
    artifact = boxes_model(tmp_path, height=240, width=320)
    clip = write_clip(tmp_path / "clip.mp4", scene(320, 240), frames=20)
    camera = {"source": str(clip), "loop": True, "fps": 10, "model": str(artifact.path), "backend": "edges"}
    heard = Audience(mosquitto)
    run = Daemon(tmp_path, config(mosquitto.port, {"yard": camera}))
    run.start()

    def frames() -> list[dict[str, Any]]:
        told = [json.loads(payload) for topic, payload in heard.heard() if topic == TOPICS.detections("yard")]
        return [frame for frame in told if frame["inferred"]]

    try:
        wait_for(lambda: any(frame["detections"] for frame in frames()), 30, run.log)
    finally:
        run.end()
        heard.subscriber.stop()
    assert {frame["backend"] for frame in frames()} == {"edges"}
    assert {d["label"] for frame in frames() for d in frame["detections"]} == {"thing"}


def found(program: Registered, artifact: Artifact, options: dict[str, float]) -> list[np.ndarray]:
    """What the worker answers to a white square at x 32..56, y 16..40 in black."""
    image = np.zeros((artifact.input.height, artifact.input.width, 3), np.uint8)
    image[16:40, 32:56] = 255
    with Driven(program, {}) as worker:
        worker.load(artifact, options, None)
        return worker.run([image], 5.0)


def test_the_suite_runs_as_the_page_shows(installed: Path, tmp_path: Path) -> None:
    """The conformance suite as a stranger uses it: the code of docs/backends.md, in a pytest and folder of its own."""
    code = re.search(r"<!-- run -->\n```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
    assert code
    (tmp_path / "test_edges.py").write_text(code[1])
    boxes_model(tmp_path)
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_edges.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "10 passed, 1 skipped" in ran.stdout, ran.stdout + ran.stderr
