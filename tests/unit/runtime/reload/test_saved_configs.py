"""What a start finds of former configs, however the last run ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agent.config import ConfigError, Problem
from agent.runtime.reload import first as first_module
from agent.runtime.reload import revision
from agent.runtime.reload.first import first
from agent.runtime.reload.revision import file_hash, read, text_hash
from agent.runtime.reload.saved_configs import GOOD, REMOTE, Remote, SavedConfigs
from agent.runtime.reload.watched import EVERY_S
from tests.support.synthetic import bright_network

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("openvino", reason="openvino is not installed (pip install 'vedette[openvino]')")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bright_network(tmp_path_factory.mktemp("model"))


class Device:
    def __init__(self, folder: Path, model: Path) -> None:
        self.model = model
        self.file = folder / "vedette.yaml"
        self.kept = SavedConfigs(folder, self.file)
        self.write("file")

    def text(self, name: str) -> str:
        return f"name: {name}\nmodel: {self.model}\ncameras: {{gate: {{source: rtsp://h/}}}}\n"

    def write(self, name: str) -> None:
        self.file.write_text(self.text(name))

    def from_afar(self, **more: object) -> None:
        self.kept.keep_remote(Remote(self.text("afar"), file_hash(self.file), "kept", **more))  # type: ignore[arg-type]

    def begins(self) -> tuple[str, str, str]:
        """Name, origin and state."""
        begin = first(self.file, self.kept)
        return begin.revision.config.name, begin.revision.origin, begin.state


@pytest.fixture
def device(tmp_path: Path, model: Path) -> Device:
    return Device(tmp_path, model)


def test_the_file_is_what_runs(device: Device) -> None:
    assert device.begins() == ("file", "file", "ok")
    assert read(device.file).hash == text_hash(device.file.read_text()) == file_hash(device.file)


def test_a_file_that_was_gone_for_a_moment_is_told_of_as_any_mistake(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is back before anybody could say what was wrong with it."""

    def gone(path: Path) -> str:
        raise FileNotFoundError(path)

    monkeypatch.setattr(revision, "read_text", gone)
    with pytest.raises(ConfigError, match=r"vedette\.yaml: could not be read"):
        read(device.file)


def test_a_broken_file_is_stood_in_for_by_what_worked_last(device: Device) -> None:
    device.kept.keep_good(device.text("good"))
    device.file.write_text("cameras: [")
    begin = first(device.file, device.kept)
    assert (begin.revision.config.name, begin.state) == ("good", "running_last_good")
    assert begin.problems
    device.file.unlink()
    assert device.begins() == ("good", "file", "running_last_good")


def test_without_one_the_mistake_is_told(device: Device) -> None:
    device.file.write_text("cameras: [")
    with pytest.raises(ConfigError):
        device.begins()
    device.kept.keep_good("device: [")
    with pytest.raises(ConfigError, match=r"vedette\.yaml:2"):
        device.begins()


def test_what_worked_for_another_file_does_not_count(device: Device) -> None:
    SavedConfigs(device.file.parent, device.file.with_name("other.yaml")).keep_good(device.text("good"))
    assert device.kept.good() is None


def test_what_came_from_afar_runs_until_the_file_is_edited(device: Device) -> None:
    device.from_afar()
    assert device.begins() == ("afar", "remote", "ok")
    device.write("edited")
    assert device.begins() == ("edited", "file", "ok")
    assert device.kept.remote() is None


def test_what_a_run_died_of_is_taken_back(device: Device) -> None:
    remote = Remote(device.text("afar"), file_hash(device.file), "trial", device.text("before"))
    device.kept.keep_remote(remote)
    assert device.begins() == ("before", "remote", "rolled_back")
    assert device.begins() == ("before", "remote", "ok")
    device.kept.keep_remote(Remote(device.text("afar"), file_hash(device.file), "trial"))
    assert device.begins() == ("file", "file", "rolled_back")
    assert device.begins() == ("file", "file", "ok")


def test_a_trial_goes_on_over_a_restart_that_it_asked_for_once(device: Device) -> None:
    remote = Remote(device.text("afar"), file_hash(device.file), "trial", restarting=True)
    device.kept.keep_remote(remote)
    assert device.begins() == ("afar", "remote", "pending")
    assert device.begins() == ("file", "file", "rolled_back")


def test_what_the_run_before_knew_of_a_trial_is_known_after_the_restart(device: Device) -> None:
    written = file_hash(device.file)
    device.kept.keep_remote(Remote(device.text("afar"), written, "trial", restarting=True, excused=("gate",)))
    assert first(device.file, device.kept).excused == ("gate",)
    why = Problem("remote.yaml", 0, 0, "cameras.gate", "offline")
    device.kept.keep_remote(Remote(device.text("afar"), written, "undone", device.text("before"), problems=(why,)))
    begin = first(device.file, device.kept)
    assert (begin.revision.config.name, begin.state, begin.problems, begin.way) == (
        "before",
        "rolled_back",
        (why,),
        "back",
    )
    device.kept.keep_remote(Remote(device.text("afar"), written, "undone"))
    begin = first(device.file, device.kept)
    assert (begin.revision.config.name, begin.state, begin.problems, begin.way) == ("file", "ok", (), "back")
    assert device.kept.remote() is None


def test_what_came_from_afar_and_cannot_be_had_just_now_waits_while_the_file_runs(device: Device) -> None:
    """Its model is on a mount that comes late."""
    mount, away = device.file.with_name("mount"), device.file.with_name("away")
    text = device.text("afar").replace(str(device.model), str(bright_network(mount)))
    device.kept.keep_remote(Remote(text, file_hash(device.file), "kept"))
    mount.rename(away)
    begin = first(device.file, device.kept)
    assert (begin.revision.config.name, begin.state, begin.way) == ("file", "rejected", "meanwhile")
    assert "bright" in str(begin.problems[0])
    away.rename(mount)
    assert device.begins() == ("afar", "remote", "ok")


def test_what_came_from_afar_and_cannot_even_be_tried_is_taken_back(device: Device) -> None:
    remote = Remote("cameras: [", file_hash(device.file), "trial", device.text("before"), restarting=True)
    device.kept.keep_remote(remote)
    begin = first(device.file, device.kept)
    assert (begin.revision.config.name, begin.state, begin.way) == ("before", "rolled_back", "back")
    assert begin.problems


def test_a_file_that_cannot_be_read_just_now_has_not_been_edited(device: Device) -> None:
    device.from_afar()
    away = device.file.rename(device.file.with_name("away.yaml"))
    assert device.begins() == ("afar", "remote", "ok")
    away.rename(device.file)
    assert device.begins() == ("afar", "remote", "ok")
    device.file.touch()
    assert device.begins() == ("afar", "remote", "ok")


def test_an_edit_of_the_secrets_is_one_too(device: Device) -> None:
    secrets = device.file.with_name("secrets.yaml")
    secrets.write_text("a: b\n")
    device.from_afar(secrets_hash=file_hash(secrets))
    assert device.begins() == ("afar", "remote", "ok")
    secrets.write_text("a: c\n")
    assert device.begins() == ("file", "file", "ok")
    device.from_afar()  # as an earlier version kept it
    assert device.begins() == ("afar", "remote", "ok")


def test_what_is_written_while_it_is_read_is_an_edit(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_meanwhile(path: Path) -> revision.Revision:
        found = read(path)
        device.write("edited")
        return found

    monkeypatch.setattr(first_module, "read", read_meanwhile)
    begin = first(device.file, device.kept)
    assert begin.revision.config.name == "file"
    assert begin.watched is not None
    assert [begin.watched.changed(n * EVERY_S) for n in range(1, 4)] == [False, True, False]


@pytest.mark.parametrize("name", [GOOD, REMOTE])
@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"file": 1}', "null", "\x00"])
def test_damaged_memory_is_no_memory(device: Device, name: str, content: str) -> None:
    (device.file.parent / name).write_text(content)
    assert device.kept.good() is None
    assert device.kept.remote() is None
    assert device.begins() == ("file", "file", "ok")


def test_a_state_directory_that_cannot_be_written_is_said_and_no_more(
    device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    lost = SavedConfigs(device.file.parent / "gone", device.file)
    assert not lost.keep_good("x")
    lost.forget_remote()
    assert "cannot write" in caplog.text
