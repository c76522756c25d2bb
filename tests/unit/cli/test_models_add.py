from __future__ import annotations

import json

import yaml

from agent import cli
from agent.tools import modelbench
from backends.formats.digest import digest
from backends.models import catalog
from backends.models.sidecar import beside
from backends.testing.model import boxes_model


def test_who_replaces_a_model_is_told_how_a_running_daemon_takes_it(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("VEDETTE_MODELS", str(tmp_path / "store"))
    path = str(boxes_model(tmp_path).path)
    assert cli.main(["models", "add", path, "--name", "gate"]) == 0
    out, err = capsys.readouterr()
    assert (out, err) == (f"{tmp_path}/store/gate/model.onnx\n", "")
    assert cli.main(["models", "add", path, "--name", "gate"]) == 0
    again, err = capsys.readouterr()
    assert again == out
    assert err == "vedette: gate was replaced; a running daemon takes it at: vedette reload\n"


def test_for_programs_it_is_json(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("VEDETTE_MODELS", str(tmp_path / "store"))
    path = boxes_model(tmp_path).path
    assert cli.main(["models", "add", str(path), "--name", "gate", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"name": "gate", "files": [f"{tmp_path}/store/gate/model.onnx"]}

    entry = catalog.Entry("tiny", "", path.as_uri(), digest(path), 1, "MIT", yaml.safe_load(beside(path).read_text()))
    monkeypatch.setattr(catalog, "models", lambda: {"tiny": entry})
    monkeypatch.setattr(modelbench, "prepare", lambda _name, _progress: None)
    assert cli.main(["models", "pull", "tiny", "--json"]) == 0
    (pulled,) = json.loads(capsys.readouterr().out)
    assert pulled["name"] == "tiny"
    assert pulled["files"][0].startswith(f"{tmp_path}/store/tiny/model.")
