"""The daemon when its chip fails: real LiteRT, real workers, real broker, and a double of libedgetpu.

Proves nothing of a real Edge TPU, its USB port or its library. Every kind of fault, twenty times: tests/slow/faults.
"""

from __future__ import annotations

import itertools
import json
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.audience import TOPICS
from tests.support.brokers import wait_for
from tests.support.coral import CHIP, CPU, DEADLINE, Coral, Watch
from tests.support.daemon import config
from tests.support.processes import descriptors_of, loaded_of, zombies_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.audience import Audience
    from tests.support.brokers import BrokerProcess
    from tests.support.daemon import Daemon

    Start = Callable[..., Daemon]
    Listen = Callable[[BrokerProcess], Audience]

pytestmark = pytest.mark.rooted


@pytest.fixture
def coral(tmp_path: Path) -> Coral:
    pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed (pip install 'vedette[edgetpu]')")
    folder = tmp_path / "coral"
    folder.mkdir()
    return Coral(folder)


@pytest.fixture
def watch(mosquitto: BrokerProcess, daemon: Start, listen: Listen, clip: Path, coral: Coral) -> tuple[Watch, Daemon]:
    seen = Watch(listen(mosquitto))
    cameras = {
        "gate": {"source": str(clip), "loop": True, "fps": 20, "model": str(coral.model)},
        "yard": {"source": str(clip), "loop": True, "fps": 5},
    }
    engine = {"standby": "warm"}
    detections = {"max_rate": 0}
    text = json.loads(config(mosquitto.port, cameras, engine=engine))
    text["mqtt"]["detections"] = detections
    run = daemon(json.dumps(text), coral.environment())
    wait_for(lambda: "edgetpu" in seen.backends(0), 30, run.log)
    wait_for(lambda: loaded_of(run.pid) == 3, 30, run.log)  # the standby, too
    return seen, run


def test_the_cpu_takes_over_and_the_chip_is_taken_back(watch: tuple[Watch, Daemon], coral: Coral) -> None:
    seen, run = watch
    assert seen.engine(CHIP)["state"] == "serving"
    assert seen.engine(CHIP)["fallback"] == CPU
    descriptors, since = descriptors_of(run.pid), time.monotonic()
    coral.mode("abort")
    wait_for(lambda: seen.backends(since).count("litert") > 40, 20, run.log)
    assert seen.gap(since) <= DEADLINE + 1
    status = seen.engine(CPU)
    assert (status["state"], status["backend"]) == ("degraded", "litert")
    assert status["cause"].startswith(f"{CHIP}: ")
    wait_for(seen.alert, 10, "no alert")
    assert CHIP in seen.alert()["text"]
    assert f"{CPU} takes over from {CHIP}" in run.log()
    assert seen.retained(TOPICS.camera_state("gate"))["engine"] == CPU

    coral.mode("ok")
    before = time.monotonic()
    wait_for(lambda: "edgetpu" in seen.backends(before), 40, run.log)
    wait_for(lambda: seen.engine(CHIP)["state"] == "serving", 5)
    assert seen.engine(CPU) is None
    wait_for(lambda: seen.alert() is None, 15, "the alert was not cleared")
    assert seen.gap(since) <= DEADLINE + 1
    yard = [at for at, f in seen.frames("yard") if at > since and f["inferred"]]
    # Five a second where the machine is not busy: tests/slow/faults measures that.
    assert max(b - a for a, b in itertools.pairwise(yard)) < 2.0, "another camera felt it"
    seen_by_both = [f["detections"] for at, f in seen.frames() if f["inferred"]]
    boxes = {json.dumps([{**d, "track_id": None} for d in found]) for found in seen_by_both}
    assert len(boxes) == 1, "both engines see the same"
    wait_for(lambda: descriptors_of(run.pid) <= descriptors, 10)
    assert not zombies_of(run.pid)


def test_a_stick_that_is_pulled_out_and_put_back(watch: tuple[Watch, Daemon], coral: Coral) -> None:
    seen, run = watch
    since = time.monotonic()
    coral.pull_out()
    wait_for(lambda: "litert" in seen.backends(since), 20, run.log)
    wait_for(
        lambda: "no Coral" in (seen.engine(CHIP) or {}).get("cause", "") or "no " in seen.engine(CHIP)["cause"], 20
    )
    coral.plug()
    coral.mode("ok")
    before = time.monotonic()
    wait_for(lambda: "edgetpu" in seen.backends(before), 40, run.log)
    assert seen.gap(since) <= DEADLINE + 1


def test_without_a_twin_check_and_status_say_that_there_is_no_fallback(daemon: Start, coral: Coral, clip: Path) -> None:
    coral.twin.unlink()
    coral.twin.with_suffix(".yaml").unlink()
    camera = {"source": str(clip), "loop": True, "model": str(coral.model)}
    run = daemon(config(1, {"gate": camera}), coral.environment())
    wait_for(lambda: " serving " in run.verb("status").stdout, 30, run.log)
    assert "  no fallback\n" in run.verb("status").stdout
    said = run.verb("check", "-c", str(run.file)).stdout
    assert "no fallback: gate_edgetpu.tflite runs on edgetpu only" in said
    assert said.rstrip().endswith("ok")


def test_a_twin_with_other_labels_is_refused(daemon: Start, coral: Coral, clip: Path) -> None:
    coral.twin.with_suffix(".yaml").write_text("name: gate\nfamily: ssd\nlabels: [cat]\n")
    run = daemon(config(1, {"gate": {"source": str(clip), "model": str(coral.model)}}), coral.environment())
    assert run.wait(20) == 2
    assert "gate.tflite" in run.log()
    assert "'cat'" in run.log()


def test_another_model_has_the_chip_that_only_one_process_can_open(
    mosquitto: BrokerProcess, daemon: Start, listen: Listen, clip: Path, coral: Coral, tmp_path: Path
) -> None:
    """Without a twin nothing can serve meanwhile: the old engine lets go of the chip, and has it back if need be."""
    coral.twin.unlink()
    other = coral.model.with_name("other_edgetpu.tflite")
    other.write_bytes(coral.model.read_bytes())
    other.with_suffix(".yaml").write_text("name: other\nfamily: ssd\nlabels: [person]\n")
    locks = tmp_path / "locks"
    locks.mkdir()
    seen = Watch(listen(mosquitto))

    def text(model: Path) -> str:
        camera = {"source": str(clip), "loop": True, "fps": 20, "model": str(model)}
        return config(mosquitto.port, {"gate": camera}, engine={"standby": "warm"})

    run = daemon(text(coral.model), {**coral.environment(), "EDGETPU_DOUBLE_LOCKS": str(locks)})
    wait_for(lambda: "edgetpu" in seen.backends(0), 30, run.log)
    changed = time.monotonic()
    run.file.write_text(text(other))
    wait_for(lambda: run.status()["reloads"] == 1, 60, run.log)
    assert run.status()["config"]["state"] == "ok", run.log()
    wait_for(lambda: "other" in {f["model"] for at, f in seen.frames() if at > changed and f["inferred"]}, 10)
    broken = coral.model.with_name("broken_edgetpu.tflite")
    broken.write_bytes(coral.model.read_bytes()[:-200])
    broken.with_suffix(".yaml").write_text("name: broken\nfamily: ssd\nlabels: [person]\n")
    run.file.write_text(text(broken))
    wait_for(lambda: run.status()["reloads"] == 2, 60, run.log)
    assert run.status()["config"]["state"] == "rejected"
    back = time.monotonic()
    wait_for(lambda: len(seen.backends(back)) > 10, 20, run.log)
