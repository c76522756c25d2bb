"""Single facts about a model, each with where it came from; and which keys there are."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, get_args

from backends import artifact


class Fact(NamedTuple):
    value: Any
    origin: str


Facts = dict[str, Fact]
"""By dotted key ("input.height"). Several are merged by precedence: {**weaker, **stronger}."""

Check = Callable[[Any], Any]
"""Takes what YAML gave, returns the value to keep; raises ValueError saying what is allowed."""


def enum(*allowed: str) -> Check:
    def check(value: Any) -> Any:
        if value not in allowed:
            raise ValueError(f"{value!r} is not one of {', '.join(allowed)}" + meant(str(value), allowed))
        return value

    return check


def number(low: float, high: float, kind: type = float) -> Check:
    def check(value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int if kind is int else (int, float)):
            raise ValueError(f"{value!r} is not a {'whole ' if kind is int else ''}number")  # noqa: TRY004
        if not low <= value <= high:
            raise ValueError(f"{value} is not within {low}..{high}")
        return kind(value)

    return check


def text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{value!r} is not text")
    return value


def flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} is neither true nor false")  # noqa: TRY004
    return value


def sha256(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[0-9a-f]{64}", value):
        raise ValueError(f"{value!r} is not 64 hexadecimal digits in lower case")
    return value


def name(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", value):
        raise ValueError(f"{value!r} is not a name: letters, digits, . _ - and at most 64 of them")
    return value


def triple(low: float, high: float) -> Check:
    one = number(low, high)

    def check(value: Any) -> Any:
        values = value if isinstance(value, (list, tuple)) else [value] * 3
        if len(values) != 3:
            raise ValueError(f"{value!r} is neither one number nor three, one per channel")
        return tuple(one(part) for part in values)

    return check


def roles(value: Any) -> dict[str, int | str | list[int | str]]:
    known = ("boxes", "classes", "scores", "count")
    if not isinstance(value, Mapping) or not value:
        raise ValueError(f"{value!r} is not a mapping of {', '.join(known)} to an output's index or name")
    for role, where in value.items():
        enum(*known)(role)
        for one in where if isinstance(where, list) and where else [where]:
            if isinstance(one, bool) or not isinstance(one, (int, str)):
                raise ValueError(f"{role}: {one!r} is neither an output's index nor its name")  # noqa: TRY004
    return dict(value)


def files(value: Any) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or len(value) > 16:
        raise ValueError(f"{value!r} is not a list of at most 16 files")
    wrong = [item for item in value if not isinstance(item, str) or not item.strip() or "\0" in item]
    if wrong:
        raise ValueError(f"{wrong[0]!r} is not a file name")
    return tuple(value)


def labels(value: Any) -> tuple[str, ...]:
    """A list, or a map of class ids, whose holes are filled with "class_<id>"."""
    if isinstance(value, Mapping):
        number_of = number(0, 9999, int)
        ids = {number_of(int(key) if str(key).isdecimal() else key): item for key, item in value.items()}
        value = [ids.get(index, f"class_{index}") for index in range(max(ids, default=-1) + 1)]
    if not isinstance(value, (list, tuple)) or not 0 < len(value) <= 10000:
        raise ValueError("is not a list of 1 to 10000 labels, a map of class ids to labels or a file of them")
    wrong = [item for item in value if isinstance(item, (list, dict, bool)) or item is None or item == ""]
    if wrong:
        raise ValueError(f"{wrong[0]!r} is not a label; quote a name that YAML would read otherwise")
    return tuple(str(item) for item in value)


KEYS: dict[str, Check] = {
    "name": name,
    "description": text,
    "family": text,
    "task": text,
    "licence": text,
    "labels": labels,
    "twins": files,
    "precision": enum(*get_args(artifact.Precision)),
    "sha256": sha256,
    "origin.source": text,
    "origin.sha256": sha256,
    "origin.format": text,
    "input.name": text,
    "input.height": number(8, 8192, int),
    "input.width": number(8, 8192, int),
    "input.layout": enum(*get_args(artifact.Layout)),
    "input.dtype": enum(*get_args(artifact.Dtype)),
    "input.color": enum(*get_args(artifact.Color)),
    "input.resize": enum(*get_args(artifact.Resize)),
    "input.pad": number(0, 255, int),
    "input.mean": triple(-1e6, 1e6),
    "input.std": triple(1e-6, 1e6),
}

_OFFSET: dict[str, Check] = {"label_offset": number(0, 1000, int)}
_OUTPUTS: dict[str, Check] = {"outputs": roles}
_UNITS: dict[str, Check] = {"units": enum("px", "norm"), "extra": number(0, 1000, int)}
_APART: dict[str, Check] = {"iou": number(0, 1), "class_agnostic": flag}
HEADS: dict[str, dict[str, Check]] = {
    "boxes": {},
    "efficientdet-lite": {**_OFFSET, **_OUTPUTS},
    "nanodet": _APART,
    "rfdetr": {**_OFFSET, **_OUTPUTS},
    "rtdetr": {"rows": enum("class", "scores"), **_OUTPUTS},
    "ssd": {**_OFFSET, **_OUTPUTS},
    "yolo": {"box": enum("cxcywh", "xyxy"), **_UNITS, **_APART},
    "yolo-e2e": _UNITS,
    "yolo-split": {**_OUTPUTS, "logits": flag, **_APART},
    "yolov5": {**_UNITS, **_APART},
    "yolox": {"decoded": flag, **_APART},
}
"""The options of our heads, as `head.<option>`. An external head checks its own."""


def meant(word: str, known: tuple[str, ...] | list[str]) -> str:
    near = difflib.get_close_matches(word, known, 1, 0.6)
    return f"; did you mean {near[0]}?" if near else ""
