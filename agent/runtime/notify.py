"""systemd's notification socket (sd_notify(3)): one datagram, so no library is needed."""

from __future__ import annotations

import contextlib
import os
import socket
import time


def notify(state: str) -> None:
    """Sends e.g. "READY=1". Does nothing where systemd did not start us."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):  # an abstract socket
        address = "\0" + address[1:]
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as s:
        s.setblocking(False)
        s.sendto(state.encode(), address)


def supervised() -> bool:
    """Whether systemd has started us, and waits for READY=1."""
    return bool(os.environ.get("NOTIFY_SOCKET"))


def reloading() -> None:
    """Until READY=1: the config is being read and, if it will do, taken over."""
    notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}\nSTATUS=reloading")


_ANEW_S = 60


def ending(*, again: bool) -> None:
    """again: in place. The end and the beginning may together take longer than the watchdog allows."""
    if not again:
        notify("STOPPING=1")
        return
    longer = f"\nWATCHDOG_USEC={_ANEW_S * 1_000_000}" if watchdog_seconds() is not None else ""
    notify(f"STATUS=restarting\nWATCHDOG=1{longer}")


def turning() -> None:
    """From now on the watchdog is fed as often as it wants to be, whatever `ending` has asked for."""
    if watchdog_seconds() is not None:
        notify(f"WATCHDOG=1\nWATCHDOG_USEC={os.environ['WATCHDOG_USEC']}")


def watchdog_seconds() -> float | None:
    """How often systemd wants to hear WATCHDOG=1 at the least; None when it does not."""
    usec, pid = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
    if not usec.isdigit() or (pid.isdigit() and int(pid) != os.getpid()):
        return None
    return int(usec) / 1e6
