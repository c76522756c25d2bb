"""Reading a tree of nodes as what the table says it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from agent.config.borrowed import QUOTED, quoted, unseen
from agent.config.former import renamed
from agent.config.kinds import Kind, Password, id_problem, shown
from agent.config.names import is_id
from agent.config.nodes import Mapping, Node, Scalar, Sequence
from agent.config.pairs import pairs
from agent.config.problems import InvalidError
from agent.config.sections import ById, Field, Listing, Section, Shape, homes_of
from agent.config.shapes import LineKind, PolygonKind, check_masks
from agent.config.suggest import WORDS, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from agent.config.lookup import Lookup

UNKNOWN = "unknown key"
"""How the message of a key begins that is none."""
_MOST_HOMES = 3
MOST_READ = 50_000
"""Values of a config: aliases let one stand in many places, and each is read, checked and kept."""


@dataclass(slots=True)
class Given:
    """A section as read: every key has its value or default. places: where the keys that are set have theirs.

    name: what it stands under, where that is no key of the table.
    """

    key: str
    place: Node
    name: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    places: dict[str, Node] = field(default_factory=dict)

    def __getitem__(self, key: str) -> Any:
        return self.values[key]

    def path(self, key: str) -> str:
        return f"{self.key}.{key}" if self.key else key


@dataclass(frozen=True, slots=True)
class Reading:
    """Reads nodes as what the table says they are; what is wrong goes to the lookup's findings.

    entries: where the words of lists stand, by the list's dotted name and the word. shapes: by what is wanted and
    the identity of their nodes, since aliases let one stand in a thousand places. left: values that may yet be read.
    """

    root: Section
    folder: Path
    lookup: Lookup
    entries: dict[str, Node] = field(default_factory=dict)
    shapes: dict[tuple[str, int], Any] = field(default_factory=dict)
    left: Iterator[int] = field(default_factory=lambda: iter(range(MOST_READ)))

    def section(self, section: Section, node: Node, key: str) -> Given:
        given = Given(key, node, values={field.key: field.default for field in section.fields})
        fields = {field.key: field for field in section.fields}
        wanted = "a map of keys and values"
        if isinstance(node, Scalar) and node.boolean is not None and "enabled" in fields:
            wanted = f"a map, such as {{enabled: {node.text.lower()}}},"
        for name, value in self._present(section, self._pairs(node, key, wanted), given):
            if name.text not in fields:
                self._unknown(section, name, given.path(name_shown(name)))
                continue
            known = fields[name.text]
            if isinstance(value, Scalar) and value.null:
                continue
            given.places[name.text] = value
            given.values[name.text] = self._value(known, value, given.path(name.text))
        for known in section.fields:
            if isinstance(known.kind, Section) and known.key not in given.places:
                given.values[known.key] = self.section(known.kind, Mapping(1, 1), given.path(known.key))
            elif known.required and known.key not in given.places:
                self._error(node, given.path(known.key), f"is missing ({known.help})")
        return given

    def _present(self, section: Section, found: list[tuple[Scalar, Node]], given: Given) -> list[tuple[Scalar, Node]]:
        """With the names that keys have today."""

        def warn(place: Scalar, key: str, message: str) -> None:
            self.lookup.findings.warn(place, given.path(key), message)

        try:
            return renamed(found, section.former, warn)
        except InvalidError as error:
            self._invalid(error, given.place, given.key)
            return [pair for pair in found if pair[0] is not error.place]

    def _value(self, wanted: Field, node: Node, key: str) -> Any:
        try:
            if isinstance(wanted.kind, Section):
                return self.section(wanted.kind, node, key)
            if isinstance(wanted.kind, ById):
                return self._by_id(wanted.kind, node, key)
            if isinstance(wanted.kind, Listing):
                return self._listing(wanted.kind, node, key)
            return self._single(wanted.kind, node, key)
        except InvalidError as error:
            self._invalid(error, node, key)
            return wanted.default

    def _single(self, kind: Kind | Shape, node: Node, key: str) -> Any:
        self._count(node, key)
        if not isinstance(kind, (PolygonKind, LineKind)):
            return self._scalar(cast("Kind", kind), node, key)
        place = (kind.wanted, id(node))
        if place not in self.shapes:
            self.shapes[place] = kind.read(node)
        return self.shapes[place]

    def _scalar(self, kind: Kind, node: Node, key: str) -> Any:
        if not isinstance(node, Scalar):
            found = "a list" if isinstance(node, Sequence) else "a map"
            raise InvalidError(f"{kind.wanted} is wanted here, not {found}")
        if quoted(node):
            self.lookup.findings.warn(node, key, QUOTED)
        resolved = self.lookup.resolve(node, key, password=isinstance(kind, Password))
        return kind.read(resolved, self.folder)

    def _by_id(self, kind: ById, node: Node, key: str) -> tuple[Given, ...]:
        found = []
        entries = self._pairs(node, key, f"a map from the id of a {kind.what} to its keys, such as `{kind.example}`,")
        if isinstance(node, Mapping) and len(node.pairs) < kind.least:
            raise InvalidError(f"names no {kind.what}; write at least one, such as `{kind.example}`")
        for name, value in entries[: kind.most]:
            path = f"{key}.{name_shown(name)}"
            if not is_id(name.text):
                self._error(name, path, id_problem(name.text, shown(name)))
            is_null = isinstance(value, Scalar) and value.null
            given = self.section(kind.section, Mapping(name.line, name.column) if is_null else value, path)
            given.key, given.name = f"{key}.{name.text}", name.text
            found.append(given)
        if len(entries) > kind.most:
            raise InvalidError(f"{len(entries)} {kind.what}s; at most {kind.most} are allowed")
        return tuple(found)

    def _named(self, kind: Listing, section: Section, node: Node, key: str) -> tuple[Given, ...]:
        found = []
        entries = self._pairs(node, key, "a map")
        if len(entries) > kind.most:
            raise InvalidError(f"{len(entries)} entries; at most {kind.most} are allowed")
        for name, value in entries:
            try:
                self._single(kind.item, name, key)
            except InvalidError as error:
                self._error(name, key, error.message)
                continue
            is_null = isinstance(value, Scalar) and value.null
            place = Mapping(name.line, name.column) if is_null else value
            if not isinstance(place, Mapping):
                example = f"{name_shown(name)}: {{{section.fields[0].key}: 0.6}}"
                self._error(place, f"{key}.{name_shown(name)}", f"a map is wanted here, such as `{example}`")
                continue
            given = self.section(section, place, f"{key}.{name_shown(name)}")
            given.name = name.text
            self.entries[f"{key}.{name.text}"] = name
            found.append(given)
        return tuple(found)

    def _listing(self, kind: Listing, node: Node, key: str) -> tuple[Any, ...]:
        if isinstance(node, Scalar) and kind.single:
            return (self._single(kind.item, node, key),)
        if isinstance(node, Mapping) and kind.named is not None:
            return self._named(kind, kind.named, node, key)
        if not isinstance(node, Sequence) or node.tag:
            raise InvalidError("a list is wanted here, such as [one, two]")
        if isinstance(kind.item, PolygonKind):
            check_masks(node)
        if len(node.items) > kind.most:
            raise InvalidError(f"{len(node.items)} entries; at most {kind.most} are allowed")
        return self._items(kind, node.items, key)

    def _items(self, kind: Listing, items: list[Node], key: str) -> tuple[Any, ...]:
        found: list[Any] = []
        seen: set[Any] = set()
        for item in items:
            try:
                if isinstance(item, Scalar) and item.null:
                    raise InvalidError("an empty entry; write a word or remove it")  # noqa: TRY301 - one way out
                value = self._single(kind.item, item, key)
            except InvalidError as error:
                self._invalid(error, item, key)
                continue
            if value in seen:
                what = value if isinstance(value, str) else "it"
                self._error(item, key, f"{what} stands in the list twice; remove one")
            if isinstance(value, str):
                self.entries.setdefault(f"{key}.{value}", item)
            seen.add(value)
            found.append(value)
        return tuple(found)

    def _count(self, node: Node, key: str) -> None:
        if next(self.left, None) is None:
            self._error(node, key, f"more than {MOST_READ} values with aliases expanded, the limit for a config")
            self.lookup.findings.raise_if_any()

    def _pairs(self, node: Node, key: str, wanted: str) -> list[tuple[Scalar, Node]]:
        if not isinstance(node, Mapping) or node.tag:
            self._error(node, key, f"{wanted} is wanted here")
            return []
        found, mistakes = pairs(node)
        for mistake in mistakes:
            at = mistake.place
            path = f"{key}.{name_shown(at)}" if isinstance(at, Scalar) else key
            self._error(at, path.lstrip("."), mistake.message)
        return found

    def _unknown(self, section: Section, name: Scalar, path: str) -> None:
        known = [field.key for field in section.fields]
        what = unseen(name)
        hint = f"; it {what}" if what else did_you_mean(name.text, known, WORDS)
        if not hint:
            homes = [home for home in homes_of(name.text, self.root) if home != path]
            of_many = len(homes) > _MOST_HOMES  # `enabled` is a key of everything
            hint = f"; it belongs to {homes[0]}" if homes and not of_many else f"; known here: {', '.join(known)}"
        self._error(name, path, f"{UNKNOWN}{hint}")

    def _invalid(self, error: InvalidError, node: Node, key: str) -> None:
        for each in (error, *error.also):
            self._error(each.place or node, key, each.message)

    def _error(self, place: Any, key: str, message: str) -> None:
        self.lookup.findings.error(place, key, message)


def name_shown(name: Scalar) -> str:
    """A key for an error. `password:hunter2: x` is one key to YAML, so what follows a colon is masked."""
    word, separator, rest = name.text.partition(":")
    text = shown(Scalar(0, 0, word.partition("=")[0], plain=True))
    return f"{text}{separator}***" if rest or "=" in word else text
