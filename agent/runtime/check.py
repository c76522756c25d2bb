"""`vedette check`: the config, then what it names, as `run` would find them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from agent.config import ConfigError, load
from agent.runtime.doctor import account, credentials
from agent.runtime.plan import plan

if TYPE_CHECKING:
    from pathlib import Path

    from agent.config import Problem


def check(file: Path) -> tuple[tuple[Problem, ...], tuple[Problem, ...]]:
    """The config's errors and warnings; nothing is started."""
    if file.resolve().parent == account.CONFIGS:
        _as_the_service()
    warnings: tuple[Problem, ...] = ()
    try:
        config = load(file)
        warnings = config.warnings
        warnings += plan(config).warnings
    except ConfigError as e:
        return e.problems, warnings
    return (), warnings


def _as_the_service() -> None:
    """What its config names is where the service has it, whoever asks: secrets, models."""
    credentials.borrow()
    if account.CACHE.is_dir():
        os.environ.setdefault("CACHE_DIRECTORY", str(account.CACHE))
