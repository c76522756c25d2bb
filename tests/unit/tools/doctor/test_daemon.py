"""What the doctor makes of what the running daemon says of itself."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from agent.tools.doctor import daemon as module
from agent.tools.doctor.daemon import daemon

if TYPE_CHECKING:
    from agent.config.model import Config

EXPIRED = "the certificate of broker.lan:8883 is not accepted (certificate has expired)"
CUT = "the connection to broker.lan:1883 is cut again and again soon after it was made"
HINT = "renew it, or set this device's clock"
USUAL = "follow its message, or the fixes above"
MANY = "see whether another client is called 'gate-pi' too, then the broker's log, and the network"


@pytest.mark.parametrize(
    ("alerts", "error", "found"),
    [
        ([EXPIRED], f"{EXPIRED}: {HINT}", [(EXPIRED, HINT)]),
        ([EXPIRED], EXPIRED, [(EXPIRED, USUAL)]),
        ([EXPIRED], CUT, [(EXPIRED, USUAL), (CUT, MANY)]),
        ([], f"{EXPIRED}: {HINT}", [(f"{EXPIRED}: {HINT}", USUAL)]),
        ([CUT, EXPIRED], None, [(CUT, MANY), (EXPIRED, USUAL)]),
    ],
)
def test_one_cause_is_one_fault_with_its_fix(
    alerts: list[str], error: str | None, found: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    said: dict[str, Any] = {
        "device": "gate-pi",
        "alerts": [{"code": "mqtt-offline", "severity": "error", "text": text} for text in alerts],
        "mqtt": {"connected": False, "last_error": error},
    }
    monkeypatch.setattr(module, "running", lambda: said)
    findings = list(daemon(cast("Config", SimpleNamespace(device="gate-pi"))))
    assert {finding.state for finding in findings} == {"failed"}
    assert [(f.text.removeprefix("the running vedette says: "), f.fix) for f in findings] == found


def test_the_hint_of_an_alert_is_its_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    alert = {"code": "disk-full", "severity": "error", "text": "3 MB left", "hint": "make room there"}
    said = {"device": "gate-pi", "alerts": [alert], "mqtt": {"connected": True, "last_error": None}}
    monkeypatch.setattr(module, "running", lambda: said)
    (finding,) = daemon(cast("Config", SimpleNamespace(device="gate-pi")))
    assert (finding.state, finding.fix) == ("failed", "make room there")
