"""A page that is quiet where all is well."""

from __future__ import annotations

import json

from agent.tools.doctor.finding import Finding
from agent.tools.doctor.group import Group, summary

WELL = Finding("login", "ok", "accepted")
MORE = Finding("limits", "ok", "none")
LEFT = Finding("tls", "skipped", "plain")
WARNING = Finding("clock", "warning", "it drifts", "set it")
FAULT = Finding("reach", "failed", "refused", "start it")


def shown(group: Group, *, everything: bool = False) -> list[str]:
    return [" ".join(line.split()) for line in group.lines(colours=False, everything=everything).splitlines()]


def test_one_line_where_all_is_well() -> None:
    assert shown(Group("broker", [WELL, LEFT, MORE])) == ["ok broker accepted"]
    assert shown(Group("cameras", [WELL, MORE])) == ["ok cameras accepted; none"]
    assert shown(Group("service", [LEFT])) == ["- service plain"]
    assert shown(Group("models", [])) == []


def test_what_is_wrong_has_its_fix() -> None:
    assert shown(Group("broker", [WELL, FAULT])) == ["- broker accepted", "FAIL reach refused", "fix: start it"]
    assert shown(Group("cameras", [WELL, FAULT]))[0] == "ok cameras accepted"
    assert shown(Group("clock", [LEFT, WARNING])) == ["warn clock it drifts", "fix: set it"]


def test_everything_on_request() -> None:
    assert len(shown(Group("broker", [WELL, LEFT, MORE]), everything=True)) == 3


def test_the_worst_counts() -> None:
    assert Group("a", [WELL, FAULT, WARNING]).state == "failed"
    assert Group("a", [WELL, WARNING]).state == "warning"
    assert Group("a", [LEFT, WELL]).state == "ok"
    assert Group("a", []).state == "skipped"
    assert summary([Group("a", [WELL, FAULT]), Group("b", [WARNING, WARNING])]) == "1 fault, 2 warnings"
    assert summary([Group("a", [WELL, LEFT])]) == "nothing is wrong"


def test_a_finding_comes_back_from_json() -> None:
    for finding in (WELL, LEFT, WARNING, FAULT):
        assert Finding.of_json(json.loads(json.dumps(finding.to_json()))) == finding
