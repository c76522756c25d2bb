"""Commands about the config: what it says, another in its place, and back."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from agent.config import ConfigError
from agent.config.load import parse
from agent.config.redact import redact
from agent.config.remote import granted, model_problem, remote_problems
from agent.config.shown_text import shown_text
from agent.publish.commands.call import Refusal
from agent.runtime.commands.result import Accepted, Later
from agent.runtime.plan import plan
from agent.runtime.reload.owner import as_told
from agent.runtime.reload.reload import Busy
from agent.runtime.reload.trial import TRIAL_S
from agent.runtime.transition import LONGEST_S

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent.config import Problem
    from agent.publish.commands.call import Caller
    from agent.runtime.commands.parts import Parts
    from agent.runtime.commands.result import Data
    from agent.runtime.reload.attempt import Attempt

NAME = "remote.yaml"
"""What stands for the text's file in its errors."""


def get(parts: Parts, _: Mapping[str, Any], __: Caller) -> Data:
    """What runs, without secrets."""
    status = parts.reload.status()
    return {
        "yaml": shown_text(parts.reload.running.text),
        "file": status.file,
        "hash": status.file_hash,
        "running_hash": status.running_hash,
        "overrides": list(status.overrides),
    }


def validate(parts: Parts, arguments: Mapping[str, Any], _: Caller) -> Data:
    errors, warnings = _examined(parts, arguments["yaml"])
    return {"valid": not errors, "errors": errors, "warnings": warnings}


def apply(parts: Parts, arguments: Mapping[str, Any], caller: Caller) -> Accepted:
    """It is built and tried from here on; what becomes of it, `config/status` says."""
    found = validate(parts, arguments, caller)
    if not found["valid"]:
        more = len(found["errors"]) - 1
        text = found["errors"][0]["message"] + (f", and {more} more" if more else "")
        raise Refusal("invalid", text, data=found)
    try:
        parts.reload.apply(arguments["yaml"], time.monotonic())
    except Busy:
        raise Refusal("busy", _BUSY) from None
    except ConfigError as e:  # edited between the two looks
        raise Refusal(
            "invalid", redact(str(e)), data={**found, "valid": False, "errors": as_told(e.problems)}
        ) from None
    return Accepted({**found, "trial": TRIAL_S})


def rollback(parts: Parts, _: Mapping[str, Any], __: Caller) -> Accepted:
    try:
        begun = parts.reload.roll_back(time.monotonic())
    except Busy:
        raise Refusal("busy", _BUSY) from None
    except ConfigError as e:
        raise Refusal("invalid", redact(str(e)), "error") from None
    if not begun:
        raise Refusal("not_available", "nothing to roll back: the running config did not come over MQTT")
    return Accepted({"running_hash": parts.reload.status().running_hash})


def select_model(parts: Parts, arguments: Mapping[str, Any], _: Caller) -> Later:
    """An override, for one camera or for all; the former model goes on until the new one works."""
    camera, model = arguments["camera"], arguments["model"]
    if (problem := model_problem(model, parts.config)) is not None:
        raise Refusal("not_allowed", problem)
    cameras = [camera] if camera is not None else [one.id for one in parts.config.cameras]
    try:
        attempt = parts.reload.set({name: {"model": model} for name in cameras}, time.monotonic())
    except Busy:
        raise Refusal("busy", _BUSY) from None
    except ConfigError as e:
        raise Refusal("invalid", redact("; ".join(p.message for p in e.problems))) from None
    return Later(time.monotonic() + LONGEST_S, lambda: _selected(attempt, cameras, model))


_BUSY = "another config is being tried; config/status says when that is over"


def _selected(attempt: Attempt, cameras: list[str], model: str) -> Data | None:
    if attempt.refused is not None:
        text = "; ".join(problem.message for problem in attempt.refused.problems)
        raise Refusal("refused", redact(text), "error")
    if attempt.aborted:
        raise Refusal("overtaken", "the config file was edited meanwhile, which takes precedence", "error")
    return {"cameras": cameras, "model": model} if attempt.committed else None


def _examined(parts: Parts, text: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Errors and warnings, as `config/status` has them; what it may not say over MQTT is an error too."""
    warnings: tuple[Problem, ...] = ()
    try:
        wanted = parse(text, NAME, parts.reload.folder, granted(parts.config))
        warnings = wanted.warnings
        forbidden = remote_problems(wanted, parts.config)
        if forbidden:
            return as_told(forbidden), as_told(warnings)
        warnings += plan(wanted).warnings
    except ConfigError as e:
        return as_told(e.problems), as_told(warnings)
    return [], as_told(warnings)
