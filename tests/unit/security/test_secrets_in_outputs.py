"""Any secret, in any place of a config: no error, warning, schema answer, log line or shown config holds it."""

from __future__ import annotations

import io
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

import agent.config.redact as redaction
from agent.config import ConfigError, parse
from agent.config.shown_text import shown_text
from agent.runtime.log import Log
from tests.support.spellings import held

if TYPE_CHECKING:
    from collections.abc import Iterator

USER = "viewer-77"
SECRETS = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=14).map(lambda s: f"Q7z{s}k9X")
"""With ends that no other text here has, so that what is found was leaked."""


@pytest.fixture(autouse=True)
def no_secret_of_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, "_forms", frozenset())
    monkeypatch.setattr(redaction, "_pattern", None)


def quoted(secret: str) -> Iterator[str]:
    """As YAML may spell it."""
    yield json.dumps(secret)
    yield json.dumps(secret, ensure_ascii=False)
    yield "'" + secret.replace("'", "''") + "'"


def outputs(text: str) -> list[str]:
    """All that loading this text brings forth, and what a log shows of it."""
    try:
        config = parse(text, "vedette.yaml", Path("/nowhere"))
    except ConfigError as error:
        return [str(error), repr(error), *(repr(problem) for problem in error.problems)]
    log = io.StringIO()
    logger = logging.getLogger("vedette.test")
    before = logging.getLogger().handlers[:]
    try:
        out = Log("debug")
        out._out.setStream(log)  # type: ignore[attr-defined]
        password = config.mqtt.password or config.cameras[0].password
        assert password is not None
        for line in ("no login %s", "http://u:%s@h/", "GET /?pwd=%s&x=1", "%r"):
            logger.warning(line, password.reveal())
        try:
            int(password.reveal())
        except ValueError:
            logger.exception("it failed")
    finally:
        logging.getLogger().handlers[:] = before
    told = [line.encoded().decode() for line in out.ring.last()]
    return [repr(config), str(config), json.dumps(config, default=str), shown_text(text), log.getvalue(), *told]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example("Q7z'k9X")
@example('Q7z"\\k9X')
@example("Q7z%2F%k9X")
@example("Q7z: {a} #@k9X")
@given(SECRETS)
def test_nothing_that_comes_of_a_config_holds_a_secret(secret: str) -> None:
    for spelt in quoted(secret):
        assume(yaml.safe_load(spelt) == secret)
        for text in (
            f"mqtt: {{username: {USER}, password: {spelt}}}\ncameras: {{gate: {{source: clip.mp4}}}}",
            f"cameras: {{gate: {{source: 'rtsp://h/', username: {USER}, password: {spelt}}}}}",
            f"cameras: {{gate: {{source: 'rtsp://h/', pasword: {spelt}}}}}",
            f"mqtt: {{password: [{spelt}]}}\ncameras: {{gate: {{source: clip.mp4}}}}",
            f"mqtt: {{password: {spelt}\ncameras: {{gate: {{source: clip.mp4}}}}",
        ):
            for said in outputs(text):
                assert not held(said, secret, USER), text


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SECRETS)
def test_a_config_is_shown_without_its_secrets_and_is_one_still(secret: str) -> None:
    for spelt in quoted(secret):
        assume(yaml.safe_load(spelt) == secret)
        text = (
            f"# by hand\nmqtt:\n  username: {USER}\n  password: {spelt}  # old\ncameras:\n  gate: {{source: a.mp4}}\n"
        )
        parse(text, "vedette.yaml", Path("/nowhere"))
        shown = shown_text(text)
        assert not held(shown, secret, USER)
        assert yaml.safe_load(shown)["mqtt"] == {"username": "***", "password": "***"}
        assert shown.startswith("# by hand\n")
        assert shown.endswith("cameras:\n  gate: {source: a.mp4}\n")


def test_a_short_secret_is_masked_where_it_stands() -> None:
    shown = shown_text("mqtt: {password: abc}\ncameras: {abc: {source: abc.mp4, password: !secret abc}}")
    assert shown == 'mqtt: {password: "***"}\ncameras: {abc: {source: abc.mp4, password: !secret abc}}'
