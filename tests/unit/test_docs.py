"""What the pages show is what the code takes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from agent import cli
from agent.config import parse

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
BLOCK = re.compile(r"^```(yaml|json)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = [(page.name, kind, text) for page in PAGES for kind, text in BLOCK.findall(page.read_text())]
CONFIGS = [(name, text) for name, kind, text in BLOCKS if kind == "yaml" and "cameras:" in text]


@pytest.mark.parametrize(("page", "text"), CONFIGS, ids=[name for name, _ in CONFIGS])
def test_configs_load(page: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for secret in ("MQTT", "GATE"):
        monkeypatch.setenv(f"VEDETTE_SECRET_{secret}_PASSWORD", "abcdefgh")
    assert parse(text, page, ROOT).cameras


@pytest.mark.parametrize("text", [text for _, kind, text in BLOCKS if kind == "json"])
def test_payloads_are_json(text: str) -> None:
    assert isinstance(json.loads(text), dict)


def test_the_pages_have_examples() -> None:
    assert {name for name, _ in CONFIGS} >= {"README.md", "scenes.md"}


SHELL = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMANDS = [
    (page.name, line.partition(" #")[0].partition("&&")[0].strip())
    for page in PAGES
    for block in SHELL.findall(page.read_text())
    for line in block.splitlines()
    if line.startswith("vedette ")
]


@pytest.mark.parametrize(("page", "line"), COMMANDS)
def test_commands_are_taken(page: str, line: str) -> None:
    """That they do what the page says is for others to prove: of docs/models.md, tests/slow/export."""
    assert cli._parser().parse_args(line.split()[1:]).run


def test_the_pages_have_commands() -> None:
    assert {name for name, _ in COMMANDS} >= {"README.md", "models.md"}


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=lambda page: page.name)
def test_what_the_pages_point_at_is_there(page: Path) -> None:
    text = page.read_text()
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert (page.parent / target).exists(), target
    for path in re.findall(r"`((?:agent|backends|tests|docs|config|systemd)/[\w/.-]+?)`", text):
        if path == "config/status":  # a topic
            continue
        assert (ROOT / path).exists(), path
