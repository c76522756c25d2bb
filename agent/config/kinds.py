"""What one value of the config may be. Each kind reads a YAML scalar and describes itself as JSON Schema.

`read` gets a scalar that is not null, its tag resolved, and raises InvalidError with what is wrong, the
limit and the fix. It repeats a value only through `shown`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING, Any, Protocol, get_args

from agent.config.borrowed import unseen
from agent.config.names import ID, ID_RULE, is_id
from agent.config.problems import InvalidError
from agent.config.redact import redact_url
from agent.config.secrets import Secret
from agent.config.suggest import did_you_mean
from agent.config.units import BYTES, SECONDS, number, quantity, quantity_pattern, spelled

if TYPE_CHECKING:
    from agent.config.nodes import Scalar

_PRINTABLE = r"^[^\u0000-\u001f\u007f-\u009f]*$"
_LONGEST_SHOWN = 40
_UNITS = {"seconds": SECONDS, "bytes": BYTES}
_EXAMPLES = {"seconds": ("0.5s", "2m", "7d"), "bytes": ("256MB", "2GB")}
_LARGE = 86400
"""What is more wants a unit to be read."""
_UNQUOTED = "; remove the quotes"


class Kind(Protocol):
    @property
    def wanted(self) -> str:
        """What to write, with its article: "a number"."""
        ...

    def read(self, node: Scalar, folder: Path) -> Any:
        """The value of `node`. folder: where relative paths begin."""
        ...

    def schema(self) -> dict[str, Any]: ...


def shown(node: Scalar) -> str:
    """The scalar's text, fit for an error: short, and with nothing secret in it."""
    if node.tag:
        return "the value"
    text = redact_url(node.text)
    text = text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 3] + "..."
    return text if node.plain and text.isprintable() else ascii(text) if not text.isprintable() else f'"{text}"'


@dataclass(frozen=True, slots=True)
class Text:
    """One line of text. pattern: whole-text regular expression, which `rule` says in words.

    schema_pattern: the same for the JSON Schema only, where somebody else reads the text with better errors.
    """

    wanted: str = "a text"
    longest: int = 256
    pattern: str = ""
    rule: str = ""
    schema_pattern: str = ""
    numbers: bool = False
    empty: bool = False

    def read(self, node: Scalar, folder: Path) -> str:  # noqa: ARG002
        if self.empty and not node.text:
            return ""
        text = self.text(node)
        if self.pattern and not re.fullmatch(self.pattern.rstrip("$"), text):
            raise InvalidError(f"{shown(node)} is not {self.wanted}: {self.rule}")
        return text

    def text(self, node: Scalar) -> str:
        is_number = node.plain and not node.tag and number(node.text) is not None
        if (node.boolean is not None and not node.tag) or (is_number and not self.numbers):
            raise InvalidError(f'{self.wanted} is wanted; put it in quotes: "{node.text[:_LONGEST_SHOWN]}"')
        check_characters(node, self.longest)
        return node.text

    def schema(self) -> dict[str, Any]:
        pattern = self.pattern or self.schema_pattern or _PRINTABLE
        types = ["string", "number"] if self.numbers else ["string"]
        shortest = 0 if self.empty else 1
        return {"type": [*types, "null"], "minLength": shortest, "maxLength": self.longest, "pattern": pattern}


def check_characters(node: Scalar, longest: int) -> None:
    if not node.text:
        raise InvalidError("is empty; write a value or remove the key")
    if len(node.text) > longest:
        raise InvalidError(f"{len(node.text)} characters; at most {longest} are allowed")
    if re.search("[\ud800-\udfff]", node.text):  # as Python has a byte of the environment that is no UTF-8
        raise InvalidError("is not text; write it in UTF-8")
    if re.search(r"[\x00-\x1f\x7f-\x9f]", node.text):
        raise InvalidError("holds a control character or line break; remove it")
    if what := unseen(node):
        raise InvalidError(what)


@dataclass(frozen=True, slots=True)
class Password:
    wanted: str = "a password"

    def read(self, node: Scalar, folder: Path) -> Secret:  # noqa: ARG002
        check_characters(node, 1024)
        return Secret(node.text)

    def schema(self) -> dict[str, Any]:
        return {
            "type": ["string", "number", "boolean", "null"],
            "minLength": 1,
            "maxLength": 1024,
            "pattern": _PRINTABLE,
        }


@dataclass(frozen=True, slots=True)
class Id:
    wanted: str = "an id"

    def read(self, node: Scalar, folder: Path) -> str:
        text = Text(self.wanted).read(node, folder)
        if not is_id(text):
            raise InvalidError(id_problem(text, shown(node)))
        return text

    def schema(self) -> dict[str, Any]:
        return {"type": ["string", "null"], "pattern": ID}


def id_problem(text: str, as_shown: str) -> str:
    why = '"all" is reserved for the sum of all' if text == "all" else ID_RULE
    return f"{as_shown} is not an id: {why}"


@dataclass(frozen=True, slots=True)
class FilePath:
    """A file that must be there, absolute or relative to the config's folder. Read as an absolute path."""

    wanted: str = "a path"

    def read(self, node: Scalar, folder: Path) -> str:
        path = absolute(Text(self.wanted, longest=1024).read(node, folder), folder)
        try:
            missing = not S_ISREG(Path(path).stat().st_mode)  # since Python 3.14 `is_file` says no to both
        except (FileNotFoundError, NotADirectoryError, ValueError):
            missing = True
        except OSError:  # a folder only the daemon may look into: it will say so itself
            missing = False
        if missing:
            raise InvalidError(f"no such file: {path}")
        return path

    def schema(self) -> dict[str, Any]:
        return {"type": ["string", "null"], "minLength": 1, "maxLength": 1024, "pattern": _PRINTABLE}


def absolute(path: str, folder: Path) -> str:
    try:
        return str(folder / Path(path).expanduser())
    except RuntimeError:
        raise InvalidError("the home folder behind ~ is not known; write the path in full") from None


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words or whole numbers."""

    values: tuple[str, ...] | tuple[int, ...]

    @classmethod
    def of(cls, literal: object) -> Choice:
        """What a `Literal` of `agent.config.model` allows."""
        return cls(get_args(literal))

    @property
    def wanted(self) -> str:
        return f"one of {', '.join(map(str, self.values))}"

    def read(self, node: Scalar, folder: Path) -> str | int:  # noqa: ARG002
        for value in self.values:
            if isinstance(value, str) and value == node.text:
                return value
            if isinstance(value, int) and node.plain and number(node.text) == value:
                return value
        words = [value for value in self.values if isinstance(value, str)]
        quoted = not node.plain and not node.tag and node.text in map(str, self.values)
        hint = _UNQUOTED if quoted else did_you_mean(node.text, words)
        raise InvalidError(f"{shown(node)} is not {self.wanted}{hint}")

    def schema(self) -> dict[str, Any]:
        return {"enum": [*self.values, None]}


@dataclass(frozen=True, slots=True)
class Flag:
    wanted: str = "true or false"

    def read(self, node: Scalar, folder: Path) -> bool:  # noqa: ARG002
        if node.boolean is None:
            hint = _UNQUOTED if node.text.lower() in {"true", "false"} and not node.tag else ""
            raise InvalidError(f"{shown(node)} is not true or false{hint}")
        return node.boolean

    def schema(self) -> dict[str, Any]:
        return {"type": ["boolean", "null"]}


@dataclass(frozen=True, slots=True)
class Number:
    """A number of `unit` from low to high. Seconds and bytes may be written with a unit of their own too: 5m, 256MB."""

    low: float
    high: float
    unit: str = ""
    whole: bool = False

    @property
    def wanted(self) -> str:
        kind = "a whole number" if self.whole else "a number"
        unit = f" of {self.unit}" if self.unit else ""
        return f"{kind}{unit} from {self._limits}"

    @property
    def _limits(self) -> str:
        """Large ones as people write them."""
        if self.unit in _UNITS and self.high > _LARGE:
            return " to ".join(spelled(limit, _UNITS[self.unit]) for limit in (self.low, self.high))
        return f"{self.low:g} to {self.high:g}"

    def read(self, node: Scalar, folder: Path) -> float:  # noqa: ARG002
        value = number(node.text) if node.plain else None
        if value is None and self.unit in _UNITS:
            value = quantity(node.text, _UNITS[self.unit])
        if value is None or (self.whole and value != value // 1):
            raise InvalidError(f"{shown(node)} is not {self.wanted}{self._fix(node)}")
        if not self.low <= value <= self.high:
            unit = f" {self.unit}" if self.unit and self._limits[-1].isdecimal() else ""
            raise InvalidError(f"{shown(node)} is outside {self._limits}{unit}")
        return int(value) if self.whole else value

    def _fix(self, node: Scalar) -> str:
        if node.tag:
            return ""
        if not node.plain and number(node.text) is not None:
            return _UNQUOTED
        if re.fullmatch(r"0[0-9]+", node.text):
            return "; remove the leading 0, which YAML may read as octal"
        examples = [word for word in _EXAMPLES.get(self.unit, ()) if self.low <= self._value(word) <= self.high]
        return f", such as {' or '.join(examples[:2])}" if examples else ""

    def _value(self, word: str) -> float:
        """Of an example, which has a unit."""
        return quantity(word, _UNITS[self.unit]) or 0.0

    def schema(self) -> dict[str, Any]:
        kind = "integer" if self.whole else "number"
        limits = {"minimum": self.low, "maximum": self.high}
        if self.unit in _UNITS:
            return {"type": [kind, "string", "null"], **limits, "pattern": quantity_pattern(_UNITS[self.unit])}
        return {"type": [kind, "null"], **limits}


@dataclass(frozen=True, slots=True)
class Listen:
    """Where to listen: IP:PORT; a port alone is on this machine only. Read as (address, port).

    No other names: to look one up may take longer than the main thread may wait.
    """

    wanted: str = "an address to listen at: PORT, IP:PORT or [IPV6]:PORT"

    def read(self, node: Scalar, folder: Path) -> tuple[str, int]:  # noqa: ARG002
        match = re.fullmatch(_LISTEN, node.text)
        if match is None:
            raise InvalidError(f"{shown(node)} is not {self.wanted}, such as 127.0.0.1:9464")
        port = int(match["port"])
        if not 1 <= port <= 65535:
            raise InvalidError(f"port {port} is outside 1 to 65535")
        host = (match["host"] or "localhost").strip("[]")
        if host == "localhost":
            host = "127.0.0.1"
        try:
            ip_address(host)
        except ValueError:
            raise InvalidError(f"{shown(node)} is not {self.wanted}, such as 127.0.0.1:9464") from None
        return host, port

    def schema(self) -> dict[str, Any]:
        limits = {"minimum": 1, "maximum": 65535}
        return {"type": ["string", "integer", "null"], **limits, "pattern": f"^{_LISTEN_SCHEMA}$"}


_LISTEN = r"((?P<host>localhost|[0-9.]+|\[[0-9A-Fa-f:.]+\])?:)?(?P<port>[0-9]{1,5})"
_LISTEN_SCHEMA = re.sub(r"\?P<\w+>", "", _LISTEN)
"""JavaScript names groups otherwise, and editors refuse a whole schema for one of Python's."""
