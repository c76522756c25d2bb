"""YAML to plain values plus the line and column of every key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from backends.contract import ArtifactError

if TYPE_CHECKING:
    from pathlib import Path

_DEPTH = 8
_MAX_DIGITS = 64
_NUMBERS = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("int", "float"))
_PLAIN = _NUMBERS | {f"tag:yaml.org,2002:{kind}" for kind in ("null", "bool", "str", "timestamp")}


_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Only composes; libyaml does it in a tenth of the time."""


def parse(text: bytes, path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """The mapping in `text`, and "line:column" by dotted key.

    Raises ArtifactError for what is no YAML, no mapping, names a key twice, nests deeper than a sidecar can, or
    uses an alias: none of ours needs one, and a few nested ones expand to gigabytes.
    """
    try:
        _scan(text, path)
        root = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        problem = f"{error.problem or error.context}"
        raise ArtifactError(f"{path}:{_at(error.problem_mark)}: is not YAML: {problem}") from error
    except (yaml.YAMLError, UnicodeError, RecursionError) as error:
        raise ArtifactError(f"{path}: is not YAML: {error}") from error
    if root is None:
        return {}, {}
    if not isinstance(root, yaml.MappingNode):
        raise ArtifactError(f"{path}:{_at(root.start_mark)}: must be a mapping of keys to values")
    positions: dict[str, str] = {}
    value = _value(root, "", positions, path)
    return value, positions


def _scan(text: bytes, path: Path) -> None:
    """Refuses, event by event, what would be costly to compose."""
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEPTH:
            raise ArtifactError(f"{path}:{_at(event.start_mark)}: nested more than {_DEPTH} deep")
        if isinstance(event, yaml.AliasEvent):
            raise ArtifactError(f"{path}:{_at(event.start_mark)}: aliases (*name) are not allowed here")


def _value(node: Any, key: str, positions: dict[str, str], path: Path) -> Any:
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, f"{key}[{i}]", positions, path) for i, item in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        result: dict[Any, Any] = {}
        for name_node, value_node in node.value:
            if not isinstance(name_node, yaml.ScalarNode):
                raise ArtifactError(f"{path}:{_at(name_node.start_mark)}: a key must be plain text")
            name = _scalar(name_node, path)
            inner = f"{key}.{name}" if key else str(name)
            if name in result:
                raise ArtifactError(f"{path}:{_at(name_node.start_mark)}: {inner}: is there twice")
            positions[inner] = _at(name_node.start_mark)
            result[name] = _value(value_node, inner, positions, path)
        return result
    return _scalar(node, path)


def _scalar(node: Any, path: Path) -> Any:
    # `!!seq x` would be a list that stays empty, and a number of a million digits takes minutes to become one.
    if node.tag not in _PLAIN:
        raise ArtifactError(f"{path}:{_at(node.start_mark)}: {node.tag[:60]!r}: such tags are not allowed here")
    if node.tag in _NUMBERS and len(node.value) > _MAX_DIGITS:
        raise ArtifactError(f"{path}:{_at(node.start_mark)}: a number of more than {_MAX_DIGITS} digits")
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_object(node)
    except (yaml.YAMLError, ValueError, OverflowError, LookupError, AttributeError) as error:
        # An explicit tag reaches PyYAML's constructors with text they do not expect: `!!int ""`, `!!timestamp x`.
        raise ArtifactError(
            f"{path}:{_at(node.start_mark)}: {node.value[:80]!r}: is not what it is marked as"
        ) from error
    finally:
        loader.dispose()


def _at(mark: Any) -> str:
    return f"{mark.line + 1}:{mark.column + 1}" if mark else "1:1"
