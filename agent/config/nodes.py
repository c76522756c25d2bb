"""YAML text as a tree whose every node knows its line and column.

PyYAML's own composer recurses, so a deep file ends the stack, and its constructor applies YAML 1.1, where
`on` is true and `010` is 8. So the tree is built here from the parser's events, and a scalar stays the text
it was written as.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from agent.config.problems import InvalidError
from agent.config.syntax import explained

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yaml.events import Event

DEEPEST = 16
MOST_NODES = 20_000

_STANDARD = "tag:yaml.org,2002:"
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}


@dataclass(frozen=True, slots=True)
class Position:
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Scalar:
    """plain: without quotes, so it may mean null, a boolean or a number. tag: `!secret` and the like."""

    line: int
    column: int
    text: str
    plain: bool = True
    tag: str = ""

    @property
    def null(self) -> bool:
        return self.plain and not self.tag and self.text in _NULLS

    @property
    def boolean(self) -> bool | None:
        """As in YAML 1.2: yes, no, on and off are words."""
        return _BOOLEANS.get(self.text) if self.plain else None

    @property
    def merge(self) -> bool:
        return self.plain and self.text == "<<"


@dataclass(frozen=True, slots=True, eq=False)
class Sequence:
    line: int
    column: int
    tag: str = ""
    items: list[Node] = field(default_factory=list)


@dataclass(frozen=True, slots=True, eq=False)
class Mapping:
    line: int
    column: int
    tag: str = ""
    pairs: list[tuple[Node, Node]] = field(default_factory=list)


Node: TypeAlias = Scalar | Sequence | Mapping


def compose(text: str) -> Node | None:
    """The tree of the only document in `text`, None if there is none. Aliases share the anchor's node.

    Raises InvalidError with the place of a syntax error, of a second document, or where the tree gets too
    deep or too large.
    """
    root: Node | None = None
    # What is open, outermost first; a mapping's entry also holds the key that still waits for its value.
    stack: list[tuple[Sequence | Mapping, list[Node]]] = []
    anchors: dict[str, Node] = {}
    for count, event in enumerate(_events(text)):
        place = _place(event)
        if count > MOST_NODES:
            raise InvalidError(f"more than {MOST_NODES} values, the limit for a config", place)
        kind = type(event).__name__
        if kind == "DocumentStartEvent" and root is not None:
            raise InvalidError("a second document begins here; a config is a single one, remove the ---", place)
        if kind in {"SequenceEndEvent", "MappingEndEvent"}:
            stack.pop()
        node = _node(kind, event, place, anchors, stack)
        if node is None:
            continue
        if root is None:
            root = node
        if stack:
            _attach(stack[-1], node)
        if not isinstance(node, Scalar) and kind != "AliasEvent":
            if len(stack) == DEEPEST:
                raise InvalidError(f"nested more than {DEEPEST} levels deep", place)
            stack.append((node, []))
    return root


def _node(
    kind: str,
    event: Any,
    place: Position,
    anchors: dict[str, Node],
    stack: list[tuple[Sequence | Mapping, list[Node]]],
) -> Node | None:
    node: Node
    if kind == "AliasEvent":
        # The name is not repeated: an unquoted password may begin with a star.
        if event.anchor not in anchors:
            raise InvalidError(
                'an alias (*) without its anchor (&) above; put a text that begins with * in "quotes"', place
            )
        node = anchors[event.anchor]
        if any(node is open_ for open_, _ in stack):
            raise InvalidError("an alias inside its own anchor never ends", place)
        return node
    if kind == "ScalarEvent":
        plain = not event.style and event.tag not in {"!", f"{_STANDARD}str"}
        node = Scalar(place.line, place.column, event.value, plain, _own_tag(event.tag))
    elif kind == "SequenceStartEvent":
        node = Sequence(place.line, place.column, _own_tag(event.tag))
    elif kind == "MappingStartEvent":
        node = Mapping(place.line, place.column, _own_tag(event.tag))
    else:
        return None
    if event.anchor:
        if isinstance(node, Scalar) and node.plain and not node.text:
            raise InvalidError('an anchor (&) without a value; put a text that begins with & in "quotes"', place)
        anchors[event.anchor] = node
    return node


def _attach(parent: tuple[Sequence | Mapping, list[Node]], node: Node) -> None:
    collection, waiting = parent
    if isinstance(collection, Sequence):
        collection.items.append(node)
    elif waiting:
        collection.pairs.append((waiting.pop(), node))
    else:
        waiting.append(node)


def _own_tag(tag: str | None) -> str:
    return "" if tag in {None, "!", *(_STANDARD + name for name in ("str", "seq", "map"))} else str(tag)


def _place(event: Event) -> Position:
    mark: Any = event.start_mark
    return Position(mark.line + 1, mark.column + 1)


def _character(text: str, place: Position) -> str:
    lines = text.split("\n")
    return lines[place.line - 1][place.column - 1 : place.column] if place.line <= len(lines) else ""


def _events(text: str) -> Iterator[Event]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        yield from yaml.parse(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        if error.context_mark and "end of stream" in (error.problem or ""):
            mark = error.context_mark  # where the quote was opened, not where the file ends
        place = Position(mark.line + 1, mark.column + 1) if mark else None
        found = _character(text, place) if place else ""
        raise InvalidError(explained(error.problem or "", error.context or "", found), place) from None
    except yaml.reader.ReaderError as error:
        # libyaml counts bytes, PyYAML's own reader characters.
        counts_bytes = error.encoding != "unicode"
        before = text.encode()[: error.position].decode(errors="ignore") if counts_bytes else text[: error.position]
        place = Position(before.count("\n") + 1, len(before) - before.rfind("\n"))
        raise InvalidError("a control character, which YAML does not allow; remove it", place) from None
