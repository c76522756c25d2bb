"""The main job alone: what `throughput` and `cost` say of a daemon whose scene only passes boxes on.

Tracks, and what follows from them, are no part of decode, scale, worker hop, head, payload and publish.
python -m tests.bench.untracked [CLIP] [--model NAME] [--rounds N]; with `run` it is that daemon itself.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from agent.cli import main as command
from agent.perception.facts import Facts
from agent.perception.scene import Scene
from agent.tools.bench import throughput
from agent.tools.demo import CLIP
from backends.detections import Unknown
from backends.models import store
from tests.bench import cost

if TYPE_CHECKING:
    from agent.perception.facts import Moment
    from backends.detections import Detections

MODULE = "tests.bench.untracked"


def boxes(scene: Scene, at: Moment, size: tuple[int, int], seen: Detections | Unknown) -> Facts:
    """In place of `Scene.update`."""
    del at, size
    if isinstance(seen, Unknown):
        return Facts(seen)
    passed = seen[scene._wanted(seen)]
    return Facts(passed, (None,) * len(passed))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip", type=Path, nargs="?", help="default: the demo's")
    parser.add_argument("--model", default="person")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    clip = arguments.clip.resolve() if arguments.clip else store.clip(CLIP, lambda *_: None)
    artifact = store.find(arguments.model)
    figures = {
        name: throughput(artifact, arguments.model, clip, module, arguments.rounds)
        for name, module in (("untracked", MODULE), ("tracked", "agent.cli"))
    }
    print(json.dumps({**figures, "cost": cost.measure(clip, arguments.rounds, 4.0, MODULE)}, indent=2))


if __name__ == "__main__":
    if sys.argv[1:2] == ["run"]:
        Scene.update = boxes  # type: ignore[method-assign]
        sys.exit(command())
    main()
