"""What is said to those who call it otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agent.cli import main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(("words", "hint"), [(["check", "a.yaml"], True), (["check", "--all"], False)])
def test_a_config_is_named_by_an_option(words: list[str], hint: bool, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert f"unrecognized arguments: {words[1]}" in (said := capsys.readouterr().err)
    assert ("-c FILE" in said) == hint


def test_it_says_where_it_looked_for_a_daemon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    assert main(["status"]) == 1
    assert f"there is no {tmp_path}/status.json" in capsys.readouterr().err


@pytest.mark.parametrize("share", ["2", "nan", "much"])
def test_a_share_that_is_none_is_told_its_limits(share: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["models", "compare", "a", "b", "--images", ".", "--at-least", share])
    assert ended.value.code == 2
    assert f"argument --at-least: '{share}' is not a number from 0 to 1" in capsys.readouterr().err


def test_a_password_that_cannot_be_read_is_told_with_its_option(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "latin").write_bytes(b"caf\xe9")
    for file, why in (("none", "No such file or directory"), ("latin", "not UTF-8 text"), ("", "Is a directory")):
        assert main(["watch", "--username", "me", "--password-file", str(tmp_path / file)]) == 2
        assert f"--password-file: {tmp_path / file}: cannot be read: {why}\n" in capsys.readouterr().err
