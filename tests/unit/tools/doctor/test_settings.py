"""The config as the doctor tells of it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from agent.runtime import paths
from agent.tools.doctor.finding import Finding
from agent.tools.doctor.settings import settings
from tests.support.secrets import forget

TEXT = "device: gate-pi\nmqtt: {username: x, password: !secret word}\ncameras: {gate: {source: clip.mp4}}\n"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    forget(monkeypatch)
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    monkeypatch.setattr("agent.runtime.paths.runs", paths.lives)  # the process of the status files below is this one
    (tmp_path / "vedette.yaml").write_text(TEXT)
    (tmp_path / "secrets.yaml").write_text("word: of-the-doctor\n")
    (tmp_path / "secrets.yaml").chmod(0o640)
    return tmp_path / "vedette.yaml"


def troubles(file: Path) -> list[Finding]:
    return [finding for finding in settings(file) if finding.state != "ok"]


def test_a_config_from_afar_in_its_place_is_told(file: Path) -> None:
    def run(**own: str) -> list[Finding]:
        told = {"state": "ok", "running_hash": "a", "file_hash": "b", "file": "/x/remote.yaml"}
        status = {"pid": os.getpid(), "device": "gate-pi", "config": told} | own
        (file.parent / "status.json").write_text(json.dumps(status))
        return troubles(file)

    assert troubles(file) == []
    (finding,) = run()
    assert (finding.state, "not what runs, but /x/remote.yaml" in finding.text) == ("warning", True)
    assert "edit the config file" in finding.fix
    assert run(device="another") == run(config="of another version") == []


def test_a_warning_has_its_own_fix(file: Path) -> None:
    (file.parent / "secrets.yaml").chmod(0o644)
    (finding,) = troubles(file)
    assert finding.text == f"{file.parent}/secrets.yaml: everybody on this machine may read it"
    assert finding.fix == f"chmod 640 {file.parent}/secrets.yaml"


def test_who_has_no_config_is_not_told_to_edit_it(file: Path) -> None:
    (finding,) = troubles(file.parent / "none.yaml")
    assert "no such file" in finding.text
    assert finding.fix.startswith("name yours with -c FILE")
