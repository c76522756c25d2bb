"""Whose eyes the doctor looks with: those of the service's user, where it may, else its own."""

from __future__ import annotations

import grp
import os
import pwd
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

SERVICE = "vedette"
"""The user that systemd/install.sh makes, and the unit."""
PLACES = {
    "HOME": Path("/var/lib/vedette"),
    "STATE_DIRECTORY": Path("/var/lib/vedette"),
    "CACHE_DIRECTORY": Path("/var/cache/vedette"),
    "RUNTIME_DIRECTORY": Path("/run/vedette"),
    "CREDENTIALS_DIRECTORY": Path("/run/credentials/vedette.service"),
}
"""What the unit's process finds in its environment."""


@dataclass(frozen=True, slots=True)
class Account:
    """groups: the ids of all its groups, the first one too."""

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]

    @property
    def own(self) -> bool:
        return self.uid == os.geteuid()

    def group_names(self) -> list[str]:
        """Without the one that is named as the user is."""
        return sorted({_group_name(gid) for gid in self.groups} - {self.name})

    def may(self, path: Path, want: int) -> bool:
        """As the modes of `path` and of the folders above it say. want: os.R_OK and its like. Knows no ACLs."""
        try:
            target = path.resolve(strict=True)
            above = all(self._allowed(folder.stat(), os.X_OK) for folder in target.parents)
            return above and self._allowed(target.stat(), want)
        except (OSError, RuntimeError):
            return False

    def _allowed(self, entry: os.stat_result, want: int) -> bool:
        mode = stat.S_IMODE(entry.st_mode)
        if self.uid == 0:
            return True
        if entry.st_uid == self.uid:
            mode >>= 6
        elif entry.st_gid in self.groups:
            mode >>= 3
        return mode & want == want


def service() -> Account | None:
    """None where it is not installed."""
    try:
        entry = pwd.getpwnam(SERVICE)
    except KeyError:
        return None
    groups = os.getgrouplist(entry.pw_name, entry.pw_gid)
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, tuple(groups))


def own() -> Account:
    uid, gid = os.geteuid(), os.getegid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = str(uid)
    return Account(name, uid, gid, (gid, *os.getgroups()))


def looking() -> Account:
    """Who the checks are made as: the service's user if we are root and it can run our Python, else ourselves."""
    found = service()
    us = own()
    if found is None or us.uid != 0:
        return us
    needed = Path(sys.executable), Path(__file__)
    return found if all(found.may(path, os.R_OK) for path in needed) else us


def environment(account: Account) -> dict[str, str]:
    """Of a check made as `account`: what the unit gives, where it is there."""
    if account.own:
        return dict(os.environ)
    given = {name: str(path) for name, path in PLACES.items() if path.is_dir()}
    return {**os.environ, "HOME": "/", "USER": account.name, "LOGNAME": account.name, **given}


def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
