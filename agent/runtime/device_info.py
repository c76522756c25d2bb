"""What the device says of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent import __version__
from agent.publish.payloads import Info, ModelInfo
from agent.runtime import machine
from backends.contract import API

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.runtime.pipeline import Pipeline


def about(
    pipeline: Pipeline, device_uid: str, boot_id: str, commands: Sequence[str], log_level: str, last_exit: str
) -> Info:
    """Of the pipeline as it is now."""
    config = pipeline.config
    artifacts = [runner.artifact for runner in pipeline.runners.values()]
    return Info(
        device=config.device,
        device_uid=device_uid,
        name=config.name or config.device,
        version=__version__,
        api=API,
        boot_id=boot_id,
        board=machine.board(),
        os=machine.operating_system(),
        engines=[rung.spec.id for dispatcher in pipeline.dispatchers for rung in dispatcher.ladder.rungs],
        models=[ModelInfo(a.name, a.rev, a.labels, a.licence) for a in artifacts],
        cameras=list(pipeline.cameras),
        commands=list(commands),
        log_level=log_level,
        last_exit=last_exit,
    )
