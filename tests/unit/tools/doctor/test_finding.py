"""What the doctor says: every fault of a connection comes with its fix, and no stranger's bytes reach a terminal."""

from __future__ import annotations

import socket
import ssl

import pytest

from agent.publish.faults import (
    _ALERTS,
    _MEANING,
    BrokerFault,
    closed_fault,
    connect_fault,
    cut_fault,
    refusal_fault,
    unanswered_fault,
)
from agent.tools.doctor.finding import Finding


def tls_error(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, reason)
    error.reason = reason.replace(" ", "_").upper()
    return error


def untrusted(message: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, message)
    error.verify_message = message
    return error


ERRORS = [
    *(tls_error(f"tlsv1 alert {alert}") for alert in _ALERTS),
    tls_error("wrong version number"),
    *map(untrusted, ("self signed certificate", "Hostname mismatch", "certificate has expired")),
    ConnectionRefusedError(),
    ConnectionResetError(),
    TimeoutError(),
    socket.gaierror(-2, "Name or service not known"),
    OSError(113, "No route to host"),
]
FAULTS = [
    *(connect_fault(error, "broker", 8883, tls=True) for error in ERRORS),
    *(refusal_fault(reason, "its word", "broker:1883", user) for reason in (0x84, 0x87) for user in (None, "gate")),
    *(refusal_fault(reason, "its word", "broker:1883", None) for reason in (*_MEANING, 0x80)),
    *(closed_fault(reason, "its word", "broker:1883", "gate") for reason in (None, 0x8E, 0x8D, 0x95)),
    unanswered_fault("broker:1883"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.text[:60])
def test_every_fault_is_taken_apart_into_what_is_seen_and_what_to_do(fault: BrokerFault) -> None:
    finding = Finding.of("login", fault)
    assert finding.state == "failed"
    assert f"{finding.text}: {finding.fix}" == fault.text
    for part in (finding.text, finding.fix):
        assert len(part.split()) > 1
        assert part.count("(") == part.count(")")


def test_a_fault_without_a_fix_is_not_lost() -> None:
    assert Finding.of("login", BrokerFault("closed", "it is gone")).text == "it is gone"
    assert Finding.of("login", cut_fault("broker:1883", "gate")).fix


def test_a_finding_is_a_line_for_it_and_one_for_its_fix() -> None:
    finding = Finding("tls", "failed", "it is for \x1b[2J\r\nelsewhere", "use a name")
    assert finding.lines(colours=False).splitlines() == [
        "FAIL  tls          it is for ?[2J??elsewhere",
        "                   fix: use a name",
    ]
    assert finding.lines(colours=True).startswith("\x1b[31mFAIL\x1b[0m  tls")
