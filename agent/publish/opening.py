"""Opens a connection for those who look on, in the version of MQTT that the broker speaks.

The daemon's own connection has a longer memory of its broker: `versions.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.publish.faults import UNSUPPORTED_VERSION, LinkError
from agent.publish.link import MQTT5, MQTT311, Link

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.publish.endpoint import Endpoint
    from agent.publish.faults import BrokerFault
    from agent.publish.message import Message


def open_link(
    endpoint: Endpoint,
    client_id: str,
    on_message: Callable[[Message], None],
    *,
    first: int = MQTT5,
    given_up: Callable[[], bool] = lambda: False,
    on_fault: Callable[[BrokerFault], None] = lambda _fault: None,
) -> Link:
    """MQTT 5, or 3.1.1 where the broker refuses 5, or does not answer to it. Raises LinkError with the last cause.

    first: MQTT311 where that alone is to be tried. given_up: asked several times a second. on_fault: told at once what
    was wrong with each attempt, since the second may take its time.
    """
    version = first
    while True:
        link = Link(endpoint, client_id, version, on_message=on_message)
        try:
            link.open(given_up)
        except LinkError as error:
            on_fault(error.fault)
            knows_no_5 = link.refused == UNSUPPORTED_VERSION or error.fault.kind == "silent"
            if version != MQTT5 or not knows_no_5 or given_up():
                raise
            version = MQTT311
        else:
            return link
