"""One attempt to run another config. Until it is committed nothing has happened that cannot be taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from agent.runtime.overrides import overridden
from agent.runtime.pipeline import listen
from agent.runtime.reload.trial import broken
from agent.runtime.transition import Transition, Unfit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent.config import Config
    from agent.publish.mqtt import Publisher
    from agent.runtime.overrides import Value, Wanted
    from agent.runtime.pipeline import Pipeline
    from agent.runtime.reload.applied import Applied
    from agent.runtime.reload.revision import Revision

CONNECT_S = 15.0
"""What another broker, or another password for it, is given."""

Cause = Literal["file", "remote", "rollback", "command"]
_Phase = Literal["trying", "connecting", "settling", "done"]


class Attempt:
    """revision: what is tried. wanted: with what was set by command. more: what is being set by one, by camera.

    excused: the cameras that do not work already.
    """

    def __init__(
        self, revision: Revision, wanted: Applied, cause: Cause, more: Wanted, pipeline: Pipeline, now: float
    ) -> None:
        self.revision = revision
        self.config = wanted.config
        self.left_out = wanted.left_out
        self.cause: Cause = cause
        self.more = more
        self._pipeline = pipeline
        self.before = pipeline.config
        self.excused = broken(pipeline)
        self.refused: Unfit | None = None
        self._phase: _Phase = "trying"
        self._aborted = False
        self._publisher = pipeline.publisher
        # The way back is not barred by a camera that is down just now, or that only one may read at a time.
        self._transition = Transition(pipeline, wanted.config, wanted.found, now, probe=cause != "rollback")
        self._connected_by: float | None = None

    @property
    def committed(self) -> bool:
        """Whether the new config is what runs."""
        return not self._aborted and self._phase in {"settling", "done"}

    @property
    def aborted(self) -> bool:
        """Whether it was given up."""
        return self._aborted

    @property
    def done(self) -> bool:
        return self._phase == "done"

    def turn(self, now: float) -> bool:
        """Goes on; True once, when the new config runs from now on. Raises Unfit, after which all is as it was."""
        try:
            if self._phase == "trying" and self._transition.poll(now):
                self._connect(now)
            if self._phase == "connecting" and self._is_connected(now):
                self.before = self._pipeline.config
                self._transition.commit(self.config)
                self._phase = "settling"
                return True
        except Unfit as unfit:
            self.refused = unfit
            self.abort()
            raise
        if self._phase == "settling" and self._transition.settled():
            self._phase = "done"
        return False

    def hold(self, camera: str, values: Mapping[str, Value]) -> None:
        """Set by command, for what runs and for what will: whether a camera is watched, its confidence."""
        if any(one.id == camera for one in self.config.cameras):
            self.config = overridden(self.config, {camera: values})
            self.more = {**self.more, camera: {**self.more.get(camera, {}), **values}}

    def abort(self) -> None:
        """Before it is committed."""
        self._transition.abort()
        if self._phase == "connecting":
            _move(self._publisher, self.before)
        self._phase, self._aborted = "done", True

    def _connect(self, now: float) -> None:
        """To another broker; where the former one is not connected, there is nothing to lose."""
        self._connected_by = now + CONNECT_S if self._publisher.connected else None
        _move(self._publisher, self.config)
        self._phase = "connecting"

    def _is_connected(self, now: float) -> bool:
        publisher = self._publisher
        if self._connected_by is None or (publisher.connected and not publisher.moving):
            return True
        if now >= self._connected_by:
            why = publisher.last_error or "no connection in time"
            raise Unfit(self.config.problem("mqtt", f"{why}; the previous broker is still used"))
        return False


def _move(publisher: Publisher, config: Config) -> None:
    publisher.use(config.mqtt, listen(config))
