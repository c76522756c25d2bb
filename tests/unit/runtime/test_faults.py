"""What each part's state means to somebody who has to mend it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import pytest

from agent.capture.status import CameraStatus
from agent.config import Problem, parse
from agent.config.model import SourceKind
from agent.publish.faults import BrokerFault
from agent.runtime import faults

CONFIG = "cameras: {gate: {source: clip.mp4}}\nmqtt: {url: mqtts://localhost, tls: {insecure: %s}}"


def view(status: CameraStatus, kind: str = "rtsp") -> Any:
    return SimpleNamespace(
        config=SimpleNamespace(id="gate", kind=kind), camera=SimpleNamespace(status=lambda _now: status)
    )


@pytest.mark.parametrize(
    ("state", "code"),
    [("offline", "camera-offline"), ("stalled", "camera-stalled"), ("connecting", ""), ("online", ""), ("ended", "")],
)
def test_a_camera_without_pictures_is_a_fault(state: Any, code: str) -> None:
    found = faults.camera_faults([view(CameraStatus(state, 0.0, "no route to host"))], 5.0)
    assert [subject for subject, _ in found] == ([code] if code else [])


@pytest.mark.parametrize(
    ("kind", "error", "hint"),
    [
        ("rtsp", "no route to host", "check its power, its address and its password; it is"),
        ("file", "cannot read clip.mp4: No such file or directory", "put a video there"),
        ("gst", "gst-launch-1.0 ended", "try the pipeline"),
        ("rtsp", "the camera has no such stream (404) (check the path of the URL)", "it is retried automatically"),
        ("folder", "no image in /a (put .jpg, .png or .bmp files there)", "it is retried automatically"),
    ],
)
def test_why_a_camera_is_offline_is_told(kind: str, error: str, hint: str) -> None:
    (fault,) = faults.camera_faults([view(CameraStatus("offline", 0.0, error), kind)], 5.0).values()
    assert fault.text == f"gate: {error}"
    assert fault.hint.startswith(hint)


def test_each_kind_of_source_has_its_hint() -> None:
    assert faults._OFFLINE.keys() == set(get_args(SourceKind))


def test_a_rejected_config_names_the_first_place() -> None:
    problems = [Problem("v.yaml", 3, 5, "helth", "not known"), Problem("v.yaml", 4, 1, "x", "y")]
    [fault] = faults.config_faults(problems).values()
    assert "v.yaml:3:5: helth: not known, and 1 more" in fault.text
    assert faults.config_faults([]) == {}


def test_a_rejected_topic_is_named_with_the_brokers_word() -> None:
    config = parse(CONFIG % "false", "f", Path("/"))
    [fault] = faults.broker_faults(config, {"a/b": "Not authorized", "c": "Quota exceeded"}, None).values()
    assert "a/b and 1 more (Not authorized)" in fault.text
    assert faults.broker_faults(config, {}, None) == {}


@pytest.mark.parametrize(
    ("topic", "reason", "text", "hint"),
    [
        ("a/b", "Not authorized", "what is published to a/b", "write there (its ACL)"),
        ("a/b", "Packet too large", "what is published to a/b", "largest packet"),
        ("a/b", "Quota exceeded", "what is published to a/b", "log of the broker"),
        ("cmd/+", "Not authorized", "our subscription to cmd/+", "read there (its ACL)"),
    ],
)
def test_a_rejection_says_what_to_do_about_it(topic: str, reason: str, text: str, hint: str) -> None:
    [fault] = faults.broker_faults(parse(CONFIG % "false", "f", Path("/")), {topic: reason}, None).values()
    assert text in fault.text
    assert hint in fault.hint


def test_an_unchecked_broker_is_a_fault_for_as_long() -> None:
    found = faults.broker_faults(parse(CONFIG % "true", "f", Path("/")), {}, None)
    assert [subject.code for subject in found] == ["tls-insecure"]


def test_a_state_directory_that_is_gone_is_a_fault(tmp_path: Path) -> None:
    [(subject, fault)] = faults.disk_faults(tmp_path / "none").items()
    assert (subject.code, subject.subject) == ("disk-failed", "device")
    assert "No such file" in fault.text


@pytest.mark.parametrize(
    ("kind", "code"),
    [("takeover", "mqtt-takeover"), ("auth", "mqtt-refused"), ("tls", "certificate"), ("closed", "mqtt-offline")],
)
def test_what_keeps_us_from_the_broker_has_a_name(kind: Any, code: str) -> None:
    config = parse(CONFIG % "false", "f", Path("/"))
    [(subject, fault)] = faults.broker_faults(config, {}, BrokerFault(kind, "why")).items()
    assert (subject.code, fault.text) == (code, "why")


def test_a_version_that_was_taken_back_is_told(tmp_path: Path) -> None:
    tree = tmp_path / "versions" / "0.1.0-1~deb12"
    tree.mkdir(parents=True)
    assert faults.upgrade_faults(tree) == {}
    note = tmp_path / "refused.json"
    note.write_text('{"version": "0.2.0-1~deb12", "running": "0.1.0-1~deb12", "why": "it is not ready"}')
    [(subject, fault)] = faults.upgrade_faults(tree).items()
    assert (subject.code, fault.severity) == ("upgrade-refused", "warning")
    assert "0.2.0-1~deb12 was not healthy here (it is not ready), so 0.1.0-1~deb12" in fault.text
    note.write_text("[]")
    assert faults.upgrade_faults(tree) == {}
    assert faults.upgrade_faults(tmp_path) == {}
