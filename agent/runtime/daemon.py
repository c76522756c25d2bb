"""`vedette run`: the main thread. It starts the pipeline, then turns once a second until it is told to stop."""

from __future__ import annotations

import json
import logging
import os
import secrets
import select
import signal
import time
from typing import TYPE_CHECKING

from agent import __version__
from agent.dispatch.worker import reap
from agent.publish import memory, payloads
from agent.publish.certificates import Certificates
from agent.publish.leases import Leases
from agent.publish.mqtt import Publisher
from agent.publish.outbox import Outbox
from agent.runtime import paths
from agent.runtime.commands.parts import Parts
from agent.runtime.device_info import about
from agent.runtime.faults import broker_faults, config_faults, disk_faults, outbox_faults, upgrade_faults
from agent.runtime.heat import Heat
from agent.runtime.last_exit import LastLines, Mark
from agent.runtime.memory_trim import MemoryTrim
from agent.runtime.metrics.listening import Metrics
from agent.runtime.notify import ending, notify, turning, watchdog_seconds
from agent.runtime.overrides import Overrides
from agent.runtime.pipeline import Pipeline, listen, topics
from agent.runtime.reload.applied import applied
from agent.runtime.reload.reload import Reload
from agent.runtime.reload.saved_configs import SavedConfigs
from agent.runtime.remote import Remote, log_tail
from agent.runtime.report import Report
from agent.runtime.signals import handled
from agent.runtime.spawner import Spawner
from agent.runtime.state import SceneState
from agent.runtime.status_file import StatusFile, status
from agent.runtime.watchdog import ready, stuck
from agent.wakeup import Wakeup

if TYPE_CHECKING:
    from pathlib import Path

    from agent.config.model import Config
    from agent.publish.payloads import Info
    from agent.runtime.faults import Faults
    from agent.runtime.log import Log
    from agent.runtime.reload.first import First
    from agent.runtime.reload.owner import Told

log = logging.getLogger("vedette.daemon")

_TICK = 1.0
_UNTIL_READY = 0.1  # how often it looks whether it is
_STOP_SECONDS = 1.4  # of the 2 s a clean stop may take: Python needs up to 0.5 s to end on a busy machine
_STUCK_SECONDS = 10.0


class Daemon:
    """One run, which begins with one config. `run` must be called on the main thread.

    file: the config file. protocol: 4 if the broker is known to lack 5.
    """

    def __init__(self, begin: First, file: Path, log: Log, protocol: int = 5) -> None:
        self._state = paths.state_directory()
        self._overrides = Overrides(self._state, begin.revision.config, begin.way)
        config, found, left_out = applied(begin.revision, self._overrides, may_lack=self._overrides.models)
        self._overrides.left_out = left_out
        self._log = log
        self._wakeup = Wakeup()
        log.ring.wake = self._wakeup.set
        self._runtime = paths.runtime_directory()
        self._stopping = False
        self._ready = False
        self._boot_id = secrets.token_hex(4)
        self._uid = paths.device_uid(self._state)
        self._runtime.mkdir(parents=True, exist_ok=True)
        self._status = StatusFile(self._runtime)
        self._mark = Mark(self._state, self._runtime)
        self._last_exit = self._mark.begin()
        log.also(LastLines(self._runtime))
        self._restarting = False
        names = topics(config)
        self.publisher = Publisher(
            config.mqtt,
            config.device,
            listen=listen(config),
            on_message=lambda message: self._remote.heard(message),  # noqa: PLW0108 - there is no _remote yet
            protocol=protocol,
            memory=self._state / memory.FILE,
        )
        self._certificates = Certificates(config.mqtt)
        self.outbox = Outbox(config.outbox, config.device, names, self.publisher, self._state)
        self._scenes = SceneState(self._state, self._wakeup.set)
        leases, self._heat, self._memory_trim = Leases(), Heat(), MemoryTrim()
        self.report = Report(
            config, names, self.publisher, self.outbox, self._scenes, leases, self._heat, self._boot_id
        )
        self._metrics = Metrics(self.report, self.publisher)
        self._spawner = Spawner(self._wakeup.set, self._runtime / "workers.pid")
        self.pipeline = Pipeline(config, found, self._spawner, self.publisher, self.outbox, self.report, self._scenes)
        kept = SavedConfigs(self._state, file)
        self._reload = Reload(begin, file, kept, self._overrides, self.pipeline, self)
        self._parts = Parts(
            config,
            names,
            self.publisher,
            self.outbox,
            self.report,
            self.pipeline,
            self._reload,
            leases,
            log_tail(log, names, self.publisher),
            log,
            info=lambda: self._info,
            changed=self._changed,
            wake=self._wakeup.set,
            restart=lambda: self._restart("by command"),
        )
        self._remote = Remote(self._parts, self._labels(), self._scenes, self._state)
        self._info = self._about()

    @property
    def ready(self) -> bool:
        """Whether READY=1 has been told."""
        return self._ready

    def stop(self) -> None:
        """From any thread."""
        self._stopping = True
        self._wakeup.set()

    def run(self) -> bool:
        """Returns when all finite sources have ended, or `stop` was called. True: it shall be run again."""
        self._spawner.end_orphans()
        with handled({signal.SIGTERM: self._end, signal.SIGINT: self._end, signal.SIGHUP: self._ask}):
            notify("STATUS=starting")
            self.report.announce(self._info, self._last_exit)
            told = self._reload.status()
            self.report.config(told)
            if told.state == "rolled_back":  # by the start itself, or by the run before, which began anew for it
                self.report.config_changed(told, self._reload.running.origin, ())
            self._remote.start(time.monotonic())
            self.pipeline.start()
            try:
                self._turn_until_stopped()
            except BaseException:
                log.exception("the main thread ended: this is a bug in Vedette")
                self._mark.end(crashed=True)
                raise
            finally:
                ending(again=self._restarting)
                self._metrics.stop()
                self._reload.stop()
                self.pipeline.stop(time.monotonic() + _STOP_SECONDS)
                if waiting := self.outbox.health().depth:
                    log.info("events that are not sent yet, and wait for the next start: %d", waiting)
                self._scenes.save(ending=True)
                if not self._restarting:  # else who asks meanwhile would take it for one that has ended
                    self._status.remove()
            log.info("stopped")
        self._mark.end()
        return self._restarting

    def _turn_until_stopped(self) -> None:
        turning()
        next_tick, watchdog = time.monotonic(), watchdog_seconds()
        next_health = next_tick + min(1.0, self.pipeline.config.health.interval)
        while not self._stopping:
            due = min(next_tick, self._remote.due(), self._reload.due(), self._scenes.due())
            wait = max(0.0, due - time.monotonic())
            wait = wait if self._ready else min(wait, _UNTIL_READY)
            if select.select([self._wakeup], [], [], wait)[0]:
                self._wakeup.clear()
                self._spawner.run_pending()
            now = time.monotonic()
            self._remote.turn(now)
            self._scenes.turn(now)
            self._reload.turn(now)
            if self._becomes_ready(now):
                next_tick = now  # the status file says so at once
            if now < next_tick:
                continue
            next_tick = max(next_tick + min(_TICK, watchdog / 3 if watchdog else _TICK), now)
            self._tick(now)
            interval = self.pipeline.config.health.interval
            next_health = min(next_health, now + interval)  # it may have been edited
            if now >= next_health:
                next_health = max(next_health + interval, now)
                self.report.publish_health(now)
            if not self._reload.busy and self.pipeline.over(now):
                log.info("all sources have ended")
                return

    def _becomes_ready(self, now: float) -> bool:
        if self._ready or not ready(self.report.views.values(), now):
            return False
        self._ready = True
        notify("READY=1\nSTATUS=running")
        log.info("ready")
        return True

    def _tick(self, now: float) -> None:
        for camera in self.pipeline.cameras.values():
            camera.poll(now)
        if self._certificates.renewed():
            self.publisher.reconnect()
        self.publisher.tick(now)
        reap(now)
        self._scenes.save()
        self._remote.tick(now)
        self.report.sample(now, self._faults(now))
        self._write_status(now)
        self.pipeline.leaving = [left for left in self.pipeline.leaving if left.alive]
        where = stuck(self.report.views.values(), now, _STUCK_SECONDS)
        if where:
            log.error("no progress: %s", where)
        else:
            notify("WATCHDOG=1")
        if self._ready:
            self._memory_trim.turn(now)

    def _faults(self, now: float) -> Faults:
        link = self.publisher
        expiring = self._certificates.expiring(now, time.time(), link.broker_expires)
        return {
            **self._heat.turn(now, self.report.views.values()),
            **self._metrics.turn(now, self.pipeline.config.metrics.listen),
            **config_faults(self._reload.problems),
            **broker_faults(self.pipeline.config, link.refused, link.fault, link.unfit, expiring),
            **outbox_faults(self.outbox.faults()),
            **disk_faults(self._state),
            **upgrade_faults(),
        }

    def _write_status(self, now: float) -> None:
        body = {
            "version": __version__,
            "pid": os.getpid(),
            "config": json.loads(payloads.config_status(self._reload.status())),
            "reloads": self._reload.rounds,
            "ready": self._ready,
            **status(self.report, self.publisher, now),
        }
        self._status.write(body)

    def adopt(self, config: Config) -> None:
        """The pipeline runs it from now on; the rest follows."""
        before, self._parts.config = self._parts.config, config
        self.report.use(config)
        if config.log.level != before.log.level:
            self._log.show(config.log.level)
        if config.mqtt != before.mqtt:
            self._certificates = Certificates(config.mqtt)
        self._changed()

    def settled(self) -> None:
        """Nothing of the former config is left to speak."""
        self._remote.use(self._labels())

    def reloaded(self, told: Told) -> None:
        """A config was taken over, refused or taken back."""
        self.report.config(told.status)
        state = told.status.state
        if told.changed or state not in {"ok", "pending"} or (state == "ok" and told.origin == "remote"):
            self.report.config_changed(told.status, told.origin, told.changed)
        self._write_status(time.monotonic())

    def begin_anew(self) -> None:
        """With a config that needs that."""
        self._restart("the config needs it")

    def _end(self) -> None:
        """By a signal: for good, even where it was about to begin anew."""
        self._restarting = False
        self.stop()

    def _ask(self) -> None:
        self._reload.ask()
        self._wakeup.set()

    def _labels(self) -> dict[str, tuple[str, ...]]:
        """By camera, those its model knows."""
        pipeline = self.pipeline
        return {camera.id: pipeline.runners[camera.model].artifact.labels for camera in pipeline.config.cameras}

    def _changed(self) -> None:
        """Something was set by command, or taken over."""
        self._info = self._about()
        self.report.info(self._info)
        self.report.config(self._reload.status())

    def _restart(self, why: str) -> None:
        if self._stopping:
            return
        log.info("restarting: %s", why)
        self._restarting = True
        self.stop()

    def _about(self) -> Info:
        commands, level = self._remote.allowed, self._log.level
        return about(self.pipeline, self._uid, self._boot_id, commands, level, self._last_exit.reason)
