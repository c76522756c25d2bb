"""The source of the real picamera2, fetched from PyPI and never imported: it wants libcamera, which only a Pi has."""

from __future__ import annotations

import ast
import subprocess
import sys
import types
import zipfile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

FETCH = (sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:")


def fetched(folder: Path) -> Path:
    """The package's folder. Raises subprocess.CalledProcessError, TimeoutExpired."""
    subprocess.run([*FETCH, f"--dest={folder}", "picamera2"], check=True, capture_output=True, text=True, timeout=240)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder / "picamera2"


def classes(source: str) -> dict[str, dict[str, ast.FunctionDef]]:
    """By class, its methods and properties; of overloads the last, which is the one that runs."""
    return {
        node.name: {part.name: part for part in node.body if isinstance(part, ast.FunctionDef)}
        for node in ast.parse(source).body
        if isinstance(node, ast.ClassDef)
    }


def parameters(function: ast.FunctionDef) -> list[tuple[str, str]]:
    """Names in order, each with its default as written ("" without one)."""
    names = [argument.arg for argument in function.args.args]
    defaults = [ast.unparse(default) for default in function.args.defaults]
    return list(zip(names, [""] * (len(names) - len(defaults)) + defaults, strict=True))


def is_property(function: ast.FunctionDef) -> bool:
    return any(isinstance(how, ast.Name) and how.id == "property" for how in function.decorator_list)


def only(path: Path, class_: str, methods: Iterable[str], **names: Any) -> type:
    """The real class with these of its methods alone; `names` stand in for what they refer to."""
    (found,) = (n for n in ast.parse(path.read_text()).body if isinstance(n, ast.ClassDef) and n.name == class_)
    wanted = set(methods)
    found.body = [n for n in found.body if isinstance(n, ast.FunctionDef) and n.name in wanted]
    for function in found.body:
        function.returns = None
    missing = wanted - {n.name for n in found.body}
    assert not missing, f"{class_} has no {missing} any more"
    module = types.ModuleType(class_)
    vars(module).update(names)
    exec(compile(ast.Module([found], []), str(path), "exec"), vars(module))
    made: type = getattr(module, class_)
    return made


def attributes(source: str, variable: str) -> set[str]:
    """What is asked of a variable of that name."""
    return {
        node.attr
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == variable
    }
