"""One look at a fleet: connects, has the broker tell, and notes what may be missing."""

from __future__ import annotations

import contextlib
import secrets
from typing import TYPE_CHECKING

from agent.publish.faults import LinkError
from agent.publish.opening import open_link
from agent.tools.fleet.asking import Asking, Gone
from agent.tools.fleet.state import MOST, Fleet

if TYPE_CHECKING:
    from agent.tools.target import Target

SECONDS = 10.0
"""In which the broker must have told all, once it has answered."""


class FleetError(Exception):
    """Why there is nothing to list; the text is for the user."""


def fleet(target: Target, seconds: float = SECONDS) -> Fleet:
    """Raises FleetError if the broker cannot be reached, or refuses all that is asked."""
    found = Fleet()
    asking = Asking(found, target.prefix.strip("/"), seconds)
    try:
        link = open_link(target.endpoint, f"vedette-fleet-{secrets.token_hex(4)}", asking.take)
    except LinkError as e:
        raise FleetError(target.words(e.fault.text)) from None
    try:
        asking.run(link)
    except Gone as e:
        if not found.devices:
            raise FleetError(str(e)) from None
        found.whole = False
        found.notes.append(f"{e}; what follows had been heard by then")
    finally:
        with contextlib.suppress(OSError):
            link.close(0.5)
    if not found.devices and found.refused:
        topic, word = next(iter(found.refused.items()))
        raise FleetError(
            f"{target.endpoint.place} refused the subscription to {topic} ({word}): allow this user to read"
        )
    _note(found, target, seconds)
    return found


def _note(found: Fleet, target: Target, seconds: float) -> None:
    if found.refused:
        what = ", ".join(found.refused)
        found.notes.append(f"the broker refused to deliver {what}: allow this user to read them (its ACL)")
    if not found.whole and not found.notes:
        found.notes.append(f"the broker was not done after {seconds:g} s: there may be more (--timeout)")
    if found.beyond:
        found.notes.append(f"{found.beyond} messages of more than {MOST} devices were left out: give a --prefix")
    if not found.devices:
        root = target.root("+")
        found.notes.append(
            f"nothing is kept below {root}: there is no device, its `mqtt.prefix` is another one (--prefix), or this"
            " user may not read it (a broker may grant a subscription and deliver nothing; see its ACL)"
        )
