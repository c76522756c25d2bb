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
