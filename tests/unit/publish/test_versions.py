"""Which version of MQTT is spoken next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.publish.faults import UNSUPPORTED_VERSION, BrokerFault
from agent.publish.link import MQTT5, MQTT311
from agent.publish.versions import SLOW_S, Versions

if TYPE_CHECKING:
    import pytest

REFUSED = BrokerFault("version", "it speaks no MQTT 5")
SILENT = BrokerFault("silent", "it accepts connections but does not answer")
AWAY = BrokerFault("unreachable", "nothing listens")


def test_a_broker_that_learns_mqtt_5_is_spoken_to_in_it_after_the_session(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    versions = Versions(MQTT5)
    for _ in range(3):
        assert versions.failed("broker", UNSUPPORTED_VERSION, REFUSED)
        assert versions.now == MQTT311
        versions.ended()
        assert versions.now == MQTT5
    assert caplog.text.count("MQTT 3.1.1 only") == 1


def test_until_a_session_has_begun_a_refusal_is_remembered() -> None:
    versions = Versions(MQTT5)
    assert versions.failed("broker", UNSUPPORTED_VERSION, REFUSED)
    assert not versions.failed("broker", None, AWAY)
    assert versions.now == MQTT311


def test_one_known_to_speak_3_1_1_only_is_spared_the_refusal() -> None:
    versions = Versions(MQTT311)
    versions.ended()
    assert versions.now == MQTT311


def test_a_broker_that_only_hung_is_spoken_to_in_mqtt_5() -> None:
    versions = Versions(MQTT5)
    assert versions.failed("broker", None, SILENT)
    assert versions.doubtful(SLOW_S)
    assert versions.now == MQTT5
    assert versions.failed("broker", None, SILENT), "it waits for ever for the rest of what it misreads"
    assert versions.now == MQTT311
    assert not versions.doubtful(SLOW_S), "it is slow, and speaks no other"


def test_3_1_1_is_not_doubted_where_the_broker_is_quick_or_has_said_so() -> None:
    versions = Versions(MQTT5)
    assert versions.failed("broker", None, SILENT)
    assert not versions.doubtful(SLOW_S / 2)
    versions.ended()
    assert versions.failed("broker", UNSUPPORTED_VERSION, REFUSED)
    assert not versions.doubtful(SLOW_S)
    assert not Versions(MQTT311).doubtful(SLOW_S)
