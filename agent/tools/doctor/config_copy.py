"""The config as it may be shown to strangers, also where it cannot be loaded: what nobody knows is masked.

Comments are left out: passwords that were tried and put aside stand there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agent.config.document import read_text
from agent.config.kinds import Choice, FilePath, Flag, Id, Number, Password, Text
from agent.config.lookup import SECRETS_FILE
from agent.config.nodes import Mapping, Scalar, Sequence, compose
from agent.config.problems import InvalidError
from agent.config.redact import MASK, redact, redact_url, remember
from agent.config.sections import ById, Listing, Section
from agent.config.table import ROOT
from agent.config.units import number

if TYPE_CHECKING:
    from pathlib import Path

    from agent.config.nodes import Node
    from agent.config.sections import AnyKind

_MOST_NODES = 20_000
_REFERENCES = {"!secret", "!env"}
_PASSWORDS = re.compile(
    r"(?<![\w-])((?:\w*-)*(?=\w*?(?:pass|credential)|\w*(?:pwd?|secret|token)\s*[=:])\w+\s*[=:]\s*)[^\s,;&'\"!]+",
    re.IGNORECASE,
)
"""`user-pw=...` in a pipeline, `password: ...` in a quoted line."""


def clean(text: str) -> str:
    """As `redact`, and what follows a word like password."""
    return _PASSWORDS.sub(rf"\1{MASK}", redact(text))


def learn(file: Path) -> None:
    """From now on `redact` knows the secrets beside the config, also those it does not use."""
    try:
        root = compose(read_text(file.absolute().parent / SECRETS_FILE))
    except (OSError, InvalidError):
        return
    for _, value in root.pairs if isinstance(root, Mapping) else ():
        if isinstance(value, Scalar):
            remember(value.text)


def config_copy(file: Path) -> dict[str, Any]:
    """The redacted tree, or why there is none."""
    try:
        root = compose(read_text(file))
    except (OSError, InvalidError) as error:
        reason = error.strerror if isinstance(error, OSError) else error.message
        return {"left_out": f"{file} cannot be read: {reason}"}
    return {"file": str(file), "config": None if root is None else _Copy().of(root, ROOT)}


@dataclass(slots=True)
class _Copy:
    """nodes: an alias is copied out at each place, so a small file can be a large tree."""

    nodes: int = 0

    def of(self, node: Node, kind: AnyKind | None) -> Any:
        """kind: what the table says that belongs here; None where it knows nothing."""
        self.nodes += 1
        if self.nodes > _MOST_NODES:
            return "..."
        if isinstance(node, Scalar):
            return _scalar(node, kind.item if isinstance(kind, Listing) else kind)
        if isinstance(node, Mapping):
            return {_key(key): self.of(value, _below(key, kind)) for key, value in node.pairs}
        assert isinstance(node, Sequence)
        return [self.of(item, kind.item if isinstance(kind, Listing) else kind) for item in node.items]


def _below(key: Node, kind: AnyKind | None) -> AnyKind | None:
    if isinstance(kind, ById):
        return kind.section
    if isinstance(kind, Listing):
        return kind.named
    if isinstance(kind, Section) and isinstance(key, Scalar):
        return next((field.kind for field in kind.fields if field.key == key.text), None)
    return None


def _key(key: Node) -> str:
    return key.text[:64] if isinstance(key, Scalar) and not key.tag else MASK


def _scalar(node: Scalar, kind: AnyKind | None) -> Any:
    if node.tag in _REFERENCES:
        return f"{node.tag} {node.text[:64]}"
    if node.null:
        return None
    if isinstance(kind, Password):
        remember(node.text)
        return MASK
    if isinstance(kind, (Choice, FilePath, Flag, Id, Number, Text)):
        return clean(redact_url(node.text))
    return node.text if kind is not None and number(node.text) is not None else MASK
