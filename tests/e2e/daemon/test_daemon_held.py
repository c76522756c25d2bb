"""What was set by command holds, whatever becomes of the configs that come and go meanwhile."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.audience import TOPICS
from tests.support.brokers import wait_for
from tests.support.caller import Caller
from tests.support.clips import scene, write_clip
from tests.support.reloading import WITHIN
from tests.support.servers import MJPEG_URL, mjpeg_server, serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.reloading import Stage

pytestmark = pytest.mark.rooted


@pytest.fixture
def caller(stage: Stage) -> Iterator[Caller]:
    found = Caller(stage.broker)
    yield found
    found.subscriber.stop()
    assert not found.violations()


def overrides(stage: Stage) -> dict[str, Any]:
    return {o["key"]: o["value"] for o in stage.daemon.status()["config"]["overrides"]}


def test_a_camera_switched_off_while_a_config_is_tried_stays_off(stage: Stage, caller: Caller, tmp_path: Path) -> None:
    """One that the edit leaves alone, and one whose new source the attempt waits for."""
    motion = write_clip(tmp_path / "clip.avi", scene(320, 240), frames=25, codec="mjpeg")
    with serve(mjpeg_server(motion), MJPEG_URL) as camera:
        camera.freeze()
        stage.content["cameras"]["hall"] = {"source": camera.url, "timeout": 60, "fps": 10}
        stage.daemon.file.write_text(stage.text())
        wait_for(lambda: stage.daemon.status()["config"]["state"] == "pending", WITHIN, stage.daemon.log())
        for name in ("yard", "hall"):
            answer = caller.ask("camera.set", {"camera": name, "enabled": False, "confidence": 0.7})
            assert (answer["data"]["enabled"], answer["data"]["confidence"]) == (False, 0.7)
        camera.thaw()
        wait_for(lambda: stage.daemon.status()["reloads"] > 0, 3 * WITHIN, stage.daemon.log())
        assert stage.status()["state"] == "ok"
        assert overrides(stage) == {
            f"cameras.{name}.{key}": value
            for name in ("yard", "hall")
            for key, value in (("enabled", False), ("confidence", 0.7))
        }
        for name in ("yard", "hall"):
            wait_for(lambda name=name: stage.value(TOPICS.camera_status(name)) == b"disabled", WITHIN)  # type: ignore[misc]
            told = json.loads(stage.value(TOPICS.camera_state(name)) or b"")
            assert (told["enabled"], told["confidence"]) == (False, 0.7)
        assert json.loads(stage.value(TOPICS.camera_state("hall")) or b"")["source"] == camera.url
        wait_for(lambda: bool(stage.events("vedette.config.changed")), WITHIN)
        (changed,) = [event["data"]["changed"] for event in stage.events("vedette.config.changed")]
        assert changed == ["cameras.hall"]
