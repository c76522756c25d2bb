"""`vedette tail` and what a device answers it; nothing is sent here."""

from __future__ import annotations

import io
from typing import Any

import pytest

from agent.publish.endpoint import Endpoint
from agent.tools.tail.output import Output
from agent.tools.tail.reading import Asked, Reading, TailError
from agent.tools.target import Target


def rejected(code: str) -> dict[str, Any]:
    return {"status": "rejected", "error": {"code": code, "text": "why"}, "data": None}


def reading(**asked: Any) -> Reading:
    target = Target(Endpoint("127.0.0.1", 1), "gate", "")
    return Reading(target, "gate", Asked("info", **asked), Output(io.StringIO(), io.StringIO()))


def test_a_renewal_that_comes_too_fast_does_not_end_the_reading() -> None:
    tail = reading()
    tail._answer({"status": "ok"})
    leased = tail._leased_at
    tail._answer(rejected("rate_limited"))
    assert tail._leased_at == leased


@pytest.mark.parametrize(("code", "once"), [("busy", False), ("not_allowed", False), ("rate_limited", True)])
def test_other_refusals_end_it(code: str, once: bool) -> None:
    with pytest.raises(TailError, match="refuses: why"):
        reading(once=once)._answer(rejected(code))
