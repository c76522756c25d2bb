"""Maps and lists of the config: what keys they may hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent.config.kinds import Kind
    from agent.config.nodes import Node


@dataclass(frozen=True, slots=True)
class Field:
    """One key. default: the value when the key is absent or null; `required` has none."""

    key: str
    kind: AnyKind
    default: Any
    help: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """A map with fixed keys.

    former: names that keys had in a release, as dotted paths in this map, and where they are now: they still work.
    """

    fields: tuple[Field, ...]
    former: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ById:
    """A map from ids to sections of one form. what: what one entry is, for the errors; example: one of them."""

    section: Section
    what: str
    most: int
    example: str
    least: int = 0


@dataclass(frozen=True, slots=True)
class Listing:
    """A list of different items. single: one may stand without the list.

    named: a map from items to sections of this form will do too; each is read as its section, which has its name.
    """

    item: Kind | Shape
    most: int
    single: bool = False
    named: Section | None = None


class Shape(Protocol):
    """A kind that is no scalar."""

    @property
    def wanted(self) -> str: ...
    def read(self, node: Node) -> Any: ...
    def schema(self) -> dict[str, Any]: ...


AnyKind: TypeAlias = "Kind | Shape | Section | ById | Listing"


def homes_of(key: str, section: Section, path: str = "") -> list[str]:
    """Where in the whole table `key` is known: `cameras.<id>.rotate`."""
    found = []
    for known in section.fields:
        here = f"{path}.{known.key}" if path else known.key
        if known.key == key:
            found.append(here)
        if isinstance(known.kind, Section):
            found += homes_of(key, known.kind, here)
        elif isinstance(known.kind, ById):
            found += homes_of(key, known.kind.section, f"{here}.<id>")
    return found
