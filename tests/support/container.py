"""A real systemd as process 1, in a container over this machine's own files. Nothing of it outlives its process."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

from tests.support.brokers import wait_for
from tests.support.processes import children

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# Its own mount namespace: overlay and tmpfs vanish with it. Its own machine id, or the journal would be the host's.
# basic.target: without the services this machine happens to have.
_BOOT = """
set -e
mount -t tmpfs -o mode=755 tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
rm -f "$1/root/etc/machine-id"
tr -d - < /proc/sys/kernel/random/uuid > "$1/root/etc/machine-id"
root="$1/root"; shift
exec systemd-nspawn --quiet --directory="$root" --boot --register=no --keep-unit --console=pipe --resolv-conf=off \
    --timezone=off --link-journal=no "$@" systemd.unit=basic.target
"""
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PASSED = ("PIP_", "SSL_", "REQUESTS_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


def container_missing() -> str:
    """Why no systemd can be booted here, empty when it can."""
    if os.geteuid() != 0:
        return "booting a systemd needs root"
    for program, package in (("systemd-nspawn", "systemd-container"), ("nsenter", "util-linux")):
        if shutil.which(program) is None:
            return f"{program} is not installed (apt install {package})"
    return ""


class Container:
    """folder: an empty one. binds: folders of this machine, seen read-only at the given paths. The network is ours."""

    def __init__(self, folder: Path, binds: Mapping[Path, str]) -> None:
        self._console = folder.with_suffix(".console")
        options = [f"--bind-ro={outside}:{inside}" for outside, inside in binds.items()]
        with self._console.open("wb") as console:
            self._nspawn = subprocess.Popen(
                ["unshare", "--mount", "--propagation", "private", "sh", "-c", _BOOT, "boot", str(folder), *options],
                stdin=subprocess.DEVNULL, stdout=console, stderr=console,
            )  # fmt: skip
        environment = {k: v for k, v in os.environ.items() if k.upper().startswith(_PASSED)}
        self._environment = {**environment, "PATH": _PATH, "HOME": "/root", "LC_ALL": "C.UTF-8"}
        wait_for(self._is_up, 30, f"systemd did not start: {self._console.read_text(errors='replace')[-2000:]}")

    def _is_up(self) -> bool:
        assert self._nspawn.poll() is None, self._console.read_text(errors="replace")[-2000:]
        try:
            return self.run("systemctl", "is-system-running", check=False).stdout.strip() in {"running", "degraded"}
        except ValueError:  # process 1 is not there yet: nspawn's first child only starts it, and ends
            return False

    def run(
        self, *command: str, check: bool = True, stdin: bytes = b"", timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command inside, as root."""
        (first,) = children(self._nspawn.pid)
        enter = ["nsenter", f"--target={first}", "--mount", "--pid", "--uts", "--ipc", "--net", "--cgroup"]
        done = subprocess.run(
            [*enter, *command], input=stdin, capture_output=True, env=self._environment, timeout=timeout, check=False
        )
        text = subprocess.CompletedProcess(
            command, done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
        )
        assert not check or done.returncode == 0, f"{command}: {text.returncode}\n{text.stdout}\n{text.stderr}"
        return text

    def write(self, path: str, content: bytes) -> None:
        self.run("sh", "-c", 'mkdir -p "$(dirname "$1")" && cat > "$1"', "write", path, stdin=content)

    def stop(self) -> None:
        if self._nspawn.poll() is None and children(self._nspawn.pid):
            self.run("systemctl", "poweroff", "--no-block", check=False)
        try:
            self._nspawn.wait(15)
        except subprocess.TimeoutExpired:
            self._nspawn.kill()
            self._nspawn.wait(5)
