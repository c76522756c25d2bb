"""The outbox: numbers what happened, in one order for the whole device, and hands it to the publisher."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent.publish.events import Event
    from agent.publish.mqtt import Publisher
    from agent.publish.topics import Topics


class Outbox:
    """One thread, `outbox`. `put` may be called from any thread and never waits."""

    epoch: str
    """Names this outbox for as long as it lives: half of every event's id."""

    def __init__(self, device: str, topics: Topics, publisher: Publisher) -> None: ...

    def start(self) -> None: ...

    def put(self, event: Event) -> bool:
        """False when there was no room: it is counted, and told by a gap event."""
        raise NotImplementedError

    def stop(self, timeout: float) -> None:
        """Hands over what was put before; before `Publisher.stop`, which sends it. At most `timeout` seconds."""
