"""`make lock`: the newest versions that go together, each wheel with its hash, for this system's Python.

Written beside this file, for Python 3.11 (Debian 12) to lock-3.11.txt, which `pip install --require-hashes -r` takes.
A new version of anything comes in by making it anew, on each Debian, and by the tests after that.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path

import target
import wheels
from target import Target


def path(python: str) -> Path:
    return Path(__file__).with_name(f"lock-{python}.txt")


def found(python: str) -> Path:
    """Raises BuildError."""
    if not path(python).exists():
        raise wheels.BuildError(f"no versions are locked for this system's Python, {python}: make lock")
    return path(python)


def resolved(wheel: Path, wanted: Target) -> dict[str, tuple[str, str]]:
    """By name: version and sha256 of the wheel."""
    with tempfile.TemporaryDirectory() as nowhere:
        said = wheels.pip(
            *("install", "--quiet", "--dry-run", "--ignore-installed", "--report=-", f"--target={nowhere}"),
            *wanted.pip_options(),
            f"{wheel}[{wheels.EXTRAS}]",
            *wheels.BESIDE,
        )
    versions = {}
    for item in json.loads(said)["install"]:
        about, archive = item["metadata"], item["download_info"]["archive_info"]
        if about["name"] != "vedette":
            versions[about["name"].lower().replace("_", "-")] = (about["version"], archive["hashes"]["sha256"])
    return versions


def main() -> None:
    wanted = target.here()
    with tempfile.TemporaryDirectory() as folder:
        wheel = wheels.wheel(Path(folder))
        machines = [resolved(wheel, replace(wanted, arch=arch)) for arch in target.MACHINES]
    lines = [f"# Made by systemd/deb/lock.py for Python {wanted.python} on {', '.join(target.MACHINES.values())}."]
    for name in sorted({name for machine in machines for name in machine}):
        versions = {machine[name][0] for machine in machines if name in machine}
        if len(versions) > 1:
            raise SystemExit(f"{name}: the machines have no version in common: {', '.join(sorted(versions))}")
        hashes = dict.fromkeys(machine[name][1] for machine in machines if name in machine)
        lines.append(f"{name}=={versions.pop()} " + " ".join(f"--hash=sha256:{digest}" for digest in hashes))
    path(wanted.python).write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    try:
        main()
    except wheels.BuildError as e:
        raise SystemExit(str(e)) from None
