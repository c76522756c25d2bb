"""The sidecar `<model>.yaml`: what its owner knows of a model. Strict, and every error at once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from backends.contract import ArtifactError
from backends.formats.sniff import refusing
from backends.formats.window import whole
from backends.models.facts import HEADS, KEYS, Check, Fact, Facts, meant

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MAX_BYTES = 1024 * 1024
_GROUPS = ("input", "head", "origin")


def beside(model: Path) -> Path:
    """Where a model's sidecar is: `x.onnx.yaml` if there is one, else `x.yaml`, which its twins' main model has."""
    named = own(model)
    return named if named.is_file() else model.with_suffix(".yaml")


def own(model: Path) -> Path:
    """The sidecar that can belong to no other file than this."""
    return model.with_name(f"{model.name}.yaml")


def read(path: Path) -> Facts:
    """The facts in a sidecar. Raises ArtifactError listing every mistake as file:line:column: key: what."""
    from backends.formats.yamltree import parse

    try:
        text = whole(path, MAX_BYTES)
    except OSError as error:
        raise ArtifactError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ArtifactError(f"{error}, which is the limit of a sidecar") from error
    with refusing(path):
        tree, positions = parse(text, path)
        return check(tree, lambda key: f"{path}:{positions.get(key, '1:1')}", path.parent)


def labels_file(path: Path) -> Path | None:
    """The file of labels that a sidecar names, None where it names none or cannot be read."""
    from backends.formats.yamltree import parse

    try:
        named = parse(whole(path, MAX_BYTES), path)[0].get("labels")
        return _beside(path.parent, named) if isinstance(named, str) else None
    except (OSError, ValueError, ArtifactError):
        return None


def check(tree: Mapping[str, Any], where: Callable[[str], str], folder: Path) -> Facts:
    """The facts of a nested mapping: a sidecar, a catalog entry, or overrides from the config.

    where: the place of a dotted key, for messages and origins. folder: where files of labels and twins are looked for.
    Raises ArtifactError listing every mistake.
    """
    facts: Facts = {}
    errors: list[str] = []
    family = tree.get("family")
    if not isinstance(family, str):
        family = None  # that is a mistake of its own, if it is anything
    tests = {**KEYS, **_head_keys(family)}
    for key, value in _flat(tree, errors, where):
        try:
            facts[key] = Fact(_tested(key, value, tests, folder, family), where(key))
        except ValueError as error:
            errors.append(f"{where(key)}: {key}: {error}")
    if errors:
        raise ArtifactError("\n".join(errors))
    return facts


def _tested(key: str, value: Any, tests: Mapping[str, Check], folder: Path, family: str | None) -> Any:
    if key == "twins":
        return tuple(folder / file for file in tests[key](value))
    if key in tests:
        return tests[key](read_labels(_beside(folder, value)) if key == "labels" and isinstance(value, str) else value)
    if key.startswith("head.") and family is not None and family not in HEADS:
        return value  # an external head checks its own options
    raise ValueError(_unknown(key, list(tests)))


def _beside(folder: Path, file: str) -> Path:
    """What is read as labels is published; a sidecar that came with a model shall not name /etc/shadow."""
    parts = PurePath(file).parts
    if file.startswith("/") or ".." in parts or "\0" in file:
        raise ValueError(f"{file!r} is not beside or below this file; copy the labels there")
    return folder / file


def read_labels(path: Path) -> dict[int, str]:
    """A file of labels: one a line, or "<id> <label>" on every line. Raises ValueError."""
    try:
        lines = [line.strip() for line in whole(path, MAX_BYTES).decode("utf-8-sig").splitlines() if line.strip()]
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: is not UTF-8 text") from error
    pairs = [line.replace(":", " ", 1).split(None, 1) for line in lines]
    if pairs and all(len(pair) == 2 and pair[0].isdecimal() for pair in pairs):
        return {int(pair[0]): pair[1].strip() for pair in pairs}
    return dict(enumerate(lines))


def _flat(tree: Mapping[str, Any], errors: list[str], where: Callable[[str], str]) -> list[tuple[str, Any]]:
    """Dotted keys and values; an empty value is as if it were not there."""
    flat = []
    for key, value in tree.items():
        if key not in _GROUPS:
            flat.append((str(key), value))
        elif isinstance(value, Mapping):
            flat += [(f"{key}.{inner}", item) for inner, item in value.items()]
        elif value is not None:
            errors.append(f"{where(key)}: {key}: {value!r} is not a mapping")
    return [(key, value) for key, value in flat if value is not None]


def _head_keys(family: str | None) -> dict[str, Check]:
    """The options of that head; of all heads where it is not said, since the file may say it."""
    if family is None:
        options = {key: test for head in HEADS.values() for key, test in head.items()}
    else:
        options = HEADS.get(family, {})
    return {f"head.{key}": test for key, test in options.items()}


def _unknown(key: str, known: list[str]) -> str:
    options = [name.partition(".")[2] for name in known if name.startswith("head.")]
    if key.startswith("head."):
        return f"no such option; this head has {', '.join(options) or 'none'}" + meant(key, known)
    return "unknown key" + (meant(key, known) or f"; there are {', '.join(known)}")
