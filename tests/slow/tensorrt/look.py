"""Looks at the module `tensorrt` there is: python look.py real|double < contract list. Answers with JSON."""

from __future__ import annotations

import inspect
import json
import re
import sys
from typing import Any

import tensorrt as trt

Wanted = dict[str, dict[str, "int | None"]]
_SET_BY_INIT = {"name", "shape", "dtype", "type", "num_outputs"}


def find(path: str) -> Any:
    thing: Any = trt
    for part in path.split("."):
        thing = getattr(thing, part, None)
    return thing


def takes(method: Any, count: int) -> bool:
    """Whether an overload takes that many arguments, by the signatures that pybind11 writes into the docstring."""
    for line in (method.__doc__ or "").splitlines():
        match = re.search(r"\((?:self|this)(?:: [^,)]*)?(.*)\) ?->", line)
        if match is None:
            continue
        depth, parts = 0, [""]
        for letter in match.group(1).lstrip(", "):
            depth += (letter in "[(<") - (letter in "])>")
            if letter == "," and not depth:
                parts.append("")
            else:
                parts[-1] += letter
        parts = [part for part in parts if part.strip()]
        if sum("=" not in part for part in parts) <= count <= len(parts):
            return True
    return False


def real(wanted: Wanted, members: dict[str, list[str]], somewhere: list[str]) -> Any:
    wrong = []
    for name, known in wanted.items():
        for member, count in known.items():
            thing = getattr(find(name), member, None)
            if thing is None:
                wrong.append(f"{name}.{member} is missing")
            elif count is not None and not takes(thing, count):
                wrong.append(f"{name}.{member} takes no {count}: {thing.__doc__}")
            elif count is None and callable(thing):
                wrong.append(f"{name}.{member} is a method")
    for name, needed in members.items():
        wrong += [f"{name}.{member} is missing" for member in needed if getattr(find(name), member, None) is None]

    class Log(trt.ILogger):
        def __init__(self) -> None:
            trt.ILogger.__init__(self)

        def log(self, severity: Any, msg: str) -> None: ...

    Log()
    size = trt.Dims([1, 3, -1])
    if [size[i] for i in range(len(size))] != [1, 3, -1]:
        wrong.append(f"Dims([1, 3, -1]) is {size}")
    return wrong, {name: find(name) is not None for name in somewhere}, trt.__version__


def double(wanted: Wanted, *_: Any) -> list[str]:
    wrong = []
    for name, known in wanted.items():
        holder = find(name)
        for member, count in known.items():
            thing = inspect.getattr_static(holder, member, None)
            if thing is None and member not in _SET_BY_INIT:
                wrong.append(f"{name}.{member} is missing")
            elif inspect.isfunction(thing) and count is not None:
                parameters = list(inspect.signature(thing).parameters.values())[1:]
                least = sum(parameter.default is parameter.empty for parameter in parameters)
                if not least <= count <= len(parameters):
                    wrong.append(f"{name}.{member} takes {least} to {len(parameters)}, not {count}")
        own = {member for member, thing in vars(holder).items() if inspect.isfunction(thing) and member[0] != "_"}
        wrong += [f"{name}.{member} is in the double only" for member in own - known.keys()]
    return wrong


if __name__ == "__main__":
    print(json.dumps({"real": real, "double": double}[sys.argv[1]](*json.load(sys.stdin))))
