"""docs/troubleshooting.md quotes what the program really says, and leaves no alert out."""

from __future__ import annotations

import ast
import json
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from agent.config import ConfigError, parse
from agent.publish.outbox import journal, opening
from agent.runtime import faults
from tests.support.asyncapi import document
from tests.support.pages import ROOT, commands, spans
from tests.support.shell_words import SYSTEM, fault

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = (ROOT / "docs/troubleshooting.md").read_text()
SECTIONS = {part.partition("\n")[0]: part for part in PAGE.split("\n### ")[1:]}
SOURCES = sorted(path for room in ("agent", "backends") for path in (ROOT / room).rglob("*.py"))
MQTT = (ROOT / "docs/mqtt.md").read_text()
SCHEMA = (ROOT / "config/vedette.schema.json").read_text()
HOLE = "\0"
_SHORTEST = 5
FORMAT = re.compile(r"%[-#0-9.]*[sdrgf]")


def literals(source: str) -> set[str]:
    """The texts of a module, with a hole where something is put in."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            found.add("".join(str(v.value) if isinstance(v, ast.Constant) else HOLE for v in node.values))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(FORMAT.sub(HOLE, node.value))
    return found


@cache
def texts() -> frozenset[str]:
    return frozenset(text for path in SOURCES for text in literals(path.read_text()) if len(text) > _SHORTEST)


def said(quote: str) -> bool:
    """Whether some text of the code has the quote's parts, in this order; `...` stands for what differs."""
    parts = [part.strip() for part in quote.split("...") if part.strip()]
    pattern = re.compile(".*".join(map(re.escape, parts)), re.DOTALL)
    return sum(map(len, parts)) > _SHORTEST and any(pattern.search(text) for text in texts() if parts[0] in text)


def published(quote: str) -> bool:
    """Whether the page made from asyncapi.yaml has it."""
    topic = quote.replace("<c>", "{camera}").replace("<e>", "{engine}").rstrip(".")
    return re.search(rf"(?<![\w-]){re.escape(topic)}", MQTT) is not None


def configured(quote: str) -> bool:
    """Whether it is a key, or a piece of a config that loads: of a camera, or of the whole."""
    if re.fullmatch(r"[a-z_.]+", quote):
        return all(f'"{key}": {{' in SCHEMA for key in quote.split("."))
    try:
        piece = yaml.safe_load(quote)
    except yaml.YAMLError:
        return False
    if not isinstance(piece, dict):
        return False
    for dotted in [key for key in piece if "." in key]:
        first, _, rest = dotted.partition(".")
        piece[first] = {}
        *above, last = rest.split(".")
        at = piece[first]
        for key in above:
            at = at.setdefault(key, {})
        at[last] = piece.pop(dotted)
    camera = {"source": "rtsp://10.0.0.7/stream2"}
    return any(
        loads(text) for text in ({"cameras": {"gate": {**camera, **piece}}}, {"cameras": {"gate": camera}, **piece})
    )


def loads(text: object) -> bool:
    try:
        parse(json.dumps(text), "troubleshooting.md", ROOT)
    except ConfigError:
        return False
    return True


@cache
def codes() -> set[str]:
    """Of all alerts there are."""
    found: set[str] = {*faults._BROKER_CODES.values(), *faults._OUTBOX_HINTS}
    indirect = 0
    for path in SOURCES:
        text = path.read_text()
        # Every worker reads this when it collects the tests: where the word is not, nothing is parsed.
        for node in ast.walk(ast.parse(text)) if "Subject(" in text else ():
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Subject":
                if isinstance(node.args[0], ast.Constant):
                    found.add(node.args[0].value)
                else:
                    indirect += 1
        if path.is_relative_to(ROOT / "agent"):
            found |= set(re.findall(r'"((?:mqtt|outbox)-[a-z]+)"', text))
    # of brokers, of the outbox, and of the run before
    assert indirect == 3, "an alert whose code is not in its place: tell this test where it comes from"
    return found


def test_the_alerts_were_found() -> None:
    assert codes() >= {"camera-offline", "mqtt-offline", "outbox-failed", "thermal", "undervoltage", "metrics"}


@pytest.mark.parametrize("code", sorted(codes()))
def test_each_alert_is_told(code: str) -> None:
    assert f"`{code}`" in "".join(part for part in PAGE.split("\n- ") if part.startswith("*Seen*"))


def test_the_interface_names_the_same_alerts() -> None:
    text = document()["channels"]["alert"]["parameters"]["code"]["description"]
    assert set(re.split(r",\s+", text.partition("So far ")[2].strip().rstrip("."))) == codes()


@pytest.mark.parametrize("title", SECTIONS)
def test_each_symptom_has_its_three_parts(title: str) -> None:
    assert re.findall(r"^- \*(\w+)\*: ", SECTIONS[title], re.MULTILINE) == ["Seen", "Ask", "Do"]


@pytest.mark.parametrize("title", SECTIONS)
def test_what_is_quoted_is_said(title: str) -> None:
    _, seen, asked, do = SECTIONS[title].split("\n- ")
    assert strange(seen, said, published, alerted, ran) == []
    assert strange(asked, said, published, configured, ran) == []
    assert strange(do, said, published, configured, alerted, ran, named) == []


def strange(text: str, *ways: Callable[[str], bool]) -> list[str]:
    """The quotes in a text that none of the ways knows."""
    return [quote for quote in spans(text) if not any(way(quote) for way in ways)]


def alerted(quote: str) -> bool:
    return quote in codes()


def ran(quote: str) -> bool:
    words = commands(quote)
    known = re.match(r"(sudo )?(vedette|journalctl|make|systemctl|mosquitto_sub|lsusb) ?", quote) is not None
    return known and not any(fault(each) and "required" not in str(fault(each)) for each in words)


def named(quote: str) -> bool:
    """A program, an option of the doctor, a file of the system, an entry of the catalog."""
    catalog = (ROOT / "backends/models/catalog.yaml").read_text()
    options = re.fullmatch(r"--only (\w+)", quote)
    if options:
        return fault(["vedette", "doctor", "--only", options[1]]) is None
    return quote in SYSTEM or quote.startswith("/") or f"\n  {quote}:" in catalog


def test_a_quote_that_is_not_said_is_noticed() -> None:
    assert not said("the camera is very sad")
    assert not published("cam/<c>/mood")
    assert not configured("labels: {person: {confidense: 0.7}}")
    assert not configured("outbox.max_bites")
    assert Path(journal.__file__) in SOURCES
    assert Path(opening.__file__) in SOURCES
