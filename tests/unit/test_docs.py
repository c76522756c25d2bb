"""What the pages show is what the code takes. Each block is claimed by a rule; `tests/slow/docs` runs what it can."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from agent.config import parse
from agent.publish.homeassistant.documents import devices
from agent.publish.homeassistant.presence import Presence
from backends.models import catalog
from tests.support.pages import BLOCKS, PAGES, ROOT, Block, commands, spans
from tests.support.shell_words import ELSEWHERE, PACKAGES, fault, parsed
from tests.support.shown import output_of

CAMERAS = "cameras: {gate: {source: rtsp://10.0.0.7/stream2}}\n"
"""What a piece of a config is completed with."""
QUOTED = re.compile(r"tests/\S+|run")
"""Marks of what `tests/contract/backends/test_plugin*.py` read."""
HELD = {"docs/mqtt.md": "tests/unit/test_asyncapi.py", "docs/fleet.md": "tests/unit/tools/fleet/test_page.py"}
"""Pages whose outputs have a test of their own."""
ACL = re.compile(r"(user|topic|pattern|#) ?.*")
FOLDER = re.compile(r"(?:^|  )([a-z]+/[a-z/]*)(?=  )")
SECRETS, AUTOMATIONS = "secrets.yaml", "automations.yaml"
LENGTHS = {"first-hour.md": 150, "troubleshooting.md": 150}


def rule(block: Block) -> str | None:
    """Which of the tests looks at a block; None for one that nobody does."""
    if QUOTED.fullmatch(block.mark):
        return "quoted" if block.page == "docs/backends.md" else None
    if block.language == "yaml" and "entry_point:" not in block.text:
        return {SECRETS: "secrets", AUTOMATIONS: "automations", "": "config"}.get(block.mark)
    if block.language:
        return {"sh": "shell", "json": "payload", "yaml": "drop-in"}.get(block.language)
    return "held" if block.page in HELD else _output(block.text)


def _output(text: str) -> str | None:
    lines = text.splitlines()
    if all(ACL.fullmatch(line) for line in lines):
        return "acl"
    if all(FOLDER.search(line) for line in lines):
        return "folders"
    return output_of(text) and "output"


def of(name: str) -> list[pytest.param]:
    return [pytest.param(block, id=block.id) for block in BLOCKS if rule(block) == name]


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.id)
def test_each_block_is_claimed(block: Block) -> None:
    assert rule(block), f"no rule looks at this {block.language or 'output'}: see tests/support/shown.py\n{block.text}"


def test_a_block_that_nobody_knows_is_noticed() -> None:
    for language, text in (("ini", "[Service]\n"), ("", "an output that vedette never had\n"), ("bash", "ls\n")):
        assert rule(Block("new.md", 1, "", language, text)) is None
    for line in (
        "curl https://example.org",
        "apt install vedete",
        "vedette stauts",
        "vedette doctor --only camrea",
        "systemctl start vedete",
        "journalctl -u vedete",
    ):
        assert fault(line.split()), line


@pytest.mark.parametrize("block", of("config"))
def test_configs_load(block: Block, monkeypatch: pytest.MonkeyPatch) -> None:
    for secret in re.findall(r"!secret (\w+)", block.text):
        monkeypatch.setenv(f"VEDETTE_SECRET_{secret.upper()}", "abcdefgh")
    text = block.text if "cameras:" in block.text else block.text + CAMERAS
    config = parse(text, block.page, ROOT)
    assert config.cameras
    assert config.warnings == ()
    for camera in config.cameras:
        named = {label.label for label in camera.labels} | {label for zone in camera.zones for label in zone.labels}
        assert not named or named <= labels_of(camera.model), named


def labels_of(model: str) -> set[str]:
    found = catalog.model(model).sidecar["labels"]
    return set(found.values() if isinstance(found, dict) else found)


@pytest.mark.parametrize("block", of("secrets"))
def test_secrets_are_found(block: Block, tmp_path: Path) -> None:
    (tmp_path / "secrets.yaml").write_text(block.text)
    (tmp_path / "secrets.yaml").chmod(0o640)
    for name in yaml.safe_load(block.text):
        text = f"mqtt: {{username: x, password: !secret {name}}}\n{CAMERAS}"
        assert parse(text, block.page, tmp_path).mqtt.password


@pytest.mark.parametrize("block", of("payload"))
def test_payloads_are_json(block: Block) -> None:
    assert isinstance(json.loads(block.text), dict)


@pytest.mark.parametrize("block", of("shell"))
def test_commands_are_taken(block: Block) -> None:
    done = subprocess.run(["sh", "-n"], input=block.text, capture_output=True, text=True, timeout=10, check=False)
    assert not done.stderr
    assert [wrong for words in commands(block.text) if (wrong := fault(words))] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_in_the_text_are_taken(page: Path) -> None:
    """A verb alone is a name, and may lack what the parser wants of it."""
    for span in spans(page.read_text()):
        for words in commands(span) if re.match(r"(sudo )?(vedette|journalctl|make|apt) [a-z-]", span) else []:
            wrong = fault(words)
            assert not wrong or ("required" in wrong and len(words) <= 3), f"{span}: {wrong}"


@pytest.mark.rooted
def test_packages_are_there() -> None:
    if shutil.which("apt-cache") is None:
        pytest.skip("there is no apt here")
    done = subprocess.run(["apt-cache", "show", *PACKAGES], capture_output=True, text=True, timeout=60, check=False)
    if not done.stdout:
        pytest.skip("apt knows no packages here (apt-get update)")
    assert set(re.findall(r"^Package: (\S+)$", done.stdout, re.MULTILINE)) >= PACKAGES
    assert not PACKAGES & ELSEWHERE.keys()


def test_the_automation_names_entities_that_there_are() -> None:
    """As Home Assistant makes their ids, of the names of device and entity. `make test-homeassistant` sees it do so."""
    (given,) = [block.text for block in BLOCKS if block.page == "docs/homeassistant.md" and rule(block) == "config"]
    config = parse(given.replace("!secret mqtt_password", "abcdefgh"), "homeassistant.md", ROOT)
    presence = Presence(config, "uid", "0.1.0", None, (), (), (), {})
    made = {
        f"{entity.platform}.{'_'.join((device.about['name'] + ' ' + entity.body['name']).lower().split())}"
        for device in devices(presence)
        for entity in device.entities
    }
    text = (ROOT / "docs/homeassistant.md").read_text()
    named = set(re.findall(r"\b(?:binary_sensor|sensor|image|event|switch|number)\.\w+", text))
    assert len(named) >= 6
    assert named <= made


@pytest.mark.parametrize("page", [page for page in HELD if (ROOT / page).exists()])
def test_a_page_with_a_test_of_its_own_is_read_there(page: str) -> None:
    assert Path(page).name in (ROOT / HELD[page]).read_text()


@pytest.mark.parametrize("block", of("folders"))
def test_folders_are_there(block: Block) -> None:
    assert [folder for folder in FOLDER.findall(block.text) if not (ROOT / folder).is_dir()] == []


def test_the_pages_have_examples() -> None:
    assert {block.page for block in BLOCKS if rule(block) == "config"} >= {
        "README.md",
        "docs/scenes.md",
        "docs/first-hour.md",
    }
    assert {block.page for block in BLOCKS if rule(block) == "output"} >= {
        "README.md",
        "docs/doctor.md",
        "docs/first-hour.md",
    }
    assert not isinstance(parsed(["status"]), str)


@pytest.mark.parametrize("page", LENGTHS)
def test_pages_to_be_read_at_once_are_short(page: str) -> None:
    assert len((ROOT / "docs" / page).read_text().splitlines()) <= LENGTHS[page]


def test_the_index_has_every_page() -> None:
    text = (ROOT / "docs/README.md").read_text()
    pages = [page.name for page in PAGES if page.parent.name == "docs" and page.name != "README.md"]
    assert [name for name in pages if f"({name})" not in text] == []


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=lambda page: str(page.relative_to(ROOT)))
def test_what_the_pages_point_at_is_there(page: Path) -> None:
    text = page.read_text()
    for target, _, heading in (link.partition("#") for link in re.findall(r"\]\((?!https?:)([^)]+)\)", text)):
        file = page.parent / target if target else page
        assert file.exists(), target
        assert not heading or heading in anchors(file), f"{target}#{heading}"
    for path in re.findall(r"`((?:agent|backends|tests|docs|config|systemd)/[\w/.-]+?)`", text):
        if path == "config/status":  # a topic
            continue
        assert (ROOT / path).exists(), path


def anchors(page: Path) -> set[str]:
    """As GitHub makes them of the headings."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
