"""One camera's scene: what is made of what the engine saw. A pure state machine: no I/O, no threads, no clock.

    motion ─► wants ─► (dispatch infers) ─► update ─► tracker ─► zones, lines ─► lives of events ─► Facts

Everything is called on the camera's dispatch thread, in capture order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from agent.perception.facts import WHOLE, Facts
from backends.detections import Detections, Unknown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.perception.facts import Box, Moment
    from agent.perception.settings import Settings


class Scene:
    def __init__(self, settings: Settings, ids: object = None, totals: object = None) -> None:  # noqa: ARG002
        self._rules = settings.rules

    def wants(
        self,
        at: Moment,  # noqa: ARG002
        motion: Sequence[Box] | None,  # noqa: ARG002
        picture: tuple[int, int],  # noqa: ARG002
        model_input: tuple[int, int],  # noqa: ARG002
        *,
        unsettled: bool = False,  # noqa: ARG002
    ) -> tuple[Box, ...]:
        """Where to look in the frame that is at hand: the whole, or crops of it. Nothing: the frame is gated.

        motion: boxes of what has moved since the last frame that was taken, None where nobody watches for motion.
        unsettled: the whole picture changes, so that `motion` tells nothing.
        picture, model_input: width and height in pixels, of the rotated picture and of the engine's input.
        A frame that is wanted must be followed by `update`, one that is not has been dealt with.
        """
        return (WHOLE,)

    def update(self, at: Moment, size: tuple[int, int], seen: Detections | Unknown) -> Facts:  # noqa: ARG002
        """What the frame of `at` brings. size: width and height of the picture. Unknown stays Unknown."""
        if isinstance(seen, Unknown):
            return Facts(seen)
        published = seen[self._published(seen)]
        return Facts(published, (None,) * len(published))

    def idle(self, now: float, wall: float) -> Facts | None:  # noqa: ARG002
        """To be called at least once a second, frames or not. now: time.monotonic(). None: nothing has changed."""
        return None

    def stop(self, wall: float) -> Facts | None:  # noqa: ARG002
        """Ends what is still alive, for nobody will look any more."""
        return None

    def _published(self, seen: Detections) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        rules = (self._rules.get(c) for c in seen.class_id.tolist())
        least = np.array([2.0 if rule is None else rule.confidence for rule in rules], np.float32)
        return seen.confidence >= least
