"""Whether the service's user may open what it needs. Made as that user where that is possible."""

from __future__ import annotations

import grp
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from agent.tools.doctor import account
from agent.tools.doctor.finding import Finding
from backends.tflite import coral

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from agent.config.model import Config
    from agent.tools.doctor.account import Account

_ROOT = Path("/")
_NODES = (
    "dev/video*",
    "dev/media*",
    "dev/nvidia0",
    "dev/nvidiactl",
    "dev/nvhost-gpu",
    "dev/nvhost-ctrl-gpu",
    "dev/nvmap",
)
_WANT = os.R_OK | os.W_OK


def access(config: Config | None, _: str = "", root: Path = _ROOT) -> Iterator[Finding]:
    service, us = account.service(), account.own()
    whom = us if service is None or service.own else service
    may: Callable[[Path, int], bool] = os.access if whom.own else whom.may
    yield from _who(service, us, whom)
    barred = [node for node in _needed(config, root) if node.exists() and not may(node, _WANT)]
    for group, nodes in _by_group(barred).items():
        text = f"{whom.name} may not open {', '.join(map(str, nodes))}"
        yield Finding("access", "failed", text, _fix(whom, group))
    for path in _files(config):
        if not _is_missing(path) and not may(path, os.R_OK):
            fix = f"let it: chgrp {account.SERVICE}, chmod 640; and x on the folders above"
            yield Finding("access", "failed", f"{whom.name} may not read {path}", fix)


def _who(service: Account | None, us: Account, whom: Account) -> Iterator[Finding]:
    groups = ", ".join(whom.group_names()) or "none"
    if service is None:
        yield Finding(
            "access", "ok", f"checked as {us.name}, since there is no user {account.SERVICE}; groups: {groups}"
        )
    elif whom.own:
        yield Finding("access", "ok", f"checked as {whom.name}, the service's user; groups: {groups}")
    else:
        text = f"checked as {us.name}, not as the service's user {whom.name} (groups: {groups})"
        fix = "sudo vedette doctor sees what the service sees"
        if us.uid == 0:
            fix = f"{whom.name} may not run {sys.executable}: use the service's own, /opt/vedette/bin/vedette doctor"
        yield Finding("access", "skipped", text, fix)


def _needed(config: Config | None, root: Path) -> Iterator[Path]:
    """Device nodes. Those that nobody in `config` asks for may be closed."""
    local = [camera for camera in config.cameras if str(camera.kind) in {"v4l2", "csi"}] if config else []
    for pattern in _NODES:
        if local or ("video" not in pattern and "media" not in pattern):
            yield from sorted(root.glob(pattern))
    for chip in coral.chips(coral.root()):
        yield chip.node


def _files(config: Config | None) -> Iterator[Path]:
    if config is None:
        return
    for camera in config.cameras:
        if camera.kind in {"file", "folder"}:
            yield Path(camera.source)
    tls = config.mqtt.tls
    yield from (Path(path) for path in (tls.ca, tls.cert, tls.key) if path)


def _is_missing(path: Path) -> bool:
    """What lies in a folder that is closed to us may be there."""
    try:
        path.stat()
    except PermissionError:
        return False
    except OSError:
        return True
    return False


def _by_group(nodes: list[Path]) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for node in nodes:
        found.setdefault(_group(node), []).append(node)
    return found


def _group(node: Path) -> str:
    try:
        return grp.getgrgid(node.stat().st_gid).gr_name
    except (OSError, KeyError):
        return ""


def _fix(whom: Account, group: str) -> str:
    if group in {"", "root"}:
        return 'a udev rule must give it to a group: GROUP="plugdev" for a Coral, GROUP="video" for a camera'
    return f"usermod -aG {group} {whom.name}, then restart the service"
