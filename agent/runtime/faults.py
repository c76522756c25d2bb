"""What is wrong at this moment, part by part, for the alerts. Pure: each looks at its part and says what it sees."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from agent.publish.faults import UNHEARD_FIX, rejected_fix
from agent.publish.ledger import SUBSCRIPTION
from agent.runtime.raised import Fault, Subject

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from agent.config import Config, Problem
    from agent.config.model import SourceKind
    from agent.dispatch.ladder import Ladder
    from agent.publish.faults import BrokerFault
    from agent.runtime.view import View

Faults = dict[Subject, Fault]

DEVICE = "device"
_OWN = Path(sys.prefix)
_BROKER_CODES = {"takeover": "mqtt-takeover", "auth": "mqtt-refused", "tls": "certificate", "settings": "certificate"}
_OUTBOX_HINTS = {
    "outbox-newer": "it is used again by the newer version",
    "outbox-corrupt": "check the disk (dmesg); what was in it can be read with sqlite3",
    "outbox-failed": "check the disk; events are kept in memory until it works",
}
_NETWORK = "check its power, its address and its password"
_OFFLINE: Mapping[SourceKind, str] = {
    "rtsp": _NETWORK,
    "http": _NETWORK,
    "v4l2": "check that it is plugged in; see vedette doctor --only devices",
    "file": "put a video there that the user of the service may read, or correct the source",
    "folder": "put pictures there that the user of the service may read, or correct the source",
    "csi": "check the ribbon cable; see vedette doctor --only devices",
    "gst": "try the pipeline with gst-launch-1.0 -v",
}
"""What mends a camera whose error says no fix of its own, which would stand at its end in parentheses."""
_AGAIN = "it is retried automatically"
LOW_SPACE = 0.02
"""Of the volume of the state directory: with less left, nothing more is promised."""
LOW_BYTES = 50 << 20


def engine_faults(ladders: Iterable[Ladder]) -> Faults:
    """A worse engine serves than the config wants, or none does."""
    faults = {}
    for ladder in ladders:
        engine = ladder.current.spec.id
        status = ladder.statuses.get(engine)
        if status is not None and status.state == "degraded":
            text = f"{engine} serves in place of a better engine; {status.cause}"
            faults[Subject("engine-degraded", engine)] = Fault("warning", text, "see vedette backends")
        elif not ladder.serving and status is not None and status.cause:
            others = "no other engine works" if len(ladder.statuses) > 1 else "there is no fallback"
            hint = "nothing is detected until it works again" + ("" if status.fallback else f"; {others}")
            faults[Subject("engine-failed", engine)] = Fault("error", f"{engine}: {status.cause}", hint)
    return faults


def camera_faults(views: Iterable[View], now: float) -> Faults:
    """A camera that cannot be reached, or whose pictures have ceased to come."""
    faults = {}
    for view in views:
        camera, status = view.config.id, view.camera.status(now)
        if status.state == "stalled":
            hint = "the camera, its network or its decoder hangs; it is reopened automatically"
            text = f"{camera}: no new frames from the camera"
            faults[Subject("camera-stalled", camera)] = Fault("error", text, hint)
        elif status.state == "offline":
            hints = [*([] if status.error.endswith(")") else [_OFFLINE[view.config.kind]]), _AGAIN]
            faults[Subject("camera-offline", camera)] = Fault("error", f"{camera}: {status.error}", "; ".join(hints))
    return faults


def config_faults(problems: Sequence[Problem]) -> Faults:
    """problems: of the file as it was edited."""
    if not problems:
        return {}
    more = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
    text = f"the edited config is not used: {problems[0]}{more}"
    return {
        Subject("config-rejected", DEVICE): Fault("error", text, "the running config stays in use; see config/status")
    }


def broker_faults(
    config: Config,
    refused: Mapping[str, str],
    fault: BrokerFault | None,
    unfit: BrokerFault | None = None,
    expiring: Sequence[str] = (),
) -> Faults:
    """refused: what the broker does not take, topic by topic, and its word for why. fault: what keeps us from it.

    unfit: why renewed certificates are not used. expiring: certificates that expire soon, or have.
    """
    faults = {}
    if refused:
        topic, reason = next(iter(refused.items()))
        more = f" and {len(refused) - 1} more" if len(refused) > 1 else ""
        what, hint = "what is published", rejected_fix(reason)
        if topic == SUBSCRIPTION:
            what, hint = "our subscription", UNHEARD_FIX
        text = f"the broker rejects {what} to {topic}{more} ({reason})"
        faults[Subject("mqtt-rejected", DEVICE)] = Fault("error", text, hint)
    if fault is not None:
        code = _BROKER_CODES.get(fault.kind, "mqtt-offline")
        hint = "; ".join(filter(None, (fault.fix, "see vedette doctor --broker")))
        faults[Subject(code, DEVICE)] = Fault("error", fault.what, hint)
    if unfit is not None:
        hint = "the connection keeps the previous ones for now; replace them with valid ones"
        faults[Subject("certificate", DEVICE)] = Fault("error", unfit.text, hint)
    if expiring:
        faults[Subject("certificate-expiry", DEVICE)] = Fault(
            "warning", "; ".join(expiring), "renew it: the files are reloaded automatically"
        )
    if config.mqtt.tls_enabled and config.mqtt.tls.insecure:
        text = "the broker's certificate is not checked (mqtt.tls.insecure), so anybody can pose as it"
        faults[Subject("tls-insecure", DEVICE)] = Fault("warning", text, "give mqtt.tls.ca instead")
    return faults


def outbox_faults(said: Mapping[str, str]) -> Faults:
    """said: by code, in words."""
    return {
        Subject(code, DEVICE): Fault(
            "warning" if code == "outbox-newer" else "error", text, _OUTBOX_HINTS.get(code, "check the disk")
        )
        for code, text in said.items()
    }


def disk_faults(folder: Path) -> Faults:
    """folder: the state directory."""
    try:
        volume = os.statvfs(folder)
    except OSError as e:
        text = f"the state directory {folder} cannot be used: {e.strerror}"
        return {Subject("disk-failed", DEVICE): Fault("error", text, "check the disk and its mounts")}
    if volume.f_flag & os.ST_RDONLY:
        text = f"the state directory {folder} is read-only"
        return {Subject("disk-failed", DEVICE): Fault("error", text, "check the disk (dmesg), then mount it writable")}
    free, size = volume.f_bavail * volume.f_frsize, volume.f_blocks * volume.f_frsize
    if free < min(LOW_BYTES, LOW_SPACE * size):
        text = f"{folder} has {free >> 20} MB left of {size >> 20}: events may be lost"
        return {Subject("disk-full", DEVICE): Fault("error", text, "make room there, or lower outbox.max_bytes")}
    return {}


def upgrade_faults(own: Path = _OWN) -> Faults:
    """A newer version was taken back (systemd/deb/trial.py leaves a note). own: where this one is installed."""
    if own.parent.name != "versions":
        return {}
    try:
        note = json.loads((own.parents[1] / "refused.json").read_text())
        text = f"{note['version']} was not healthy here ({note['why']}), so {note['running']} was taken back"
    except (OSError, ValueError, LookupError, TypeError):
        return {}
    return {Subject("upgrade-refused", DEVICE): Fault("warning", text, "see journalctl -u vedette-trial, -u vedette")}
