"""Keeps what runs and what the config says the same, and the old config running where the new one will not do."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from agent.config import ConfigError, Problem
from agent.config.difference import begins_anew, changed, same
from agent.config.redact import redact
from agent.publish.payloads import ConfigStatus
from agent.runtime.notify import notify, reloading
from agent.runtime.reload.applied import applied
from agent.runtime.reload.attempt import Attempt
from agent.runtime.reload.first import last_good
from agent.runtime.reload.owner import Told, as_told
from agent.runtime.reload.revision import examined, read, written
from agent.runtime.reload.saved_configs import Remote
from agent.runtime.reload.trial import Trial, broken
from agent.runtime.reload.watched import Watched
from agent.runtime.transition import Unfit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from agent.publish.payloads import ConfigState
    from agent.runtime.overrides import Overrides, Value, Wanted
    from agent.runtime.pipeline import Pipeline
    from agent.runtime.reload.attempt import Cause
    from agent.runtime.reload.first import First
    from agent.runtime.reload.owner import Owner
    from agent.runtime.reload.revision import Revision
    from agent.runtime.reload.saved_configs import SavedConfigs

log = logging.getLogger("vedette.config")
_CHANGED = {"EVENT": "vedette.config.changed"}

STEP_S = 0.02
"""Between two steps of an attempt."""


class Busy(Exception):
    """Another config is being taken over, or must still prove itself."""


class Reload:
    """For the main thread. running: without what was set by command. rounds: how often something was decided."""

    def __init__(
        self, begin: First, file: Path, kept: SavedConfigs, overrides: Overrides, pipeline: Pipeline, owner: Owner
    ) -> None:
        self.running = begin.revision
        self.rounds = 0
        self.problems = begin.problems
        self._state: ConfigState = begin.state
        self._file = file
        self._kept = kept
        self._overrides = overrides
        self._pipeline = pipeline
        self._owner = owner
        self._watched = begin.watched or Watched(str(file))
        self._written = begin.written or written(file)
        self._at = time.time()
        self._attempt: Attempt | None = None
        self._trial = Trial(pipeline, begin.excused, time.monotonic(), loading=True) if begin.trial else None
        self._asked = False
        self._unproven = begin.state == "ok"

    @property
    def folder(self) -> Path:
        """Where relative paths of a config begin, and its secrets lie, whichever runs."""
        return self._file.absolute().parent

    @property
    def busy(self) -> bool:
        return self._attempt is not None or self._trial is not None

    def ask(self) -> None:
        """Edited or not, the file shall be read. From a signal handler, too."""
        self._asked = True

    def due(self) -> float:
        """time.monotonic() at which `turn` is wanted."""
        if self._attempt is not None:
            return time.monotonic() + STEP_S
        return 0.0 if self._asked else self._watched.due()

    def status(self) -> ConfigStatus:
        name = str(self._kept.remote_file if self.running.origin == "remote" else self._file)
        state = "pending" if self.busy else self._state
        overrides = self._overrides.told()
        return ConfigStatus(
            state, self.running.hash, name, self._written.file, as_told(self.problems), overrides, self._at
        )

    def turn(self, now: float) -> None:
        """now: time.monotonic()."""
        if self._unproven and self._owner.ready:  # until then nothing of it may have worked
            self._unproven = not self._kept.keep_good(self.running.text)
        self._asked |= self._watched.changed(now)
        if self._asked and not (self._attempt is not None and self._attempt.committed):
            self._asked = False
            self._read(now)
        if self._attempt is not None:
            self._go_on(self._attempt, now)
        elif self._trial is not None and (faults := self._trial.turn(now)) is not None:
            self._judge(faults, now)

    def stop(self) -> None:
        """The daemon ends: so does what was being tried."""
        if self._attempt is not None and not self._attempt.committed:
            self._attempt.abort()
        self._attempt = None

    def apply(self, text: str, now: float) -> None:
        """What came over MQTT. Raises ConfigError, or Busy."""
        self._refuse_if_busy()
        self._begin(self._from_afar(text), "remote", now)

    def roll_back(self, now: float) -> bool:
        """From what came over MQTT to what ran before it; False where nothing did. Raises ConfigError, or Busy."""
        if self.running.origin != "remote":
            return False
        self._refuse_if_busy()
        self._begin(self._previous(), "rollback", now)
        return True

    def set(self, values: Wanted, now: float) -> Attempt:
        """By command, and over what the config says: by camera, keys and values. Raises Busy, or ConfigError."""
        self._refuse_if_busy()
        wanted = applied(self.running, self._overrides, values)
        self._attempt = attempt = Attempt(self.running, wanted, "command", values, self._pipeline, now)
        return attempt

    def hold(self, camera: str, values: Mapping[str, Value]) -> bool:
        """The same for what is done at once, whatever is being tried. Whether it will outlive this run."""
        if self._attempt is not None and not self._attempt.committed:
            self._attempt.hold(camera, values)
        return self._overrides.set(camera, values)

    def _refuse_if_busy(self) -> None:
        if self.busy:
            raise Busy

    def _from_afar(self, text: str) -> Revision:
        return examined(text, str(self._kept.remote_file), self._file, "remote")

    def _previous(self) -> Revision:
        """What ran before. Raises ConfigError where that is the file, which is broken, and nothing stands in for it."""
        remote = self._kept.remote()
        previous = remote.previous if remote is not None else None
        if previous is not None:
            return self._from_afar(previous)
        try:
            return read(self._file)
        except ConfigError as broken:
            return last_good(self._file, self._kept, broken)

    def _read(self, now: float) -> None:
        """An attempt that is under way gives way to an edit, and so does what came over MQTT, but to nothing less.

        Where the file says what it did, as after a touch, what took its place is read again, and goes on.
        """
        self._watched.read()
        before, self._written = self._written, written(self._file)
        if self._attempt is not None:
            if self._written == before:
                return  # what becomes of it is the answer; restarted, it would find the broker in the middle of a move
            self._attempt.abort()
            self._attempt = None
        remote = self._kept.remote() if self._written.file is not None else None
        if remote is not None and not remote.stands(self._written):
            remote = None
        if remote is not None and self._trial is not None:
            self._decided("remote", ())
            return
        if self._owner.ready:  # systemd takes READY=1 after a reload for that of the start
            reloading()
        try:
            revision = self._from_afar(remote.text) if remote is not None else read(self._file)
            self._begin(revision, "file", now)
        except ConfigError as e:
            self._refused("file", e.problems)

    def _begin(self, revision: Revision, cause: Cause, now: float) -> None:
        back = cause == "rollback"
        # As a start does with the file: nothing set by command keeps an edit, or a way back, from being used.
        may_lack = self._overrides.models if back or revision.origin == "file" else None
        wanted = applied(revision, self._overrides, back=back, may_lack=may_lack)
        config = wanted.config
        if anew := begins_anew(self._pipeline.config, config):
            log.warning("%s changed: the daemon begins anew", ", ".join(anew))
            self._begin_anew(revision, cause)
            return
        self._attempt = Attempt(revision, wanted, cause, {}, self._pipeline, now)
        if not same(config, self._pipeline.config):
            self._tell(cause)

    def _begin_anew(self, revision: Revision, cause: Cause) -> None:
        """Raises ConfigError where the next start would not know of it."""
        if not self._keep(revision, cause, restarting=True):
            lost = "it needs a restart, for which it cannot be kept: see the log, and the disk"
            raise ConfigError((Problem(str(self._kept.remote_file), 0, 0, "", lost),))
        self._owner.begin_anew()

    def _go_on(self, attempt: Attempt, now: float) -> None:
        try:
            if attempt.turn(now):
                self._committed(attempt, now)
        except Unfit as unfit:
            self._attempt = None
            self._unfit(attempt, unfit)
            return
        if attempt.done:
            self._attempt = None
            self._owner.settled()
            self._decided(attempt.cause, changed(attempt.before, attempt.config))

    def _unfit(self, attempt: Attempt, unfit: Unfit) -> None:
        """What failed its trial does not go on because the way back is blocked, too: a start asks for less."""
        if attempt.cause == "rollback" and self._state == "rolled_back":
            log.error("the way back is blocked (%s): the daemon begins anew", unfit)
            try:
                self._begin_anew(attempt.revision, "rollback")
            except ConfigError as e:
                self._refused("rollback", (*unfit.problems, *e.problems))
            return
        self._refused(attempt.cause, unfit.problems)

    def _committed(self, attempt: Attempt, now: float) -> None:
        keys = changed(attempt.before, attempt.config)
        if attempt.cause != "command":
            self._unproven = False
            if attempt.cause == "rollback":  # first what can be done again, if the daemon ends in between
                self._overrides.use(attempt.revision.config, "back")
            self._keep(attempt.revision, attempt.cause)
            if attempt.cause != "rollback":
                self._overrides.use(
                    attempt.revision.config, "afar" if attempt.revision.origin == "remote" else "edited"
                )
            self.running = attempt.revision
            if attempt.cause == "remote":
                self._trial = Trial(self._pipeline, attempt.excused, now)
            else:
                self._trial = None
            if attempt.cause != "rollback":
                self.problems, self._state = (), "ok"
        self._overrides.left_out = attempt.left_out
        for camera, values in attempt.more.items():
            self._overrides.set(camera, values)
        self._owner.adopt(attempt.config)
        if keys:
            log.info("%s taken over: %s", self._where(attempt.cause), ", ".join(keys), extra=_CHANGED)

    def _keep(self, revision: Revision, cause: Cause, *, restarting: bool = False) -> bool:
        """For the next start; False where the disk does not take what came over MQTT."""
        remote, kept = self._kept.remote(), True
        if cause == "file" and revision.origin == "file":
            self._kept.forget_remote()
        elif cause == "remote":
            previous = self.running.text if self.running.origin == "remote" else None
            hashes = self._written
            excused = tuple(broken(self._pipeline)) if restarting else ()
            afar = Remote(revision.text, hashes.file, "trial", previous, restarting, hashes.secrets, excused)
            kept = self._kept.keep_remote(afar)
        elif cause == "rollback" and remote is not None and restarting:
            told = self.problems if self._state == "rolled_back" else ()
            why = tuple(replace(problem, message=redact(problem.message)) for problem in told)
            kept = self._kept.keep_remote(replace(remote, state="undone", problems=why))
        elif cause == "rollback" and remote is not None:
            self._kept.undo(remote)
        if cause in {"file", "rollback"} and not restarting:
            self._kept.keep_good(revision.text)
        return kept

    def _judge(self, faults: Sequence[str], now: float) -> None:
        """It has had its time: it is kept, or undone."""
        self._trial = None
        remote = self._kept.remote()
        if not faults:
            if remote is not None:
                self._kept.keep_remote(replace(remote, state="kept"))
            self._kept.keep_good(self.running.text)
            if self._state != "rejected":  # by an edit of the file meanwhile, which is still wrong
                self.problems, self._state = (), "ok"
            log.info("the config sent over MQTT is kept", extra=_CHANGED)
            self._decided("remote", ())
            return
        log.error("the config sent over MQTT is rolled back: %s", "; ".join(faults), extra=_CHANGED)
        name = str(self._kept.remote_file)
        edited = self.problems if self._state == "rejected" else ()
        failed = (Problem(name, 0, 0, key, why) for key, _, why in (fault.partition(": ") for fault in faults))
        self.problems, self._state = (*failed, *edited), "rolled_back"
        try:
            self._begin(self._previous(), "rollback", now)
        except ConfigError as e:
            self._refused("rollback", e.problems)

    def _refused(self, cause: Cause, problems: Sequence[Problem]) -> None:
        for problem in problems:
            log.error("not used: %s", problem, extra=_CHANGED)
        if cause != "command":
            self.problems = tuple(problems)
            self._state = "rejected"
        self._decided(cause, ())

    def _decided(self, cause: Cause, keys: Sequence[str]) -> None:
        self.rounds += 1
        if self._owner.ready:
            notify("READY=1\nSTATUS=running")
        self._tell(cause, keys)

    def _tell(self, cause: Cause, keys: Sequence[str] = ()) -> None:
        self._at = time.time()
        origin = self.running.origin if cause == "rollback" or (cause == "file" and keys) else cause
        self._owner.reloaded(Told(self.status(), origin, keys))

    def _where(self, cause: Cause) -> str:
        file = str(self._file) if self.running.origin == "file" else "the config sent over MQTT"
        return {"file": file, "remote": "the config sent over MQTT", "command": "what was set by command"}.get(
            cause, "the config before"
        )
