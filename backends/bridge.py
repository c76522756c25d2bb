"""Runs a module of this package in a child: in our interpreter, or in another that has its own site-packages.

PYTHON .../backends/bridge.py backends.worker ARGUMENTS

Nothing is imported from the working directory, as -m would do in Python 3.10, which knows no PYTHONSAFEPATH.

The folder this package lies in is not put on the path: in it lie the daemon's numpy and all else that was built for
the daemon's Python.
"""

import importlib.util
import runpy
import sys
from pathlib import Path

_FOLDER = Path(__file__).resolve().parent


def command(interpreter: str, module: str, *arguments: str) -> list[str]:
    """Runs `module` of this package in that interpreter; sys.executable of a worker may be another than ours."""
    return [interpreter, str(Path(__file__).resolve()), module, *arguments]


def main() -> None:
    # Python 3.10 puts a script's folder first, where our `openvino.py` would hide the library of that name.
    sys.path[:] = [entry for entry in sys.path if not entry or Path(entry).resolve() != _FOLDER]
    spec = importlib.util.spec_from_file_location(
        "backends", _FOLDER / "__init__.py", submodule_search_locations=[str(_FOLDER)]
    )
    assert spec is not None
    assert spec.loader is not None
    package = sys.modules["backends"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(package)
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
