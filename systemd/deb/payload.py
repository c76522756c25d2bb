"""What lies in /opt/vedette/package: a virtual environment that nothing has run in, the units, the default model.

A program of the target is never started, so a package for arm64 is made on any machine. postinst links the folder to
/opt/vedette/versions/VERSION, and from there it runs; its scripts name that path.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import lock
import sbom
import target
import wheels

if TYPE_CHECKING:
    from target import Target

HOME = "/opt/vedette"
MODEL = "person"
SCRIPTS = {"vedette": "agent.cli", "pip": "pip._internal.cli.main"}
"""In /opt/vedette/bin, too: where `make install` has them."""
UNITS = ("vedette.service", "vedette@.service")
_HERE = Path(__file__).resolve().parent
_SYSTEMD = _HERE.parent
_SCRIPT = "#!{python}\nimport sys\n\nfrom {module} import main\n\nsys.exit(main())\n"


def write(folder: Path, wheel: Path, version: str, wanted: Target) -> None:
    """wheel: of this tree. version: the package's."""
    final = f"{HOME}/versions/{version}"
    site = folder / wanted.site
    wheels.pip(
        *("install", "--quiet", "--no-compile", "--no-deps", "--require-hashes", f"--target={site}"),
        *wanted.pip_options(),
        f"--requirement={lock.found(wanted.python)}",
    )
    wheels.pip("install", "--quiet", "--no-compile", "--no-deps", f"--target={site}", *wanted.pip_options(), str(wheel))
    shutil.rmtree(site / "bin", ignore_errors=True)  # scripts for the Python that laid them out
    _environment(folder, final, wanted)
    (site / "vedette-plugins.pth").write_text(f"{HOME}/plugins/{wanted.site}\n")
    _compile(folder, final)
    (folder / "models").mkdir()
    shutil.copytree(_model(), folder / "models" / MODEL, ignore=shutil.ignore_patterns("cache", "tuning.json"))
    shutil.copy(_HERE / "trial.py", folder)
    (folder / "systemd").mkdir()
    shutil.copy(_SYSTEMD / UNITS[0], folder / "systemd")
    instance = wheels.run(["sed", "-f", str(_SYSTEMD / "instance.sed"), str(_SYSTEMD / UNITS[0])])
    (folder / "systemd" / UNITS[1]).write_text(instance)
    sbom.write(folder / "sbom.cdx.json", site, folder / "models" / MODEL, lock.found(wanted.python))


def _environment(folder: Path, final: str, wanted: Target) -> None:
    """As `python -m venv --system-site-packages` makes it: TensorRT, picamera2 and python3-systemd are the system's."""
    programs = folder / "bin"
    programs.mkdir()
    (programs / "python3").symlink_to(f"/usr/bin/python{wanted.python}")
    (programs / "python").symlink_to("python3")
    for name, module in SCRIPTS.items():
        (programs / name).write_text(_SCRIPT.format(python=f"{final}/bin/python3", module=module))
        (programs / name).chmod(0o755)
    (folder / "pyvenv.cfg").write_text(
        f"home = /usr/bin\ninclude-system-site-packages = true\nversion = {wanted.python}\n"
    )
    # What a person adds goes where no upgrade reaches, and may not change what is here.
    (folder / "pip.conf").write_text(f"[install]\nprefix = {HOME}/plugins\nconstraint = {final}/constraints.txt\n")
    pinned = [line.split()[0] for line in lock.found(wanted.python).read_text().splitlines() if "==" in line]
    (folder / "constraints.txt").write_text("\n".join(pinned) + "\n")


def _compile(folder: Path, final: str) -> None:
    """The service may not write here, so its code comes compiled. Not by time stamps, which unpacking may change."""
    where = ("-s", str(folder), "-p", final)
    how = ("--invalidation-mode", "unchecked-hash", "-q", "-q", "-j", str(os.cpu_count() or 1))
    wheels.run([target.SYSTEM_PYTHON, "-m", "compileall", *how, *where, str(folder / "lib")], 900)


def _model() -> Path:
    """The default model as `vedette models pull` leaves it: downloaded where it is not there yet."""
    from backends.models import store

    model: Path = store.pull(MODEL, lambda _phase, _done: None)
    return model.parent
