"""Which checks there are."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from agent.config import ConfigError, load
from agent.tools.doctor import account, credentials
from agent.tools.doctor.children import asked
from agent.tools.doctor.clock import clock
from agent.tools.doctor.daemon import about_the_broker, daemon
from agent.tools.doctor.finding import Finding
from agent.tools.doctor.group import Group
from agent.tools.doctor.network import reach, settings, tls
from agent.tools.doctor.session import Session
from agent.tools.doctor.settings import settings as config_file
from agent.tools.doctor.system import memory, system
from agent.tools.doctor.unit import unit
from agent.tools.doctor.watching import watching

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from agent.config.model import Config

_QUICK_S, _ENGINES_S = 30.0, 90.0
GROUPS = (
    "system",
    "power",
    "memory",
    "clock",
    "disk",
    "service",
    "access",
    "config",
    "models",
    "engines",
    "devices",
    "cameras",
    "broker",
    "daemon",
)
BROKER = ("clock", "broker", "daemon")
"""What has to do with the broker."""
PARTS = {
    "storage": "disk",
    "coral": "engines",
    "gstreamer": "devices",
    "csi": "devices",
    "camera": "cameras",
    **dict.fromkeys(
        ("name", "reach", "tls", "certificate", "login", "limits", "publish", "commands", "persistence"), "broker"
    ),
}
"""The group of a finding, by its own name where that is another: people take the name that they see."""


def examine(file: Path, only: Sequence[str] = GROUPS, client_id: str | None = None) -> Iterator[Group]:
    """The groups, as they are done. Each step has a deadline; the resolver has its own.

    Nothing is changed on this machine, nor anything retained at the broker touched.
    file: the config; where it cannot be used, that is a finding, and what needs it is left out. client_id: to come to
    the broker with; default: one that nobody else has.
    """
    credentials.borrow()
    try:
        config: Config | None = load(file)
    except ConfigError:
        config = None
    checks = _checks(file, config, client_id)
    if tuple(only) == BROKER and config is not None:
        checks["daemon"] = partial(about_the_broker, config)
    for name in GROUPS:
        if name in only or (name == "config" and config is None):
            yield Group(name, [finding.masked() for finding in _guarded(name, checks[name])])


def _checks(file: Path, config: Config | None, client_id: str | None) -> dict[str, Callable[[], Iterable[Finding]]]:
    def ask(check: str, seconds: float = _QUICK_S) -> Callable[[], Iterable[Finding]]:
        return partial(asked, check, file, seconds=seconds)

    return {
        "system": system,
        "power": ask("power"),
        "memory": memory,
        "clock": clock,
        "disk": ask("storage"),
        "service": unit,
        "access": ask("access"),
        "config": partial(config_file, file) if account.looking().own else ask("config"),
        "models": ask("models"),
        "engines": ask("engines", _ENGINES_S),
        "devices": ask("devices"),
        "cameras": partial(watching, config, file) if config else _without_config,
        "broker": partial(_broker, config, client_id) if config else _without_config,
        "daemon": partial(daemon, config) if config else _without_config,
    }


def _without_config() -> Iterator[Finding]:
    yield Finding("config", "skipped", "needs a config that can be used")


def _broker(config: Config, client_id: str | None) -> Iterator[Finding]:
    """The way to the broker, step by step."""
    for step in (settings, reach, tls, Session(client_id).findings):
        found = list(step(config))
        yield from found
        if any(finding.state == "failed" for finding in found):
            break  # what follows needs it


def _guarded(name: str, check: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    try:
        yield from check()
    except Exception as error:  # noqa: BLE001 - one check that fails must not hide the others
        yield Finding(name, "failed", f"the check itself failed: {type(error).__name__}: {error}", "please report it")
