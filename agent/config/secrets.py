"""A value that must be used but never shown."""

from __future__ import annotations

import hmac
import re
from typing import NoReturn

from agent.config.redact import MASK, remember

PREFIX = "VEDETTE_SECRET_"
"""Of the variables that hold secrets; children are not given them."""


def secret_variable(name: str) -> str:
    """The variable of the environment in which `!secret name` may be given."""
    return PREFIX + re.sub(r"[.-]", "_", name).upper()


class Secret:
    """Wraps a password: repr, str and format give `***`, only `reveal` the value. Compares, never pickles."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value
        remember(value)

    def reveal(self) -> str:
        return self._value

    def _bytes(self) -> bytes:
        return self._value.encode(errors="surrogatepass")

    def __repr__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._bytes(), other._bytes())

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not pickled: its value would lie in the open")
