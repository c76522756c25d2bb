"""The groups of the page, and the names that stand on it."""

from __future__ import annotations

import re
from pathlib import Path

from agent.tools import doctor
from agent.tools.doctor.examine import GROUPS, PARTS


def test_each_name_on_the_page_may_be_asked_for() -> None:
    sources = "".join(file.read_text() for file in Path(doctor.__file__).parent.glob("*.py"))
    names = set(re.findall(r"Finding(?:\.of)?\(\s*\"(\w+)\"", sources))
    assert names >= {"camera", "login", "reach"}
    assert names <= {*GROUPS, *PARTS}
    assert set(PARTS.values()) <= set(GROUPS)
    assert not PARTS.keys() & set(GROUPS)
