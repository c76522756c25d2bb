"""Keys by their names of earlier releases: a config that was right once stays right, with a warning.

Pure: maps are read as if the new names stood in them, at the places of the old ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.config.nodes import Mapping, Node, Scalar
from agent.config.pairs import pairs
from agent.config.problems import InvalidError

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Mapping as ReadOnly

Pair = tuple[Scalar, Node]


def renamed(found: list[Pair], former: ReadOnly[str, str], warn: Callable[[Scalar, str, str], None]) -> list[Pair]:
    """The pairs of a map with each former key under its present name.

    former: by dotted path in the map, where it is now, in the same way: {"rate": "detections.max_rate"}. warn: told the
    old key, its path, and what to do. Raises InvalidError where a key is there under both names.
    """
    for old, new in former.items():
        taken, rest = _taken(found, old.split("."))
        if taken is not None:
            found = _placed(rest, new.split("."), taken, f"{old} is now called {new}")
            warn(taken[0], old, f"is now called {new}; the old name still works, but please write the new one")
    return found


def _taken(found: list[Pair], path: list[str]) -> tuple[Pair | None, list[Pair]]:
    """The pair at `path`, None if there is none; and the others."""
    for at, (name, value) in enumerate(found):
        if name.text != path[0]:
            continue
        others = [*found[:at], *found[at + 1 :]]
        if len(path) == 1:
            return (name, value), others
        if isinstance(value, Mapping):
            own, mistakes = pairs(value)
            taken, rest = _taken(own, path[1:])
            if taken is not None and not mistakes:
                left = Mapping(value.line, value.column, value.tag, list(rest))
                return taken, [*others, (name, left)] if rest else others
    return None, found


def _placed(found: list[Pair], path: list[str], taken: Pair, why: str) -> list[Pair]:
    old, value = taken
    head = Scalar(old.line, old.column, path[0])
    for at, (name, there) in enumerate(found):
        if name.text != path[0]:
            continue
        if len(path) == 1 or not isinstance(there, Mapping):
            raise InvalidError(f"{why}, which stands in line {name.line}, too; remove this one", old)
        inner, _ = pairs(there)
        merged = Mapping(there.line, there.column, there.tag, list(_placed(inner, path[1:], taken, why)))
        return [*found[:at], (name, merged), *found[at + 1 :]]
    for key in reversed(path[1:]):
        value = Mapping(old.line, old.column, "", [(Scalar(old.line, old.column, key), value)])
    return [*found, (head, value)]
