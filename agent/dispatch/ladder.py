"""The engines of one model, best first: the first healthy one serves, the next takes over, the better one returns."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Literal

from agent.dispatch.engine import RemoteEngine
from agent.dispatch.result import EngineStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from agent.dispatch.engine import State
    from agent.dispatch.result import Done
    from agent.dispatch.spec import EngineSpec
    from agent.dispatch.worker import Spawn

log = logging.getLogger("vedette.ladder")

_STATES: dict[str, Literal["loading", "serving", "failed"]] = {
    "resting": "loading",
    "loading": "loading",
    "serving": "serving",
    "failed": "failed",
    "absent": "failed",
    "refused": "failed",
}


class Ladder:
    """Owned by one dispatcher and its thread; others may read `rungs`, `statuses`, `current` and `serving`.

    warm: keep the next engine loaded behind the one that serves. on_status: called with an engine's id and its new
    status, None when it is out of service. held: set from any thread: all engines rest, so that others may have their
    devices.
    """

    def __init__(
        self,
        specs: Sequence[EngineSpec],
        spawn: Spawn,
        on_status: Callable[[str, EngineStatus | None], None],
        *,
        warm: bool,
    ) -> None:
        self.rungs = tuple(RemoteEngine(spec, spawn) for spec in specs)
        self.current = self.rungs[0]
        self.statuses: dict[str, EngineStatus] = {}
        self._on_status = on_status
        self._warm = warm
        self.held = self._was_held = False
        self._picture: list[tuple[State, str, str]] = []
        self._tell()

    @property
    def serving(self) -> bool:
        return self.current.serving

    def filenos(self) -> list[int]:
        return [fd for rung in self.rungs for fd in rung.filenos()]

    def next_deadline(self) -> float:
        """time.monotonic() at which `receive` must be called at the latest."""
        return min(rung.next_deadline() for rung in self.rungs)

    def receive(self, now: float, readable: Collection[int]) -> list[Done]:
        """The answers that have come, and those that never will. Then `current` is the engine to use."""
        done = [answer for rung in self.rungs for answer in rung.receive(now, readable)]
        self._notice()  # a failure is told even where the replacement starts at once
        for rung in self.rungs:
            done += rung.advance(now)
        self._notice()
        return done

    def close(self, grace: float) -> None:
        for rung in self.rungs:
            rung.close(grace / len(self.rungs))

    def _notice(self) -> None:
        if self.held != self._was_held:
            self._was_held = self.held
            self._choose()
        picture = [(rung.state, rung.cause, rung.progress) for rung in self.rungs]
        if picture != self._picture:
            self._picture = picture
            self._choose()
            self._tell()

    def _choose(self) -> None:
        """Which engine is used, and which are wanted.

        While none serves all are, so the quickest is there first; then the better ones, which are retried, and with
        `warm` the next one below.
        """
        usable = [rung for rung in self.rungs if rung.state != "refused"]
        best = next((rung for rung in usable if rung.serving), None)
        there = (rung for rung in usable if rung.spec.expected or rung.state != "absent")
        chosen = best or next(there, (usable or self.rungs)[0])
        if chosen is not self.current:
            if chosen.serving:  # else one that is not there makes way for one that loads
                log.info("%s takes over from %s", chosen.spec.id, self.current.spec.id, extra=chosen.spec.log_fields)
            self.current = chosen
        wanted = len(usable) if best is None else usable.index(best) + 1
        if best is not None and self._warm:
            wanted = next((i + 1 for i in range(wanted, len(usable)) if usable[i].state != "absent"), wanted)
        for i, rung in enumerate(usable):
            rung.wanted = i < wanted and not self.held

    def _tell(self) -> None:
        """An engine has a status when it serves, or would if it could; one that waits behind it has none."""
        last = self.rungs.index(self.current) if self.serving else len(self.rungs)
        for i, rung in enumerate(self.rungs):
            status = self._status(i) if i <= last and self._counts(rung) else None
            if status != self.statuses.get(rung.spec.id):
                if status is None:
                    del self.statuses[rung.spec.id]
                else:
                    self.statuses[rung.spec.id] = status
                self._on_status(rung.spec.id, status)

    def _counts(self, rung: RemoteEngine) -> bool:
        """A chip that nobody said is there and that is not there is no fault."""
        return rung is self.current or rung.spec.expected or rung.state not in {"absent", "refused"}

    def _status(self, i: int) -> EngineStatus:
        rung = self.rungs[i]
        state: Literal["loading", "serving", "degraded", "failed"] = _STATES[rung.state]
        cause, since = rung.cause or rung.progress, rung.since
        if rung.serving and (fallen := self._fallen(i)):
            state, since = "degraded", max(since, fallen.since)
            cause = f"{fallen.spec.id}: {fallen.cause}"
        # One that has said why it does not serve would not take over.
        fallback = next((other.spec.id for other in self.rungs[i + 1 :] if not other.cause), None)
        device = str(rung.info.get("device", rung.spec.device or ""))
        return EngineStatus(rung.spec.id, state, rung.spec.program.name, device, cause, fallback, since)

    def _fallen(self, i: int) -> RemoteEngine | None:
        """The best of the better engines that should serve and has said why it does not."""
        better = (rung for rung in self.rungs[:i] if rung.state != "serving" and rung.cause and self._counts(rung))
        return next(better, None)
