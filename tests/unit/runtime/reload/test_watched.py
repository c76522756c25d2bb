"""When a config file counts as edited."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.runtime.reload.revision import written
from agent.runtime.reload.watched import EVERY_S, Watched


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "vedette.yaml"
    path.write_text("a: 1\n")
    return path


def looks(watched: Watched, count: int = 4) -> list[bool]:
    """Of some looks in a row, whether each found an edit."""
    start = watched.due()
    return [watched.changed(start + n * EVERY_S) for n in range(1, count + 1)]


def test_an_edit_is_told_once_it_has_stood_for_two_looks(file: Path) -> None:
    watched = Watched(str(file))
    assert looks(watched) == [False] * 4
    file.write_text("a: 22\n")
    assert looks(watched) == [False, True, False, False]


def test_a_path_without_a_name_is_one_that_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As of `-c ""`: reading it says what is wrong."""
    monkeypatch.chdir(tmp_path)
    assert not Watched("").changed(1.0)
    assert written(Path()) == (None, "")


def test_the_secrets_beside_it_count_too(file: Path) -> None:
    watched = Watched(str(file))
    file.with_name("secrets.yaml").write_text("b: c\n")
    assert looks(watched) == [False, True, False, False]


def test_what_was_read_by_order_is_not_told_as_an_edit_after_that(file: Path) -> None:
    watched = Watched(str(file))
    file.write_text("a: 22\n")
    watched.read()
    assert looks(watched) == [False] * 4


def test_what_is_written_after_it_was_read_by_order_is_an_edit(file: Path) -> None:
    """An editor that was in the middle of it when `reload` came."""
    watched = Watched(str(file))
    file.write_text("a: 2\n")
    watched.read()
    file.write_text("a: 22\n")
    assert looks(watched) == [False, True, False, False]


def test_rights_that_are_given_back_are_an_edit(file: Path) -> None:
    file.chmod(0o600)
    watched = Watched(str(file))
    file.chmod(0o640)
    assert looks(watched) == [False, True, False, False]
