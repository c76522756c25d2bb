"""What is under way to the broker, and what became of it. Pure: told the time, without a lock."""

from __future__ import annotations

from agent.publish.camera_pictures import CameraPictures
from agent.publish.counters import Counters
from agent.publish.faults import REFUSED_FROM
from agent.publish.memory import Memory
from agent.publish.outbox.send_window import SendWindow
from agent.publish.poison import PoisonMessages
from agent.publish.rate import RateLimit
from agent.publish.replies import Replies
from agent.publish.retained import WINDOW, RetainedValues

BACKLOG = 64
BACKLOG_BYTES = 4 << 20
PROBE_AFTER_S = 5.0
FROZEN_AFTER_S = 8.0
LONGEST_S = 60.0
"""For one answer, though others come: with pictures on a slow network some take long."""
RETRY_S = 60.0
"""Until a retained value or a subscription that the broker refused is tried again."""
SUBSCRIPTION = "cmd/+"
"""What stands for our subscription among the topics that are refused."""


class Ledger:
    """retained, events, shown: the messages that outlive a connection; replies: those that do not.

    window: unanswered at once, of all kinds. turn: whose is next, see `pump`. drain: how fast late events may go;
    late_due: when the next of them may, None while none waits for that. refused: what the broker does not take now,
    topic by topic, and why. poison: what it may close the connection for.
    """

    def __init__(self, memory: Memory | None = None, drain_rate: float = 0.0) -> None:
        self.drain = RateLimit(drain_rate)
        self.late_due: float | None = None
        self.memory = memory or Memory(None)
        self.refused: dict[str, str] = {}
        self.counters = Counters()
        self.retained = RetainedValues()
        self.events = SendWindow()
        self.replies = Replies()
        self.pictures = CameraPictures()
        self.poison = PoisonMessages()
        self._window = WINDOW
        self.turn = 0
        self._refused: dict[str, str] = {}
        self._retry_at: dict[str, float] = {}
        self._subscription: tuple[int, float] | None = None
        self._subscribe_at: float | None = None
        self._unsent: dict[int, int] = {}
        self._unsent_bytes = 0
        self._probe: tuple[int, float] | None = None
        self._heard_at = 0.0

    def opened(self, window: int | None, now: float) -> None:
        """A new connection: every retained value is due. window: the broker's Receive Maximum, if given.

        What was refused is asked anew: it may be another broker, or one with other rules.
        """
        self.closed()
        self.refused.clear()
        self._retry_at.clear()
        self.events.open()
        self._window = min(WINDOW, window or WINDOW)
        self._heard_at = now

    @property
    def window(self) -> int:
        return 1 if self.poison.careful else self._window

    def closed(self) -> None:
        if self._unsent:
            self.counters.dropped["lost"] += len(self._unsent)
        self._unsent.clear()
        self._unsent_bytes = 0
        self._probe = self._subscription = self._subscribe_at = self.late_due = None
        unsent = self.replies.lost()
        if unsent:
            self.counters.dropped["reply"] += unsent
        for kind in (self.retained, self.events, self.pictures):
            kind.lost()

    @property
    def full(self) -> bool:
        """Whether so many live messages wait for the socket that another would only come late."""
        return len(self._unsent) >= BACKLOG or self._unsent_bytes >= BACKLOG_BYTES

    def live(self, mid: int, size: int) -> None:
        """A live message of `size` bytes waits for the socket."""
        self._unsent[mid] = size
        self._unsent_bytes += size

    @property
    def done(self) -> bool:
        """Whether nothing waits that is to be sent before `status: offline`."""
        return self.events.empty and not self.replies.waiting

    def subscribing(self, mid: int | None, now: float) -> None:
        self._subscription = None if mid is None else (mid, now)
        self._subscribe_at = None

    def subscription_due(self, now: float) -> bool:
        """Whether the broker has refused it a while ago, and may be asked again."""
        return self._subscribe_at is not None and now >= self._subscribe_at

    @property
    def subscribed(self) -> bool:
        """Whether the broker has answered the subscription, or none was asked for."""
        return self._subscription is None

    def retry(self, now: float) -> None:
        """Tries again what was refused a while ago: the broker's rules may have changed."""
        for topic, at in list(self._retry_at.items()):
            if now >= at:
                del self._retry_at[topic]
                self.retained.again(topic)

    def probed(self, mid: int, now: float) -> None:
        self._probe = (mid, now)

    def book(self, mid: int, reason: int, name: str, now: float) -> None:
        """Books an answer."""
        size = self._unsent.pop(mid, None)
        if size is not None:
            self._unsent_bytes -= size
            self.counters.sent += 1
            return
        self._heard_at = now
        self.poison.answered(mid, now)
        if self._own(mid, reason, name, now):
            return
        departure = self.events.answered(mid, name if reason >= REFUSED_FROM else "")
        topic = self.retained.answered(mid) if departure is None else departure.place
        if topic is None:
            return
        if reason >= REFUSED_FROM:
            self.refuse(topic, name)
            if departure is None:
                self._retry_at[topic] = now + RETRY_S
            return
        self.refused.pop(topic, None)
        if departure is None:
            self.counters.retained += 1
            if not (self.retained.wants(topic) or self.pictures.holds(topic)):
                self.memory.discard(topic)
        elif departure.picture:
            self.counters.snapshots += 1
        else:
            self.counters.events += 1

    def _own(self, mid: int, reason: int, name: str, now: float) -> bool:
        """Whether it answers what nobody outside waits for."""
        if self._probe is not None and self._probe[0] == mid:
            self._probe = None
        elif self._subscription is not None and self._subscription[0] == mid:
            self._subscription = None
            if reason >= REFUSED_FROM:
                self.refuse(SUBSCRIPTION, name)
                self._subscribe_at = now + RETRY_S
            else:
                self.refused.pop(SUBSCRIPTION, None)
        elif self.replies.answered(mid):
            if reason >= REFUSED_FROM:
                self.counters.rejected[name] += 1
        else:
            return False
        return True

    def refuse(self, topic: str, name: str) -> None:
        """The broker does not take what is published there, and `name` says why."""
        self.counters.rejected[name] += 1
        self._refused[topic] = self.refused[topic] = name

    def take_refused(self) -> list[tuple[str, str]]:
        """Topics, and why, that were refused since the last call."""
        refused, self._refused = self._refused, {}
        return list(refused.items())

    def frozen_for(self, now: float) -> float | None:
        """How long the broker has owed us an answer, once that is too long.

        Any answer shows that it lives: on a slow network the one to a large picture may take its time, to a limit.
        """
        oldest = self._oldest()
        if oldest is None:
            return None
        since = oldest if now - oldest > LONGEST_S else max(oldest, self._heard_at)
        return now - since if now - since > FROZEN_AFTER_S else None

    def probe_due(self, now: float) -> bool:
        """Whether nothing under way would show that the broker has ceased to answer."""
        return self._oldest() is None and now - self._heard_at > PROBE_AFTER_S

    def _oldest(self) -> float | None:
        asked = (None if request is None else request[1] for request in (self._probe, self._subscription))
        under_way = (self.retained.oldest(), self.events.oldest_flight(), self.replies.oldest(), *asked)
        return min((since for since in under_way if since is not None), default=None)
