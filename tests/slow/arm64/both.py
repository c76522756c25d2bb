"""The same run of the daemon on this machine and on arm64."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.slow.arm64.comparing import Tolerance, compare
from tests.slow.arm64.playing import FRAMES, play

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.slow.arm64.playing import Played
    from tests.slow.arm64.root import Root
    from tests.support.audience import Audience
    from tests.support.brokers import BrokerProcess

PICTURES = Tolerance(overlap=0.9, confidence=0.06)
"""OpenCV scales pictures by other code on aarch64: single values differ by up to 4 of 255, 0.4 in the mean. That moves
the default model's confidence by up to 0.03 and its boxes by 2 %; the engines themselves differ far less."""


@dataclass(frozen=True, slots=True)
class Both:
    """Runs the daemon twice over the clip and compares what it published."""

    root: Root
    clip: Path
    broker: Callable[[], BrokerProcess]
    listen: Callable[[BrokerProcess], Audience]
    tell: Callable[[str], None]
    folder: Path

    def same(
        self, keys: Mapping[str, object], prepare: Callable[[Path, Root | None], Mapping[str, str]], threshold: float
    ) -> Played:
        """Asserts that both saw the same, with at least `threshold`; returns the run on arm64.

        An emulated processor beside other work may miss a deadline that is fair on a real one: what was in flight then
        (a frame for the stream, one behind it) is not compared, and the daemon must have gone on.
        keys: of the config; paths are relative to the run's folder. prepare: given that folder, and the root where
        the run is on arm64, puts files there and returns environment variables.
        """
        runs = []
        for name, root in (("x86-64", None), ("arm64", self.root)):
            folder = self.folder / name
            folder.mkdir()
            shutil.copy(self.clip, folder / "clip.avi")
            environment = prepare(folder, root)
            broker = self.broker()
            run = play(folder, self.listen(broker), broker.port, keys, root, environment)
            broker.kill()
            self.tell(run.summary())
            assert run.failures == [], run.failures
            assert FRAMES - len(run.found) <= (2 * run.late if root else 0), run.unknown
            runs.append(run)
        here, there = runs
        assert there.board == "aarch64"
        ours = {index: found for index, found in here.found.items() if index in there.found}
        agreement = compare(ours, there.found, threshold, PICTURES)
        self.tell(
            f"{agreement.compared} looked for on the other side, all found: "
            f"IoU at least {agreement.least_overlap:.3f}, confidence within {agreement.most_difference:.3f}"
        )
        assert agreement.compared >= 2 * len(there.found), "the clip shows too little to compare"
        return there
