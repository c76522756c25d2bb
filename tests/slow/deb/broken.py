"""Changes to a package that its next version might have by mistake."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.slow.deb.packages import edit

if TYPE_CHECKING:
    from pathlib import Path

DAEMON, STORE = "agent/runtime/daemon.py", "agent/publish/outbox/store.py"


def hangs(site: Path) -> None:
    """It never becomes ready, and does not heed SIGTERM."""
    edit(site, DAEMON, 'notify("STATUS=starting")', 'notify("STATUS=starting"); time.sleep(3600)')


def crashes(site: Path) -> None:
    """Once it has brought the outbox to a version of its own."""
    edit(site, STORE, "\nVERSION = 1\n", "\nVERSION = 2\n")
    check = '(found,) = self._db.execute("PRAGMA quick_check(1)")'
    edit(site, STORE, check, f'self._db.execute("PRAGMA user_version = 2"); {check}')
    edit(site, DAEMON, "self._turn_until_stopped()\n", 'time.sleep(1); raise RuntimeError("a bug")\n')


def crashes_later(site: Path) -> None:
    """When apt is long gone."""
    edit(site, DAEMON, "    def _tick(self, now: float) -> None:\n", _LATER)


_LATER = """\
    def _tick(self, now: float) -> None:
        self._born = getattr(self, "_born", now)
        if now > self._born + 18:
            os.abort()
"""
