"""`vedette check`: the config, then what it names, as `run` would find them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from agent.config import ConfigError, load
from agent.runtime.plan import planned
from agent.tools.doctor import account, credentials
from agent.tools.sources import missing

if TYPE_CHECKING:
    from agent.config import Problem

_INSTALLED = Path("/etc/vedette")


def as_the_service(file: Path) -> None:
    """From now on root finds the models and the secrets of the service whose config this is."""
    if os.geteuid() == 0 and file.absolute().parent == _INSTALLED and account.service() is not None:
        credentials.borrow()
        os.environ.setdefault("CACHE_DIRECTORY", str(account.PLACES["CACHE_DIRECTORY"]))


def check(file: Path) -> tuple[tuple[Problem, ...], tuple[Problem, ...]]:
    """The config's errors and warnings; nothing is started."""
    try:
        config, found = planned(lambda: load(file))
    except ConfigError as e:
        return e.problems, () if e.rest is None else (*e.rest.warnings, *missing(e.rest))
    return (), (*config.warnings, *missing(config), *found.warnings)
