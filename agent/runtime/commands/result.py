"""What an action says of itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from agent.publish.commands.call import Caller
    from agent.runtime.commands.parts import Parts

Data: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Accepted:
    """It has begun. then: what follows once that is said."""

    data: Data
    then: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True)
class Later:
    """deadline: time.monotonic(). poll: what it tells, None while nobody knows; may raise Refusal."""

    deadline: float
    poll: Callable[[], Data | None]


Result: TypeAlias = Data | Accepted | Later
Action: TypeAlias = "Callable[[Parts, Mapping[str, Any], Caller], Result]"
"""Called on the main thread, with complete arguments; must not block. Raises Refusal."""
