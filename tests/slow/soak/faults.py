"""What goes wrong in the course of the years, one a minute."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from random import Random

    from tests.slow.soak.stage import Stage


def camera_freezes(stage: Stage, draw: Random) -> None:
    """Its connections stay open, and nothing comes."""
    server = stage.servers[draw.choice([*stage.servers])]
    server.freeze()
    time.sleep(draw.uniform(8, 15))
    server.thaw()


def camera_resets(stage: Stage, draw: Random) -> None:
    """An RTSP camera starts anew."""
    server = stage.servers[draw.choice(["gate", "yard"])]
    server.kill()
    time.sleep(draw.uniform(0.5, 6))
    server.start()


def broker_restarts(stage: Stage, draw: Random) -> None:
    stage.lose_broker()
    time.sleep(draw.uniform(1, 12))
    stage.bring_broker_back()


def network_hangs(stage: Stage, draw: Random) -> None:
    """The connection to the broker is half open: nothing passes, and nobody ends it."""
    stage.proxy.stall()


def workers_die(stage: Stage, draw: Random) -> None:
    stage.kill_workers()


def config_is_edited(stage: Stage, draw: Random) -> None:
    """A zone, a rate, another model, a camera less and one more; each right, so each is taken over."""
    cameras: dict[str, Any] = stage.content["cameras"]
    name = draw.choice([*stage.servers])
    kind = draw.choice(["zone", "fps", "model", "camera"])
    if kind == "zone":
        x = round(draw.uniform(0.4, 0.7), 3)
        cameras[name]["zones"] = {"right": {"polygon": [[x, 0], [1, 0], [1, 1], [x, 1]]}}
    elif kind == "fps":
        cameras[name]["fps"] = 4 if cameras[name]["fps"] == 5 else 5
    elif kind == "model":
        stage.content["model"] = next(m for m in stage.models if m != stage.content["model"])
    else:
        taken = cameras.pop(name)
        assert stage.write(stage.text()) == "ok"
        time.sleep(2)
        cameras[name] = taken
    assert stage.write(stage.text()) == "ok", kind


def config_is_spoilt(stage: Stage, draw: Random) -> None:
    """A slip; then it is mended."""
    text = stage.text()
    cut = draw.randrange(len(text) // 2, len(text) - 1)
    assert stage.write(text[:cut]) == "rejected"
    assert stage.write(text) == "ok"


FAULTS = {
    "camera freezes": camera_freezes,
    "camera resets": camera_resets,
    "broker restarts": broker_restarts,
    "network hangs": network_hangs,
    "workers die": workers_die,
    "config is edited": config_is_edited,
    "config is spoilt": config_is_spoilt,
}
