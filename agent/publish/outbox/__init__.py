"""Events and their pictures, kept on the disk until the broker has them."""

from agent.publish.outbox.outbox import Outbox

__all__ = ["Outbox"]
