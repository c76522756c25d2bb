"""`vedette run`: the main thread. It starts the pipeline, then turns once a second until it is told to stop."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import secrets
import select
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from agent import __version__
from agent.dispatch.worker import reap
from agent.keeping import keep
from agent.publish import memory
from agent.publish.certificates import Certificates
from agent.publish.leases import Leases
from agent.publish.mqtt import Publisher
from agent.publish.outbox import Outbox
from agent.publish.payloads import Info, ModelInfo
from agent.runtime import machine, paths
from agent.runtime.config_file import ConfigFile
from agent.runtime.faults import broker_faults, config_faults, disk_faults, outbox_faults
from agent.runtime.notify import notify, watchdog_seconds
from agent.runtime.orders.parts import Parts
from agent.runtime.overrides import Overrides
from agent.runtime.pipeline import Pipeline, topics
from agent.runtime.remote import Remote, listen, log_tail
from agent.runtime.report import Report
from agent.runtime.spawner import Spawner
from agent.runtime.state import SceneState
from backends.contract import API

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.config.model import Config
    from agent.publish.message import Message
    from agent.publish.payloads import ConfigStatus
    from agent.runtime.faults import Faults
    from agent.runtime.log import Log
    from agent.runtime.plan import Plan

log = logging.getLogger("vedette.daemon")

_TICK = 1.0
_STOP_SECONDS = 1.6  # of the 2 s a clean stop may take
_STUCK_SECONDS = 10.0


class Daemon:
    """One run of one config. `run` must be called on the main thread. protocol: 4 if the broker is known to lack 5."""

    def __init__(self, config: Config, found: Plan, log: Log, protocol: int = 5) -> None:
        self._state = paths.state_directory()
        self._overrides = Overrides(self._state, config)
        self._file = ConfigFile(config)
        self._config = config = self._overrides.applied(config)
        self._log = log
        log.ring.wake = self._wake
        self._runtime = paths.runtime_directory()
        self._wake_out, self._wake_in = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._stopping = False
        self._ready = False
        self._boot_id = secrets.token_hex(4)
        self._restarting = False
        names = topics(config)
        self.publisher = Publisher(
            config.mqtt,
            config.device,
            listen=listen(config, names),
            on_message=self._heard,
            protocol=protocol,
            memory=self._state / memory.FILE,
        )
        self._certificates = Certificates(config.mqtt)
        self.outbox = Outbox(config.outbox, config.device, names, self.publisher, self._state)
        self._scenes = SceneState(self._state)
        leases = Leases()
        self.report = Report(config, names, self.publisher, self.outbox, self._scenes, leases, self._boot_id)
        self._spawner = Spawner(self._wake, self._runtime / "workers.pid")
        self.pipeline = Pipeline(config, found, self._spawner, self.publisher, self.outbox, self.report, self._scenes)
        self._info = self._about(found)
        tail = log_tail(log, names, self.publisher)
        parts = Parts(
            config,
            names,
            self.publisher,
            self.outbox,
            self.report,
            self.pipeline,
            self._overrides,
            leases,
            tail,
            log,
            info=lambda: self._info,
            status=self._config_status,
            changed=self._changed,
            wake=self._wake,
            restart=self._restart,
        )
        labels = {camera.id: found.artifacts[camera.model].labels for camera in config.cameras}
        self._remote = Remote(parts, labels, self._scenes, self._state)
        self._info = replace(self._info, commands=self._remote.allowed)

    def stop(self) -> None:
        """From any thread, or a signal."""
        self._stopping = True
        self._wake()

    def run(self) -> bool:
        """Returns when all finite sources have ended, or `stop` was called. True: it shall be run again."""
        self._runtime.mkdir(parents=True, exist_ok=True)
        self._spawner.end_orphans()
        with self._signals():
            notify("STATUS=starting")
            self.report.announce(self._info)
            self.report.config(self._config_status())
            self._remote.start(time.monotonic())
            self.pipeline.start()
            try:
                self._turn_until_stopped()
            finally:
                notify("STATUS=restarting" if self._restarting else "STOPPING=1")
                self.pipeline.stop(time.monotonic() + _STOP_SECONDS)
                self._scenes.save(ending=True)
                (self._runtime / "status.json").unlink(missing_ok=True)
            self._mark_clean_exit()
            log.info("stopped")
        return self._restarting

    def _turn_until_stopped(self) -> None:
        next_tick = time.monotonic()
        next_health = next_tick + min(1.0, self._config.health.interval)
        watchdog = watchdog_seconds()
        while not self._stopping:
            wait = max(0.0, min(next_tick, self._remote.due()) - time.monotonic())
            if select.select([self._wake_out], [], [], wait)[0]:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wake_out, 4096)
                self._spawner.run_pending()
            now = time.monotonic()
            self._remote.turn(now)
            if now < next_tick:
                continue
            next_tick = max(next_tick + min(_TICK, watchdog / 3 if watchdog else _TICK), now)
            self._tick(now)
            if now >= next_health:
                next_health = max(next_health + self._config.health.interval, now)
                self.report.publish_health(now)
            if self.pipeline.finished:
                log.info("all sources have ended")
                return

    def _tick(self, now: float) -> None:
        for camera in self.pipeline.cameras.values():
            camera.poll(now)
        if self._certificates.renewed():
            self.publisher.reconnect()
        self.publisher.tick(now)
        reap(now)
        self._scenes.save()
        self._remote.tick(now)
        if self._file.changed():
            self.report.config(self._config_status())
        self.report.sample(now, self._faults())
        self._write_status(now)
        stuck = self.report.stuck(now, _STUCK_SECONDS)
        if stuck:
            log.error("no progress: %s", stuck)
        else:
            notify("WATCHDOG=1")
        if not self._ready and self._is_ready():
            self._ready = True
            notify("READY=1\nSTATUS=running")
            log.info("ready")

    def _faults(self) -> Faults:
        return {
            **config_faults(self._file.problems),
            **self._broker_faults(),
            **outbox_faults(self.outbox.faults()),
            **disk_faults(self._state),
        }

    def _broker_faults(self) -> Faults:
        link = self.publisher
        expiring = self._certificates.expiring(time.monotonic(), time.time(), link.broker_expires)
        return broker_faults(self._config, link.refused, link.fault, link.unfit, expiring)

    def _is_ready(self) -> bool:
        """The first frame has gone through, or each camera waits for something that is known and retried."""
        views = self.report.views.values()
        return any(view.lane.inferred for view in views) or all(
            view.camera.status(time.monotonic()).state in {"offline", "stalled", "disabled", "ended"}
            or view.dispatcher.ladder.current.cause  # its engine has failed at least once
            for view in views
        )

    def _write_status(self, now: float) -> None:
        """Atomically, so that a reader never sees half of it."""
        body = {
            "version": __version__,
            "pid": os.getpid(),
            "config": self._config.file,
            "ready": self._ready,
            **self.report.status(now),
        }
        file = self._runtime / "status.json"
        try:
            keep(file, json.dumps(body))
        except OSError as e:
            log.warning("cannot write %s: %s", file.name, e.strerror)

    def _heard(self, message: Message) -> None:
        """On the network thread."""
        self._remote.heard(message)

    def _config_status(self) -> ConfigStatus:
        return self._file.status(self._overrides.told())

    def _changed(self) -> None:
        """Something was set by command."""
        self._info = replace(self._info, log_level=self._log.level)
        self.report.info(self._info)
        self.report.config(self._config_status())

    def _restart(self) -> None:
        log.info("restarting, as ordered")
        self._restarting = True
        self.stop()

    def _about(self, found: Plan) -> Info:
        config = self._config
        return Info(
            device=config.device,
            device_uid=paths.device_uid(self._state),
            name=config.name or config.device,
            version=__version__,
            api=API,
            boot_id=self._boot_id,
            board=machine.board(),
            os=machine.operating_system(),
            engines=[rung.spec.id for d in self.pipeline.dispatchers for rung in d.ladder.rungs],
            models=[ModelInfo(a.name, a.rev, a.labels, a.licence) for a in found.artifacts.values()],
            cameras=list(self.pipeline.cameras),
            commands=[],
            log_level=self._log.level,
            last_exit=self._last_exit(),
        )

    def _last_exit(self) -> str:
        """How the run before ended: "clean" if it said so, "unclean" if not, "first" if there was none."""
        record = self._state / "last_exit"
        try:
            last = record.read_text().strip()
        except OSError:
            last = "first"
        with contextlib.suppress(OSError):
            record.write_text("unclean\n")
        return last

    def _mark_clean_exit(self) -> None:
        with contextlib.suppress(OSError):
            Path(self._state / "last_exit").write_text("clean\n")

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(self._wake_in, b"\0")

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        def stop(_signum: int, _frame: object) -> None:
            self.stop()

        before = {s: signal.signal(s, stop) for s in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for signum, handler in before.items():
                signal.signal(signum, handler)
