"""Passwords with a # in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.config import parse
from agent.config.hashes import CUT, cut
from agent.config.nodes import Position


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ("password: 12 #34", 14),
        ("    password: #abc", 15),
        ("{username: a, password: a b  #c", 30),
        ("password: 12 # of the hall", 0),
        ("password: abc", 0),
        ("password: a#b", 0),
        ('password: "12 #34"', 0),
        ("password: '12 #34' #b", 0),
        ("password: !secret word   #as above", 0),
        ("#  password: 12 #34", 0),
        ("source: a #b", 0),
    ],
)
def test_a_password_that_is_cut_off(line: str, column: int) -> None:
    assert [*cut(f"a: b\n{line}\n", "password")] == ([Position(2, column)] if column else [])


def test_it_is_a_warning_that_repeats_nothing(tmp_path: Path) -> None:
    (tmp_path / "secrets.yaml").write_text("word: 56 #78\n")
    (tmp_path / "secrets.yaml").chmod(0o640)
    text = """\
mqtt: {username: a, password: !secret word}
cameras:
  gate:
    source: rtsp://h/x
    username: a
    password: 12 #34
"""
    config = parse(text, "vedette.yaml", tmp_path)
    assert sorted(map(str, config.warnings)) == [
        f"{tmp_path}/secrets.yaml:1:10: {CUT}",
        f"vedette.yaml:6:18: password: {CUT}",
    ]
