"""A real systemd as process 1, in a container over this machine's own files or another root's. Nothing of it outlives
its process."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from tests.support.brokers import wait_for
from tests.support.processes import children

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

# Its own mount namespace: overlay and tmpfs vanish with it. Its own machine id, or the journal would be the host's.
_BOOT = """
set -e
mount -t tmpfs -o mode=755 tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=$2,upperdir=$1/upper,workdir=$1/work" "$1/root"
rm -f "$1/root/etc/machine-id"
tr -d - < /proc/sys/kernel/random/uuid > "$1/root/etc/machine-id"
shift 2
exec "$@"
"""
_NSPAWN = "systemd-nspawn --quiet --boot --register=no --keep-unit --console=pipe --resolv-conf=off --timezone=off"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PASSED = ("PIP_", "SSL_", "REQUESTS_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Waits until no other test run of this machine has a container up: two would share one control group."""
    with Path(tempfile.gettempdir(), "vedette-test-container.lock").open("w") as lock:
        wait_for(lambda: _locked(lock), 600, "another test run has its container up: only one can be at a time")
        yield


def _locked(file: TextIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def container_missing() -> str:
    """Why no systemd can be booted here, empty when it can."""
    if os.geteuid() != 0:
        return "booting a systemd needs root"
    for program, package in (("systemd-nspawn", "systemd-container"), ("nsenter", "util-linux")):
        if shutil.which(program) is None:
            return f"{program} is not installed (apt install {package})"
    return ""


class Container:
    """folder: an empty one. binds: folders of this machine, seen read-only at the given paths. The network is ours.

    base: the root it stands on, which stays as it is. target: what is started; of this machine's own root, none of the
    services it happens to have.
    """

    def __init__(self, folder: Path, binds: Mapping[Path, str], base: str = "/", target: str = "basic.target") -> None:
        self._disk = folder
        self._console = folder.with_suffix(".console")
        options = [f"--bind-ro={outside}:{inside}" for outside, inside in binds.items()]
        own = ["--link-journal=no", f"--directory={folder / 'root'}", *options, f"systemd.unit={target}"]
        self._command = [*_NSPAWN.split(), *own]
        apart = ["unshare", "--mount", "--propagation", "private"]
        self._nspawn = self._start([*apart, "sh", "-c", _BOOT, "boot", str(folder), base, *self._command])
        environment = {k: v for k, v in os.environ.items() if k.upper().startswith(_PASSED)}
        self._environment = {**environment, "PATH": _PATH, "HOME": "/root", "LC_ALL": "C.UTF-8"}
        self._wait_until_up()

    def _start(self, command: list[str]) -> subprocess.Popen[bytes]:
        with self._console.open("ab") as console:
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=console, stderr=console)

    def _wait_until_up(self) -> None:
        wait_for(self._is_up, 30, lambda: f"systemd did not start: {self._console.read_text(errors='replace')[-2000:]}")

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

    def reboot(self) -> None:
        """Down, by its own order, and up again with the same disk."""
        self._again(lambda: self.run("systemctl", "reboot", "--no-block", check=False))

    def power_cut(self) -> None:
        """All of it is killed at once; up again with the same disk. What was not yet written is not lost here."""
        (first,) = children(self._nspawn.pid)
        self._again(lambda: os.kill(first, signal.SIGKILL))

    def _again(self, down: Callable[[], object]) -> None:
        disk = os.open(f"/proc/{self._nspawn.pid}/ns/mnt", os.O_RDONLY)  # what is mounted there stays
        try:
            down()
            self._nspawn.wait(60)
            self._nspawn = self._start(["nsenter", f"--mount=/proc/{os.getpid()}/fd/{disk}", *self._command])
            self._wait_until_up()
        finally:
            os.close(disk)

    @contextlib.contextmanager
    def little_space(self, free: int) -> Iterator[None]:
        """Within, its disk has only so many bytes left."""
        inside = ["nsenter", f"--mount=/proc/{self._nspawn.pid}/ns/mnt"]

        def sized(size: str) -> None:
            remount = ["mount", "-o", f"remount,size={size}", str(self._disk)]
            subprocess.run([*inside, *remount], check=True, capture_output=True, timeout=10)

        used = subprocess.run(
            [*inside, "df", "--output=used", "-B1", str(self._disk)],
            check=True, capture_output=True, text=True, timeout=10,
        ).stdout.split()[-1]  # fmt: skip
        sized(str(int(used) + free))
        try:
            yield
        finally:
            sized("50%")

    def stop(self) -> None:
        if self._nspawn.poll() is None and children(self._nspawn.pid):
            self.run("systemctl", "poweroff", "--no-block", check=False)
        try:
            self._nspawn.wait(15)
        except subprocess.TimeoutExpired:
            self._nspawn.kill()
            self._nspawn.wait(5)
