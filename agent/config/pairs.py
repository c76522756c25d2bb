"""A map's keys and values, with merge keys (`<<`) resolved."""

from __future__ import annotations

from agent.config.nodes import Mapping, Node, Scalar, Sequence
from agent.config.problems import InvalidError


def pairs(node: Mapping) -> tuple[list[tuple[Scalar, Node]], list[InvalidError]]:
    """The pairs of `node`, its own before what it merges, each key once; and what is wrong with them."""
    mistakes: list[InvalidError] = []
    found: dict[str, tuple[Scalar, Node]] = {}
    for key, value in node.pairs:
        if not isinstance(key, Scalar) or key.tag:
            mistakes.append(InvalidError("a key is a plain word, not a list, a map or a tag", key))
        elif key.merge:
            continue
        elif key.text in found:
            first = found[key.text][0].line
            mistakes.append(InvalidError(f"this key stands here twice, first on line {first}; remove one", key))
        else:
            found[key.text] = (key, value)
    # Each map is merged once, however often it is named, so nested merges cannot multiply. A list instead of
    # recursion, since a chain of merges may be as long as the file.
    seen = {id(node)}
    waiting = _merged(node, mistakes)
    while waiting:
        source = waiting.pop()
        if id(source) not in seen:
            seen.add(id(source))
            for name, value in source.pairs:
                if isinstance(name, Scalar) and not name.merge and not name.tag:
                    found.setdefault(name.text, (name, value))
            waiting += _merged(source, mistakes)
    return list(found.values()), mistakes


def _merged(node: Mapping, mistakes: list[InvalidError]) -> list[Mapping]:
    """What `node` merges itself, the last first."""
    found = []
    for key, value in node.pairs:
        if isinstance(key, Scalar) and key.merge:
            for source in value.items if isinstance(value, Sequence) else [value]:
                if isinstance(source, Mapping):
                    found.append(source)
                else:
                    mistakes.append(InvalidError("<< merges maps: `<<: *name` or `<<: [*one, *two]`", key))
    return found[::-1]
