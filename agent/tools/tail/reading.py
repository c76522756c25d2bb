"""Reads the log of a device: asks for it, follows it, asks anew."""

from __future__ import annotations

import json
import queue
import secrets
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agent.publish.payloads import encode
from agent.publish.subscribe import Subscriber
from agent.publish.tail.tail import LEVELS
from agent.tools.tail.output import shown

if TYPE_CHECKING:
    from agent.publish.message import Message
    from agent.tools.tail.output import Output
    from agent.tools.target import Target

PATIENCE = 5.0
"""Seconds in which the broker, and then the device, must answer."""
TTL, RENEW = 60.0, 25.0
ONCE_SECONDS = 1.0
"""After the answer, for what is still under way."""
_TURN = 0.1
_WAITING = 1000
_REMEMBERED = 500


class TailError(Exception):
    """Why there is nothing to read; the text is for the user."""


@dataclass(frozen=True, slots=True)
class Asked:
    """level: the least. part: what must stand in a line. once: the last lines only."""

    level: str
    part: str = ""
    once: bool = False


class Reading:
    """One reader."""

    def __init__(self, target: Target, device: str, asked: Asked, output: Output) -> None:
        self._device, self._asked, self._output = device, asked, output
        self._root, self._words = target.root(device), target.words
        name = f"vedette-tail-{secrets.token_hex(4)}"
        self._reply_to = f"{self._root}/reply/{name}"
        self._heard: queue.Queue[Message] = queue.Queue(_WAITING)
        self._missed = 0
        self._subscriber = Subscriber(
            target.endpoint, [f"{self._root}/log", f"{self._root}/status", self._reply_to], self._take, verb="tail"
        )
        self._shown: deque[str] = deque(maxlen=_REMEMBERED)
        self._leased_at: float | None = None
        self._tried_at = float("-inf")
        self._silent = False
        self._alive: bool | None = None
        self._end = float("inf")

    def _take(self, message: Message) -> None:
        """On the network thread."""
        try:
            self._heard.put_nowait(message)
        except queue.Full:
            self._missed += 1

    def run(self) -> None:
        """Until interrupted, or for the last lines. Raises TailError when there is nobody to read from."""
        try:
            self._subscriber.start(PATIENCE)
        except ConnectionError as e:
            raise TailError(self._words(str(e))) from None
        try:
            self._follow()
        finally:
            self._order(0.0)
            self._subscriber.stop()

    def _follow(self) -> None:
        fault: str | None = None
        while (now := time.monotonic()) < self._end:
            error = self._subscriber.error
            if error != fault:
                fault = error
                self._output.note(self._words(fault or "the broker is back"))
                self._leased_at = None
                self._tried_at = float("-inf")
            if fault is None:
                self._renew(now)
            try:
                message = self._heard.get(timeout=_TURN)
            except queue.Empty:
                continue
            self._hear(message)

    def _renew(self, now: float) -> None:
        """Asks while there is no lease, and before one ends; says so when nobody answers."""
        due = self._tried_at + PATIENCE if self._leased_at is None else self._leased_at + RENEW
        unanswered = self._leased_at is None and self._tried_at > float("-inf") and now >= due
        if unanswered and not self._silent:
            self._silent = True
            why = (
                "it is offline"
                if self._alive is False
                else "you may not be allowed to send it commands (the broker's ACL)"
            )
            if self._alive is None:
                why = "nothing of that name has ever been heard by this broker, or you may not read it"
            if self._asked.once:
                raise TailError(f"{self._device} does not answer: {why}")
            self._output.note(f"{self._device} does not answer: {why}; still trying")
        if now >= due and now >= self._tried_at + PATIENCE:
            self._tried_at = now
            self._order(TTL)

    def _order(self, ttl: float) -> None:
        body = {"level": self._asked.level, "ttl": ttl, "rate": 20, "filter": self._asked.part}
        payload = encode({**body, "reply_to": self._reply_to, "transaction": secrets.token_hex(4)})
        self._subscriber.publish(f"{self._root}/cmd/log.tail", payload)

    def _hear(self, message: Message) -> None:
        if message.topic == f"{self._root}/status":
            self._status(message.payload == b"online")
            return
        try:
            body = json.loads(message.payload)
            if message.topic == self._reply_to:
                self._answer(body)
            else:
                self._batch(body)
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            self._output.note(
                f"{message.topic} has content that this vedette does not understand; is that device newer?"
            )

    def _status(self, alive: bool) -> None:
        if self._alive is not None and alive != self._alive:
            self._output.note(f"{self._device} is {'online' if alive else 'offline'}")
        self._alive = alive
        self._leased_at, self._tried_at = None, float("-inf")  # a device that has restarted knows of no lease

    def _answer(self, body: dict[str, Any]) -> None:
        if not self._asked.once and body["status"] == "rejected" and body["error"]["code"] == "rate_limited":
            return  # others ask it much just now; it is asked again
        if body["status"] != "ok":
            raise TailError(f"{self._device} refuses: {body['error']['text']}")
        self._silent = False
        if self._asked.once and self._leased_at is None:
            self._end = time.monotonic() + ONCE_SECONDS
        self._leased_at = time.monotonic()

    def _batch(self, body: dict[str, Any]) -> None:
        for line in body["lines"]:
            key = json.dumps(line, sort_keys=True)
            if key not in self._shown and self._wanted(line):
                self._shown.append(key)
                self._output.line(line)
        missed, self._missed = self._missed, 0
        if body["dropped"] or missed:
            self._output.note(f"{body['dropped'] + missed} lines were left out: too many at once")

    def _wanted(self, line: dict[str, Any]) -> bool:
        """Others who read the same log may have asked for more."""
        if LEVELS.get(str(line["level"]), LEVELS["error"]) < LEVELS[self._asked.level]:
            return False
        part = self._asked.part.casefold()
        return not part or part in shown(line).casefold()
