"""What is told of the config file while the daemon runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.config import load
from agent.runtime.config_file import ConfigFile

if TYPE_CHECKING:
    from pathlib import Path

GOOD = "cameras: {gate: {source: clip.mp4}}\n"


def started(folder: Path) -> tuple[Path, ConfigFile]:
    path = folder / "vedette.yaml"
    path.write_text(GOOD)
    return path, ConfigFile(load(path))


def test_nothing_is_told_until_something_changes(tmp_path: Path) -> None:
    _, file = started(tmp_path)
    assert not file.changed()
    status = file.status()
    assert (status.state, status.errors) == ("ok", [])
    assert status.running_hash == status.file_hash
    assert len(status.running_hash) == 12


def test_a_mistake_is_told_with_its_place_and_mended(tmp_path: Path) -> None:
    path, file = started(tmp_path)
    path.write_text(GOOD + "helth: {}\n")
    assert file.changed()
    assert not file.changed()
    status = file.status()
    assert status.state == "rejected"
    assert status.running_hash != status.file_hash
    assert [(e["line"], e["column"], e["key"]) for e in status.errors] == [(2, 1, "helth")]
    path.write_text(GOOD)
    assert file.changed()
    assert file.status().state == "ok"


def test_another_config_waits_for_a_restart(tmp_path: Path) -> None:
    path, file = started(tmp_path)
    path.write_text(GOOD + "health: {interval: 3}\n")
    assert file.changed()
    assert file.status().state == "pending"


def test_another_comment_is_the_same_config(tmp_path: Path) -> None:
    path, file = started(tmp_path)
    path.write_text("# the gate\n" + GOOD + "mqtt: {url: mqtt://localhost}\n")
    assert file.changed()
    status = file.status()
    assert (status.state, status.running_hash) == ("ok", status.file_hash)


def test_a_file_that_is_gone_is_a_mistake(tmp_path: Path) -> None:
    path, file = started(tmp_path)
    path.unlink()
    assert file.changed()
    status = file.status()
    assert (status.state, status.file_hash) == ("rejected", None)
    assert "no such file" in status.errors[0]["message"]


def test_another_secret_waits_for_a_restart_and_is_not_told(tmp_path: Path) -> None:
    path = tmp_path / "vedette.yaml"
    secrets = tmp_path / "secrets.yaml"
    secrets.write_text("word: abcdefgh\n")
    path.write_text(GOOD + "mqtt: {username: gate, password: !secret word}\n")
    file = ConfigFile(load(path))
    secrets.write_text("word: ijklmnopq\n")
    assert file.changed()
    status = file.status()
    assert status.state == "pending"
    assert status.running_hash == status.file_hash
    assert "ijklmnopq" not in repr(status)
