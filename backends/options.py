"""A backend's options: of what all are offered, those it takes; of what `backends.d` gives it, all or an error."""

from __future__ import annotations

import types
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin, get_type_hints

from backends.contract import BackendError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from backends.contract import Backend

_WORDS = {str: "text", int: "a whole number", float: "a number", bool: "true or false", type(None): "nothing"}


def options_of(backend: Backend, offered: Mapping[str, Any], own: Mapping[str, Any]) -> Any:
    """An instance of `backend.options`. own: goes above `offered`.

    Raises BackendError where one of `own` is unknown, or a plain value of another type than its field says. What the
    class itself raises goes through.
    """
    known = {f.name for f in fields(backend.options)}
    if unknown := own.keys() - known:
        listed = ", ".join(sorted(known)) or "none"
        raise BackendError(f"backend {backend.name} has no option {min(unknown)!r}; its options: {listed}")
    hints = _hints(backend.options)
    for name, value in own.items():
        if name in hints and not _fits(value, hints[name]):
            wanted = _worded(hints[name])
            raise BackendError(f"backend {backend.name}: option {name} is {value!r}, but {wanted} is wanted")
    return backend.options(**{k: v for k, v in {**offered, **own}.items() if k in known})


def _hints(options: type) -> Mapping[str, Any]:
    try:
        return get_type_hints(options)
    except (NameError, TypeError):  # a stranger's class may name what it imports for the type checker alone
        return {}


def _fits(value: Any, hint: Any) -> bool:
    """Whether a plain value is of a type; True where that is none of those that a file of YAML can hold."""
    if get_origin(hint) in {Union, types.UnionType}:
        return any(_fits(value, each) for each in get_args(hint))
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if hint not in _WORDS:
        return True
    if isinstance(value, bool):
        return hint is bool
    return isinstance(value, (int, float) if hint is float else hint)


def _worded(hint: Any) -> str:
    if get_origin(hint) in {Union, types.UnionType}:
        return " or ".join(map(_worded, get_args(hint)))
    if get_origin(hint) is Literal:
        return " or ".join(map(repr, get_args(hint)))
    return _WORDS[hint]
