"""How often, and what is allowed at all."""

from __future__ import annotations

from agent.config.model import CameraConfig, Config, HomeAssistantConfig, RemoteConfig
from agent.publish.bucket import Bucket
from agent.publish.commands.allowed import ALWAYS, allowed
from agent.publish.commands.limits import Rates

CAMERA = CameraConfig("yard", "rtsp://h/", "rtsp")


def test_a_bucket_lets_a_burst_through_and_then_its_rate() -> None:
    bucket = Bucket(10, 5)
    assert [bucket.take(0.0) for _ in range(6)] == [True] * 5 + [False]
    assert not bucket.take(0.05)
    assert bucket.take(0.11)
    assert sum(bucket.take(1 + n / 100) for n in range(500)) in range(50, 60)


def test_pings_are_cheaper_than_the_rest() -> None:
    rates = Rates()
    assert sum(rates.allows("snapshot", 0.0) for _ in range(500)) == 100
    assert sum(rates.allows("ping", 0.0) for _ in range(500)) == 400


def test_a_flood_of_refusals_makes_few_events_and_none_of_what_was_done_is_left_out() -> None:
    rates = Rates()
    told = [rates.event(0.0, matters=False) for _ in range(60)]
    assert told == [0] * 50 + [None] * 10
    assert rates.event(0.0, matters=True) == 10
    assert rates.event(0.0, matters=True) == 0


def test_the_default_allow_list() -> None:
    bare = Config("gate", (CAMERA,))
    assert set(allowed(bare)) == ALWAYS
    home = Config("gate", (CAMERA,), homeassistant=HomeAssistantConfig(enabled=True))
    assert set(allowed(home)) == ALWAYS | {"camera.set", "snapshot"}
    more = Config("gate", (CAMERA,), remote=RemoteConfig(commands=("restart",)))
    assert set(allowed(more)) == ALWAYS | {"restart"}
