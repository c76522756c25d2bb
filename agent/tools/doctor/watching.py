"""Each configured camera: what the running daemon says of it, else a look at it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.tools.doctor.cameras import seconds
from agent.tools.doctor.children import asked
from agent.tools.doctor.daemon import of_the_daemon
from agent.tools.doctor.finding import Finding

if TYPE_CHECKING:
    from agent.config.model import CameraConfig, Config

_AT_ONCE = 4
_FRESH_S = 10.0
_START_S = 20.0
"""For the check's own process to come up, on a small machine."""


def watching(config: Config, file: Path) -> list[Finding]:
    """A camera that the running daemon watches is not opened a second time: many allow one reader only."""
    status = of_the_daemon()
    known = status.get("cameras") if status and status.get("device") == config.device else None
    known = known if isinstance(known, dict) else {}

    def look(camera: CameraConfig) -> list[Finding]:
        if not camera.enabled:
            return [Finding("camera", "skipped", f"{camera.id}: disabled in the config")]
        told = _online(camera, known.get(camera.id))
        if told is not None:
            return [told]
        found = asked("camera", file, camera.id, seconds=seconds(camera) + _START_S)
        return [_with_holder(camera, finding) for finding in found]

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return [finding for found in pool.map(look, config.cameras) for finding in found]


def _online(camera: CameraConfig, said: Any) -> Finding | None:
    """None where the daemon does not see it."""
    if not isinstance(said, dict) or said.get("status") != "online":
        return None
    age = said.get("frame_age")
    if not isinstance(age, (int, float)) or age > _FRESH_S:
        return None
    text = (
        f"{camera.id}: {said.get('width')}x{said.get('height')}, {said.get('fps_in')} fps, as the running vedette says"
    )
    return Finding("camera", "ok", text)


def _with_holder(camera: CameraConfig, finding: Finding) -> Finding:
    if camera.kind != "v4l2" or finding.state != "failed":
        return finding
    holder = holding(Path(camera.source))
    return replace(finding, text=f"{finding.text}; {holder} has it open") if holder else finding


def holding(node: Path) -> str:
    """Another process that has the node open, "NAME (process N)"; empty where none is seen. Root sees all."""
    wanted = node.resolve()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(descriptor.readlink() == wanted for descriptor in (process / "fd").iterdir()):
                return f"{(process / 'comm').read_text().strip()} (process {process.name})"
        except OSError:
            continue  # it ended, or is another user's
    return ""
