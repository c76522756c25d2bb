"""The wall clock: certificates are judged by it, and subscribers read it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from agent.publish.clock import isotime, kernel_synced
from agent.tools.doctor.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator


def clock() -> Iterator[Finding]:
    now = isotime(time.time())
    if kernel_synced():
        yield Finding("clock", "ok", f"{now}, kept in time")
    else:
        text = f"{now}, but nothing keeps it in time: events say `unsynced`, and certificates may seem invalid"
        yield Finding("clock", "warning", text, "let systemd-timesyncd or chrony set it (timedatectl set-ntp true)")
