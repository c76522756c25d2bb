"""What `!secret NAME` and `!env NAME` stand for."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from agent.config.borrowed import QUOTED, quoted, unseen
from agent.config.document import read_text
from agent.config.hashes import CUT, cut
from agent.config.nodes import Mapping, Scalar, compose
from agent.config.problems import Findings, InvalidError
from agent.config.secrets import Secret, secret_variable

if TYPE_CHECKING:
    from pathlib import Path

Tagged: TypeAlias = tuple[str, str, str]
"""The dotted name of a key, the tag of its value, and the name behind the tag."""
SECRETS_FILE = "secrets.yaml"
_NOT_GRANTED = (
    "a config sent over MQTT may use !secret and !env for passwords, and elsewhere only where they already are"
    "; only `remote.config: full` on the device allows more"
)
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")


@dataclass(slots=True)
class Lookup:
    """Finds secrets for the config in `folder`. The secrets file is read once, and only if it is needed.

    granted: key, tag and name of what alone may be looked up beside passwords; None: anything. tagged: what was.
    """

    folder: Path
    findings: Findings
    granted: frozenset[Tagged] | None = None
    tagged: set[Tagged] = field(default_factory=set)
    _file: dict[str, Scalar] | None = field(default=None)

    def resolve(self, node: Scalar, key: str, *, password: bool) -> Scalar:
        """`node` with the value its tag stands for. Raises InvalidError for a name nobody knows, or may not ask for.

        key: the dotted name it stands under. password: whether what it stands for is never shown.
        """
        if not node.tag:
            return node
        if node.tag not in {"!secret", "!env"}:
            raise InvalidError("only the tags !secret NAME and !env NAME are known here; put text in quotes")
        if not _NAME.fullmatch(node.text) or node.text in {".", ".."}:
            raise InvalidError(f"{node.tag} needs a name of 1 to 64 letters, digits, _, . and -")
        tagged = (key, node.tag, node.text)
        if self.granted is not None and not password and tagged not in self.granted:
            raise InvalidError(_NOT_GRANTED)
        self.tagged.add(tagged)
        value = self._secret(node.text) if node.tag == "!secret" else _env(node.text)
        if not value:
            raise InvalidError(f"{node.tag} {node.text} is empty; give it a value")
        if node.tag == "!secret":
            Secret(value)  # from here on it is masked, whatever key it is used for
        return Scalar(node.line, node.column, value, plain=node.tag == "!env", tag=node.tag)

    def _secret(self, name: str) -> str:
        variable = secret_variable(name)
        found = self._credential(name)
        if found is None:
            found = self._from_file(name)
        if found is None:
            found = os.environ.get(variable)
        if found is None:
            raise InvalidError(
                f"no secret {name}: write `{name}: ...` into {self.folder / SECRETS_FILE} (chmod 640), "
                f"or give it as the systemd credential {name} or in ${variable}"
            )
        return found

    @staticmethod
    def _credential(name: str) -> str | None:
        folder = os.environ.get("CREDENTIALS_DIRECTORY")
        if not folder:
            return None
        try:
            return read_text(os.path.join(folder, name)).rstrip("\r\n")  # noqa: PTH118 - may not exist
        except FileNotFoundError:
            return None
        except (OSError, InvalidError) as error:
            raise InvalidError(f"the systemd credential {name} cannot be read: {_reason(error)}") from None

    def _from_file(self, name: str) -> str | None:
        if self._file is None:
            self._file = {}
            self._read(self.folder / SECRETS_FILE)
        node = self._file.get(name)
        return node.text if node else None

    def _read(self, path: Path) -> None:
        self._file = {}
        try:
            about = path.stat()
            text = read_text(path)
            root = compose(text)
        except FileNotFoundError:
            return
        except InvalidError as error:
            self.findings.error(error.place, "", error.message, file=str(path))
            return
        except OSError as error:
            self.findings.error(None, "", f"cannot be read: {_reason(error)}", file=str(path))
            return
        self._warn(path, about, text)
        if root is None:
            return
        if not isinstance(root, Mapping):
            self.findings.error(root, "", "needs lines of `name: value`", file=str(path))
            return
        for key, value in root.pairs:
            if not isinstance(key, Scalar) or not isinstance(value, Scalar) or value.tag or value.null:
                self.findings.error(value, "", "a secret is one text: `name: value`", file=str(path))
            else:
                self._take(key, value, str(path))

    def _take(self, key: Scalar, value: Scalar, file: str) -> None:
        assert self._file is not None
        if key.text in self._file:
            self.findings.error(key, "", "this name stands in the file twice; remove one", file=file)
        elif what := unseen(value):
            self.findings.error(value, "", what, file=file)
        elif quoted(value):
            self.findings.warn(value, "", QUOTED, file=file)
        self._file[key.text] = value

    def _warn(self, path: Path, about: os.stat_result, text: str) -> None:
        if (what := _open_to(about)) is not None:
            self.findings.warn(None, "", what, file=str(path))
        for place in cut(text, _NAME.pattern):
            self.findings.warn(place, "", CUT, file=str(path))


def _open_to(about: os.stat_result) -> str | None:
    """Who else may read or change a file of secrets, and the fix; None for its owner and a group of ours alone."""
    if about.st_mode & stat.S_IRWXO:
        return "everybody on this machine may read it; chmod 640"
    if about.st_mode & (stat.S_IWGRP | stat.S_IXGRP):
        return "its group may change it; chmod 640"
    ours = {0, os.getegid(), *os.getgroups()}
    if about.st_mode & stat.S_IRGRP and about.st_gid not in ours and os.geteuid():
        return f"the group {about.st_gid} may read it, which is not the service's; chgrp vedette, or chmod 600"
    return None


def _env(name: str) -> str:
    value = os.environ.get(name)
    if value is None:
        raise InvalidError(f"the environment variable {name} is not set; set it or write the value here")
    return value


def _reason(error: Exception) -> str:
    return error.strerror or "unknown reason" if isinstance(error, OSError) else str(error)
