"""What an edit means for the daemon as a whole: how it is asked, its start, its end, and who may ask it for figures."""

from __future__ import annotations

import signal
import socket
import urllib.request
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from agent.runtime.reload.revision import file_hash
from agent.runtime.reload.saved_configs import Remote, SavedConfigs
from tests.support.audience import TOPICS
from tests.support.brokers import free_port, wait_for
from tests.support.daemon import BUSY_SECONDS, STOP_SECONDS
from tests.support.processes import descriptors_of
from tests.support.reloading import WITHIN
from tests.support.synthetic import bright_network

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.reloading import Stage

pytestmark = pytest.mark.rooted


def test_prometheus_may_ask_as_soon_as_the_config_says_so(stage: Stage) -> None:
    port = free_port()
    stage.edit(lambda c: c.update(metrics={"listen": port}))

    def scraped() -> dict[str, float]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                families = list(text_string_to_metric_families(answer.read().decode()))
        except OSError:
            return {}
        return {s.name: s.value for family in families for s in family.samples if s.labels.get("camera") == "yard"}

    wait_for(lambda: bool(scraped()), WITHIN, stage.daemon.log)
    first = scraped()
    stage.goes_on("yard")
    assert scraped()["vedette_camera_latency_seconds_count"] > first["vedette_camera_latency_seconds_count"] > 0
    stage.edit(lambda c: c.pop("metrics"))
    wait_for(lambda: not scraped(), WITHIN, "it still listens")


def test_health_comes_as_often_as_the_config_says_now(stage: Stage) -> None:
    def told() -> int:
        return sum(topic == TOPICS.health for topic, _ in stage.heard.heard())

    stage.edit(lambda c: c.update(health={"interval": 10}))
    before = told()
    wait_for(lambda: told() > before, 10 + WITHIN, stage.daemon.log)
    stage.edit(lambda c: c.update(health={"interval": 1}))
    before = told()
    wait_for(lambda: told() > before + 1, 7, stage.daemon.log)


def test_what_edits_have_taken_away_is_not_kept_open(stage: Stage) -> None:
    """A camera and an engine that were there from the start, which Python's collector leaves alone for an hour."""
    before, taken = descriptors_of(stage.daemon.pid), {}
    stage.edit(lambda c: taken.update(yard=c["cameras"].pop("yard")))
    stage.edit(lambda c: c["cameras"].update(taken))
    stage.edit(lambda c: c.update(model=stage.models[1]))
    stage.goes_on("hall")
    wait_for(lambda: descriptors_of(stage.daemon.pid) <= before, WITHIN, "descriptors are left")


def test_stopped_in_the_middle_of_an_attempt_it_ends_in_time(stage: Stage) -> None:
    """The attempt waits for a source that never answers; then for the new engine of a model."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        camera = {"source": f"http://127.0.0.1:{silent.getsockname()[1]}/stream", "timeout": 60, "fps": 10}
        stage.content["cameras"]["yard"] = camera
        stage.content["model"] = stage.models[1]
        stage.daemon.file.write_text(stage.text())
        wait_for(lambda: stage.daemon.status()["config"]["state"] == "pending", WITHIN, stage.daemon.log)
        assert stage.daemon.stop() < STOP_SECONDS + BUSY_SECONDS
    assert "bug in Vedette" not in stage.daemon.log()


def test_a_signal_and_the_verb_have_the_file_read(stage: Stage) -> None:
    before = stage.daemon.status()["reloads"]
    stage.daemon.process.send_signal(signal.SIGHUP)
    wait_for(lambda: stage.daemon.status()["reloads"] > before, WITHIN, stage.daemon.log)
    done = stage.daemon.verb("reload")
    assert (done.returncode, "is what runs" in done.stdout) == (0, True)
    stage.daemon.file.write_text("cameras: {}\n")
    done = stage.daemon.verb("reload")
    assert done.returncode == 2
    assert f"{stage.daemon.file}:1:" in done.stdout


def test_a_broken_file_at_the_start_is_stood_in_for_by_what_worked_last(stage: Stage) -> None:
    stage.daemon.stop()
    good = stage.daemon.file.read_text()
    stage.daemon.file.write_text("cameras: [\n")
    stage.daemon.start()
    wait_for(stage.daemon.ready, 30, stage.daemon.log)
    told = stage.daemon.status()["config"]
    assert (told["state"], told["errors"][0]["line"]) == ("running_last_good", 2)
    wait_for(lambda: stage.value(TOPICS.camera_status("hall")) == b"online", WITHIN, stage.daemon.log)
    assert stage.write(good)["state"] == "ok"
    seen = len(stage.frames("hall"))
    wait_for(lambda: len(stage.frames("hall")) > seen + 3, WITHIN, stage.daemon.log)


def test_what_came_from_afar_stays_until_the_file_says_something_else(stage: Stage, tmp_path: Path) -> None:
    """Its model, too, may be gone for a while: then the file runs, and that is told."""
    stage.daemon.stop()
    mount, away, good = tmp_path / "mount", tmp_path / "away", stage.text()
    afar = good.replace(stage.models[0], str(bright_network(mount, name="three")))
    remote = stage.daemon.state / "remote.yaml"
    SavedConfigs(stage.daemon.state, stage.daemon.file).keep_remote(Remote(afar, file_hash(stage.daemon.file), "kept"))
    mount.rename(away)
    stage.daemon.start()
    wait_for(stage.daemon.ready, 30, stage.daemon.log)
    told = stage.daemon.status()["config"]
    assert (told["state"], told["file"]) == ("rejected", str(stage.daemon.file))
    assert "three" in told["errors"][0]["message"]
    away.rename(mount)
    assert stage.daemon.verb("reload").returncode == 0
    before = stage.daemon.status()["reloads"]
    stage.daemon.file.touch()
    wait_for(lambda: stage.daemon.status()["reloads"] > before, WITHIN, stage.daemon.log)
    told = stage.write(good)
    assert (told["state"], told["file"], told["errors"]) == ("ok", str(remote), [])
    assert stage.daemon.verb("reload").returncode == 0
    assert stage.status()["file"] == str(remote)
    assert {camera["model"] for camera in stage.daemon.status()["cameras"].values()} == {"three"}
    told = stage.edit(lambda c: c.update(log={"level": "debug"}))
    assert (told["state"], told["file"]) == ("ok", str(stage.daemon.file))
    assert not remote.exists()


def test_a_device_of_another_name_begins_anew_in_place(stage: Stage) -> None:
    pid, boot = stage.daemon.pid, stage.daemon.status()["boot_id"]
    text = stage.text().replace('"device": "', '"device": "other-', 1)
    stage.daemon.file.write_text(text)
    done = stage.daemon.verb("reload")
    assert (done.returncode, "is what runs" in done.stdout) == (0, True), done.stderr
    wait_for(lambda: stage.daemon.status().get("boot_id", boot) != boot, 3 * WITHIN, stage.daemon.log)
    wait_for(stage.daemon.ready, 30, stage.daemon.log)
    assert stage.daemon.pid == pid
    assert stage.daemon.status()["device"].startswith("other-")
