from __future__ import annotations

import socket

import pytest

from agent.publish.connection_log import SHORT_SESSIONS, ConnectionLog
from agent.publish.faults import closed_fault, connect_fault, refusal_fault, rejected_text, unheard_text


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "unreachable", "nothing listens at b:1883"),
        (TimeoutError("timed out"), "unreachable", "does not answer"),
        (socket.gaierror(-2, "Name or service not known"), "name", "'b' was not found"),
        (OSError(113, "No route to host"), "unreachable", "No route to host"),
        (OSError("mqtt://u:geheim@b:1 failed"), "unreachable", "***"),
    ],
)
def test_each_failure_to_connect_says_what_to_do(error: OSError, kind: str, says: str) -> None:
    fault = connect_fault(error, "b", 1883, tls=False)
    assert fault.kind == kind
    assert says in fault.text
    assert "`mqtt.url`" in fault.text
    assert "geheim" not in fault.text


@pytest.mark.parametrize(
    ("reason", "username", "kind", "says"),
    [
        (0x84, None, "version", "neither MQTT 5 nor MQTT 3.1.1"),
        (0x87, "cam", "auth", "user 'cam': check `mqtt.username` and `mqtt.password`"),
        (0x86, None, "auth", "set `mqtt.username`"),
        (0x85, None, "refused", "`device`"),
        (0x9A, None, "refused", "retained"),
        (0xFF, None, "refused", "log of the broker"),
    ],
)
def test_each_refusal_says_what_to_do(reason: int, username: str | None, kind: str, says: str) -> None:
    fault = refusal_fault(reason, "the word", "b:1883", username)
    assert (fault.kind, fault.slow) == (kind, kind == "auth")
    assert says in fault.text
    assert "b:1883" in fault.what
    assert fault.fix


@pytest.mark.parametrize(
    ("reason", "kind", "says"),
    [
        (None, "closed", "was lost"),
        (0x8E, "takeover", "another client connected to b:1 as 'gate'"),
        (0x95, "closed", "max_packet_size"),
        (0x87, "auth", "closed the connection (word)"),
        (0x8B, "closed", "the broker is shutting down: start it again"),
    ],
)
def test_each_end_of_a_connection_says_why(reason: int | None, kind: str, says: str) -> None:
    fault = closed_fault(reason, "word", "b:1", "gate")
    assert fault.kind == kind
    assert says in fault.text


@pytest.mark.parametrize(("reason", "own"), [(None, False), (0x97, True)])
def test_the_brokers_own_reason_is_told_however_often_it_cuts(reason: int | None, own: bool) -> None:
    complaints = ConnectionLog()
    for _ in range(SHORT_SESSIONS):
        fault = complaints.ended(closed_fault(reason, "Quota exceeded", "b:1", "gate"), 1.0, "b:1", "gate")
    assert ("again and again" in fault.text) is not own
    assert ("quota" in fault.text) is own


def test_what_is_refused_says_whether_the_rules_are_to_blame() -> None:
    assert "write there (its ACL)" in rejected_text("v/events", "Not authorized")
    assert "ACL" not in rejected_text("v/events", "Quota exceeded")
    assert "read there" in unheard_text(("v/cmd/+", "homeassistant/status"), "Not authorized")


class Cleared(ConnectionLog):
    """The network thread connects just when the main thread has looked at the fault."""

    @property
    def _fault(self) -> object:
        return self.__dict__.pop("fault now", None)

    @_fault.setter
    def _fault(self, fault: object) -> None:
        self.__dict__["fault now"] = fault


def test_a_fault_that_ends_while_it_is_read_costs_nothing() -> None:
    complaints, fault = Cleared(), closed_fault(None, "word", "b:1", "gate")
    complaints.failed(fault)
    assert complaints.fault(connected=False) is fault
    assert complaints.fault(connected=False) is None
