"""docs/backends.md tells the truth: its code is the code that is tested, and its names are there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from backends.contract import Backend, Engine, EngineInfo
from backends.heads import make_head
from backends.registry.drop_in import FOLDER, read_all
from backends.testing.fake import Fake
from backends.testing.model import boxes_model
from backends.testing.script import Reader

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs/backends.md").read_text()
QUOTED = re.findall(r"<!-- (tests/\S+) -->\n```\w+\n(.*?)```", TEXT, re.DOTALL)


def block(language: str, after: str = "") -> str:
    found = re.search(rf"```{language}\n(.*?)```", TEXT[TEXT.index(after) :], re.DOTALL)
    assert found
    return found[1]


@pytest.mark.parametrize(("file", "code"), QUOTED, ids=[file for file, _ in QUOTED])
def test_what_is_quoted_is_what_is_tested(file: str, code: str) -> None:
    """The module as a whole; of the pyproject.toml its end differs."""
    source = (ROOT / file).read_text()
    assert code == source if file.endswith(".py") else code in source


def test_both_files_are_quoted() -> None:
    assert {Path(file).suffix for file, _ in QUOTED} == {".py", ".toml"}


def test_the_drop_in_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its only mistakes are that its program and folder are not on this machine."""
    monkeypatch.setenv("VEDETTE_BACKENDS_D", str(tmp_path))
    (tmp_path / "edges.yaml").write_text(block("yaml", "## Another interpreter"))
    (found,) = read_all()
    errors = found.error.splitlines()
    assert [re.sub(r".*?:(\d):1: (\w+): .*(not a program|not a folder).*", r"\1 \2 \3", e) for e in errors] == [
        "1 interpreter not a program",
        "3 path not a folder",
    ]
    assert str(FOLDER / "edges.yaml") in TEXT


def test_the_script_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = re.search(r"echo '(.*?)'", TEXT)
    assert found
    monkeypatch.setenv(Fake.variable, found[1])
    script = Reader(Fake.variable).read()
    assert {"run": script.run, "after": script.after} == json.loads(found[1])


def test_every_name_of_the_contract_is_told() -> None:
    methods = {name for kind in (Backend, Engine) for name in vars(kind) if not name.startswith("_")}
    for name in methods & {"probe", "accepts", "load", "run", "close"}:
        assert f"`{name}(" in TEXT
    for field in ("outputs", "deadline", "streams", "exclusive"):
        assert field in EngineInfo.__dataclass_fields__
        assert f"info.{field}" in TEXT
    default = EngineInfo.__dataclass_fields__["deadline"].default
    assert f"(default {default:g})" in TEXT


def test_the_head_boxes_takes_what_is_told(tmp_path: Path) -> None:
    from backends.contract import Output

    artifact = boxes_model(tmp_path)
    for shape in ((4, 6), (1, 4, 6)):
        make_head(artifact, [Output("boxes", shape, "float32")])
