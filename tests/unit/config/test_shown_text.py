"""What `config.get` shows of a config."""

from __future__ import annotations

import pytest

from agent.config.redact import MASK
from agent.config.shown_text import shown_text

HEAD = "mqtt: {url: mqtt://b}\n"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("# password: oldhunter2", f"# password: {MASK}"),
        ("  #username: viewer # was it", f"  #username: {MASK}"),
        ("x: 1  # 'password': old one", f"x: 1  # 'password': {MASK}"),
        ("# {source: x, password: oldhunter2}", f"# {{source: x, password: {MASK}"),
        ("# password: !secret gate_password", "# password: !secret gate_password"),
        ("# password: !env GATE", "# password: !env GATE"),
        ("# the password: see the safe", f"# the password: {MASK}"),
        ("# a comment about passwords", "# a comment about passwords"),
        ("#", "#"),
    ],
)
def test_an_old_password_in_a_comment_is_masked(line: str, shown: str) -> None:
    assert shown_text(f"{HEAD}{line}\nname: Gate\n") == f"{HEAD}{shown}\nname: Gate\n"


def test_a_long_line_of_comment_signs_is_looked_through_once() -> None:
    assert shown_text(f"{HEAD}{'#' * 500_000}\n# password: oldhunter2\n").endswith(f"\n# password: {MASK}\n")
