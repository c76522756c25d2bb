"""Commands about the config. Taking one over while everything runs comes with hot config; until then it is refused."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.config import ConfigError
from agent.config.document import read_text
from agent.config.load import parse
from agent.config.problems import InvalidError
from agent.config.redact import redact
from agent.config.remote import remote_problems
from agent.publish.commands.order import Refusal
from agent.runtime.plan import plan

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from agent.config import Problem
    from agent.publish.commands.order import Caller
    from agent.runtime.orders.parts import Parts
    from agent.runtime.orders.result import Data, Result

_LATER = "this version cannot take a config over while it runs: edit the file on the device, then restart"
NAME = "remote.yaml"
"""What stands for the text's file in its errors."""


def get(parts: Parts, _: Mapping[str, Any], __: Caller) -> Data:
    """The file as it stands, without secrets; `running_hash` tells whether that is what runs."""
    status = parts.status()
    try:
        text = read_text(Path(parts.config.file))
    except (OSError, InvalidError) as e:
        raise Refusal("no_file", f"{parts.config.file} cannot be read: {e}", "error") from None
    return {
        "yaml": redact(text),
        "file": parts.config.file,
        "hash": status.file_hash,
        "running_hash": status.running_hash,
        "overrides": list(status.overrides),
    }


def validate(parts: Parts, arguments: Mapping[str, Any], _: Caller) -> Data:
    errors, warnings = _examined(parts, arguments["yaml"])
    return {"valid": not errors, "errors": errors, "warnings": warnings}


def apply(parts: Parts, arguments: Mapping[str, Any], caller: Caller) -> Result:
    found = validate(parts, arguments, caller)
    if not found["valid"]:
        more = len(found["errors"]) - 1
        text = found["errors"][0]["message"] + (f", and {more} more" if more else "")
        raise Refusal("invalid", text, data=found)
    raise Refusal("not_available", _LATER, data=found)


def rollback(_: Parts, __: Mapping[str, Any], ___: Caller) -> Result:
    raise Refusal("not_available", "there is nothing to go back to: no config has come from afar")


def select_model(_: Parts, __: Mapping[str, Any], ___: Caller) -> Result:
    raise Refusal("not_available", _LATER)


def _examined(parts: Parts, text: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Errors and warnings, as `config/status` has them; what it may not say from afar is an error too."""
    warnings: tuple[Problem, ...] = ()
    try:
        wanted = parse(text, NAME, Path(parts.config.file).parent)
        warnings = wanted.warnings
        forbidden = remote_problems(wanted, parts.config)
        if forbidden:
            return _told(forbidden), _told(warnings)
        warnings += plan(wanted).warnings
    except ConfigError as e:
        return _told(e.problems), _told(warnings)
    return [], _told(warnings)


def _told(problems: Iterable[Problem]) -> list[dict[str, Any]]:
    return [{**asdict(problem), "message": redact(problem.message)} for problem in problems]
