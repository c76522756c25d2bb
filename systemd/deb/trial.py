"""Brings an installed version into use, and takes it back where it does not do what the one before did.

    trial.py begin VERSION    by postinst: switches to VERSION; waits until it is healthy; fails where it was taken back
    trial.py                  by vedette-trial.service, which outlives apt, a lost connection, and a power cut

/opt/vedette/current is what runs. trial.json stands while a version is tried, refused.json once one was taken back.
Healthy is: ready, in touch with the broker, with a camera online and an engine serving, each if the version before was;
for STEADY_S. From then on only a crash counts, and after as long again as it had to become healthy, it stays. Needs
nothing but the system's Python: what it judges may be broken.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

HOME = Path("/opt/vedette")
UNITS = Path("/usr/lib/systemd/system")
SERVICE, INSTANCES, TRIAL = "vedette.service", "vedette@*.service", "vedette-trial.service"
STEADY_S = 10.0
HOPELESS = 5
"""So many starts that failed are enough: each costs pictures."""
BACK_S = 30.0


@dataclass(frozen=True)
class Seen:
    """What an instance does. restarts: of themselves, since it was started. ready: as systemd knows it.

    broker, cameras, engines: as the instance says; in touch, how many online, how many serving.
    """

    active: str = "inactive"
    restarts: int = 0
    broker: bool = False
    cameras: int = 0
    engines: int = 0

    @property
    def ready(self) -> bool:
        return self.active == "active"


def lacking(before: Seen, now: Seen) -> str:
    """What `now` does not do although it did `before`; empty if nothing."""
    if not before.ready:
        return ""
    if not now.ready:
        return f"is not ready ({now.active}, {now.restarts} restarts)"
    if before.broker and not now.broker:
        return "does not reach the broker"
    if before.cameras and not now.cameras:
        return f"has no camera online, where {before.cameras} were"
    if before.engines and not now.engines:
        return f"has no engine serving, where {before.engines} were"
    return ""


class Verdict:
    """Over time. before: by unit. patience: seconds to become healthy, and then to stay so."""

    def __init__(self, before: dict[str, Seen], patience: float, start: float) -> None:
        self._before = before
        self._patience = patience
        self._deadline = start + patience
        self._well_since: float | None = None
        self._restarts: dict[str, int] = {}
        self.healthy = self.proven = False
        self.refused = ""

    def look(self, units: dict[str, Seen], now: float) -> None:
        """Sets one of `healthy`, `proven` and `refused` (why) once it is sure."""
        if self.healthy:
            self._watch(units, now)
            return
        reasons = [f"{u} {what}" for u, seen in units.items() if (what := lacking(self._before[u], seen))]
        if reasons:
            self._well_since = None
        elif self._well_since is None:
            self._well_since = now
        if self._well_since is not None and now - self._well_since >= STEADY_S:
            self.healthy = True
            self._restarts = {u: seen.restarts for u, seen in units.items()}
            self._deadline = now + self._patience
        elif any(units[u].restarts >= HOPELESS and before.ready for u, before in self._before.items()):
            self.refused = "; ".join(reasons) or "it does not stay up"
        elif now >= self._deadline:
            self.refused = "; ".join(reasons) or f"it was not healthy for {STEADY_S:.0f} s"

    def _watch(self, units: dict[str, Seen], now: float) -> None:
        crashed = [u for u, seen in units.items() if seen.restarts > self._restarts[u] and self._before[u].ready]
        if crashed:
            self.refused = f"{crashed[0]} was healthy, and then crashed"
        elif now >= self._deadline:
            self.proven = True


def systemctl(*arguments: str, timeout: float | None = 300.0) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemctl", *arguments], capture_output=True, text=True, timeout=timeout, check=False)


def look(unit: str) -> Seen:
    shown = systemctl("show", "--property=ActiveState,MainPID,NRestarts,RuntimeDirectory", unit).stdout
    said = dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)
    active, restarts = said.get("ActiveState", "unknown"), int(said.get("NRestarts") or 0)
    try:
        status: dict[str, Any] = json.loads(Path("/run", said.get("RuntimeDirectory", ""), "status.json").read_text())
        if str(status["pid"]) != said.get("MainPID"):
            return Seen(active, restarts)
        cameras = [camera["status"] == "online" for camera in status["cameras"].values()]
        engines = [engine["state"] in {"serving", "degraded"} for engine in status["engines"].values()]
        return Seen(active, restarts, bool(status["mqtt"]["connected"]), sum(cameras), sum(engines))
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return Seen(active, restarts)


def write(name: str, value: dict[str, Any]) -> None:
    """On the disk before it has its name: a power cut leaves all of it or none."""
    with (HOME / f"{name}.new").open("w") as file:
        json.dump(value, file)
        file.flush()
        os.fsync(file.fileno())
    (HOME / f"{name}.new").replace(HOME / name)


def say(text: str) -> None:
    print(f"vedette: {text}", flush=True)


def use(version: str) -> None:
    """With its own units, as they may differ."""
    new = HOME / "current.new"
    new.unlink(missing_ok=True)
    new.symlink_to(f"versions/{version}")
    new.replace(HOME / "current")
    for unit in (HOME / "versions" / version / "systemd").glob("*.service"):
        shutil.copy(unit, UNITS / f"{unit.name}.vedette-new")
        (UNITS / f"{unit.name}.vedette-new").replace(UNITS / unit.name)
    if Path("/run/systemd/system").is_dir():
        systemctl("daemon-reload")


def keep_only(version: str) -> None:
    for tree in (HOME / "versions").iterdir():
        if tree.name != version:
            shutil.rmtree(tree, ignore_errors=True)


def begin(version: str) -> int:
    previous = (HOME / "current").readlink().name
    if (HOME / "trial.json").exists():  # a trial that was cut short: what is known to work is older
        previous = json.loads((HOME / "trial.json").read_text())["previous"]
    units: list[str] = []
    if Path("/run/systemd/system").is_dir():
        states = "--state=active,activating,reloading,deactivating"
        listed = systemctl("list-units", "--plain", "--no-legend", states, SERVICE, INSTANCES).stdout
        units = [line.split()[0] for line in listed.splitlines() if line.strip()]
    before = {unit: look(unit) for unit in units}
    if previous == version or not any(seen.ready for seen in before.values()):
        use(version)
        keep_only(version)
        (HOME / "trial.json").unlink(missing_ok=True)
        for unit in units:
            systemctl("restart", "--no-block", unit)
        say(f"{version} is installed" + ("; it is started anew" if units else "; it does not run now"))
        return 0
    write("trial.json", {"version": version, "previous": previous, "before": {u: asdict(s) for u, s in before.items()}})
    say(f"trying {version}; {previous} is taken back if it is not healthy")
    began = time.monotonic()
    # As long as the trial takes, which has its own deadline.
    if systemctl("restart", TRIAL, timeout=None).returncode == 0:
        say(f"{version} is healthy after {time.monotonic() - began:.0f} s")
        return 0
    try:
        refused = json.loads((HOME / "refused.json").read_text())
    except (OSError, ValueError):
        say("the trial did not come to an end; see journalctl -u vedette-trial")
        return 1
    say(f"{version} is not healthy: {refused['why']}")
    say(refused["back"])
    say("what it said: journalctl -u vedette; config, state and unsent events are kept")
    return 1


def run() -> int:
    trial = json.loads((HOME / "trial.json").read_text())
    before = {unit: Seen(**seen) for unit, seen in trial["before"].items()}
    patience = float(os.environ.get("VEDETTE_TRIAL_SECONDS", "60"))
    use(trial["version"])
    for unit in before:
        systemctl("restart", "--no-block", unit)
    verdict = Verdict(before, patience, time.monotonic())
    while not (verdict.proven or verdict.refused):
        time.sleep(1)
        was_healthy = verdict.healthy
        verdict.look({unit: look(unit) for unit in before}, time.monotonic())
        if verdict.healthy and not was_healthy:
            say(f"{trial['version']} is healthy")
            notify("READY=1")
    if verdict.refused:
        take_back(trial, before, verdict.refused)
        return 1
    say(f"{trial['version']} stays")
    (HOME / "trial.json").unlink()
    keep_only(trial["version"])
    return 0


def take_back(trial: dict[str, Any], before: dict[str, Seen], why: str) -> None:
    version, previous = trial["version"], trial["previous"]
    say(f"{version} is not healthy, {previous} is taken back: {why}")
    use(previous)
    refused = {"version": version, "running": previous, "why": why, "at": time.time(), "back": ""}
    write("refused.json", refused)  # before it starts: it tells of it
    (HOME / "trial.json").unlink()
    for unit in before:
        hangs = not look(unit).ready
        systemctl("restart", "--no-block", unit)
        if hangs:  # the time that a clean stop may take is not given to one that never began
            systemctl("kill", "--signal=SIGKILL", unit)
    until = time.monotonic() + BACK_S
    while (left := [u for u, was in before.items() if lacking(was, look(u))]) and time.monotonic() < until:
        time.sleep(0.5)
    back = f"{previous} runs again" if not left else f"{previous} was started again, but {left[0]} is not healthy yet"
    write("refused.json", {**refused, "back": back})
    say(back)
    keep_only(previous)


def notify(text: str) -> None:
    """sd_notify(3)."""
    if address := os.environ.get("NOTIFY_SOCKET"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to:
            to.connect(address.replace("@", "\0", 1) if address.startswith("@") else address)
            to.sendall(text.encode())


if __name__ == "__main__":
    sys.exit(begin(sys.argv[2]) if sys.argv[1:2] == ["begin"] else run())
