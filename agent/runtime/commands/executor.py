"""Takes commands from the network thread, has them done on the main thread, and tells what became of them."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

from agent.config.redact import redact
from agent.publish.clock import clock_synced
from agent.publish.commands.allowed import READING, allowed
from agent.publish.commands.call import Call, Outcome, Refusal, reply
from agent.publish.commands.copies import LARGEST, Copies
from agent.publish.commands.limits import Rates
from agent.publish.commands.request import understand
from agent.publish.events import command_event
from agent.publish.faults import LARGEST_HINT
from agent.runtime.commands.actions import ACTIONS, LATER
from agent.runtime.commands.result import Accepted, Later

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from agent.publish.commands.copies import Known
    from agent.publish.message import Message
    from agent.runtime.commands.parts import Parts
    from agent.runtime.commands.result import Data, Result

log = logging.getLogger("vedette.commands")

WAITING, WAITING_BYTES = 256, 8 << 20
"""Messages that may wait for the main thread; more come faster than anybody can mean."""
AT_ONCE = 32
PENDING = 32
"""Commands whose outcome is waited for."""
_LONGEST_SHOWN = 256


class _Pending(NamedTuple):
    call: Call
    later: Later


class CommandExecutor:
    """`heard` is called on the network thread; the rest belongs to the main thread. folder: the state directory."""

    def __init__(self, parts: Parts, folder: Path) -> None:
        self._parts = parts
        self._copies = Copies(folder)
        self._rates = Rates()
        self._lock = threading.Lock()
        self._waiting: deque[Message] = deque()
        self._bytes = self._overflown = 0
        self._pending: list[_Pending] = []

    @property
    def allowed(self) -> tuple[str, ...]:
        """The commands that are taken."""
        return allowed(self._parts.config)

    def heard(self, message: Message) -> None:
        """A message on one of the command topics."""
        if message.retain and not message.payload:
            return  # somebody empties the topic, as who retained a command there was told to
        with self._lock:
            size = len(message.payload)
            if len(self._waiting) >= WAITING or self._bytes + size > WAITING_BYTES:
                self._overflown += 1
            else:
                self._waiting.append(message)
                self._bytes += size
        self._parts.wake()

    def due(self) -> float | None:
        """time.monotonic() at which `turn` is wanted; None: not before somebody wakes the main thread."""
        if self._waiting:
            return 0.0
        return min((pending.later.deadline for pending in self._pending), default=None)

    def turn(self, now: float) -> None:
        """Does some of what waits; more of it in the next turn."""
        self._finish(now)
        for _ in range(AT_ONCE):
            message, overflown = self._next()
            if overflown:
                text = f"{overflown} commands came faster than they could be read, and got no reply"
                self._tell("", Outcome("rejected", error=("busy", text)), {}, None, now)
            if message is None:
                return
            cameras = [camera.id for camera in self._parts.config.cameras]
            self._take(understand(message, self._parts.topics, self.allowed, cameras, now), now)

    def _next(self) -> tuple[Message | None, int]:
        with self._lock:
            overflown, self._overflown = self._overflown, 0
            if not self._waiting:
                return None, overflown
            message = self._waiting.popleft()
            self._bytes -= len(message.payload)
            return message, overflown

    def _take(self, call: Call, now: float) -> None:
        if not self._rates.allows(call.name, now):  # copies too
            text = f"too many commands; {self._rates.limit(call.name)} at most"
            self._refuse(call, Outcome("rejected", error=("rate_limited", text)), now)
            return
        known = self._copies.find(call.key) if call.key is not None else None
        if known is not None:
            self._again(call, known)
        elif call.refusal is not None:
            self._refuse(call, Outcome.of(call.refusal), now)
        elif call.name in LATER and len(self._pending) >= PENDING:
            self._refuse(call, Outcome("rejected", error=("busy", f"{PENDING} commands are under way")), now)
        else:
            if call.key is not None:
                self._copies.begin(call.key, lasting=call.name not in READING)
            self._do(call, now)

    def _again(self, call: Call, known: Known) -> None:
        """A copy: it hears what the first one heard, or will; nothing is executed."""
        if known.answer is not None:
            self._answer(call, known.answer)
        elif known.before:
            text = f"{call.name} was started before the last restart; how far it got is unknown"
            self._answer(call, reply(Outcome("error", error=("interrupted", text)), call.caller, 0.0))

    def _do(self, call: Call, now: float) -> None:
        try:
            self._book(call, ACTIONS[call.name](self._parts, call.arguments, call.caller), now)
        except Refusal as refusal:
            self._end(call, Outcome.of(refusal), now)
        except Exception as error:
            log.exception("%s failed: this is a bug in Vedette", call.name)
            self._end(call, _failed(error), now)

    def _book(self, call: Call, result: Result, now: float) -> None:
        if isinstance(result, Later):
            self._pending.append(_Pending(call, result))
        elif isinstance(result, Accepted):
            self._end(call, Outcome("accepted", result.data), now)
            if result.then is not None:
                result.then()
        else:
            self._end(call, Outcome("ok", result), now)

    def _finish(self, now: float) -> None:
        for pending in self._pending[:]:
            outcome = _outcome(pending, now)
            if outcome is not None:
                self._pending.remove(pending)
                self._end(pending.call, outcome, now)

    def _refuse(self, call: Call, outcome: Outcome, now: float) -> None:
        """Before it was begun, so a copy is looked at anew."""
        answer = reply(outcome, call.caller, 1e3 * (time.monotonic() - call.at))
        self._say(call, outcome, answer, now)

    def _end(self, call: Call, outcome: Outcome, now: float) -> None:
        took = 1e3 * (time.monotonic() - call.at)
        answer = reply(outcome, call.caller, took)
        if call.key is not None:
            kept = answer
            if len(answer) > LARGEST and call.name not in READING:  # what changes something is not done again for that
                text = f"executed ({outcome.status}); an answer of more than {LARGEST} bytes is not kept for copies"
                kept = reply(Outcome("error", error=("not_kept", text)), call.caller, took)
            self._copies.answered(call.key, kept)
        self._say(call, outcome, answer, now)

    def _say(self, call: Call, outcome: Outcome, answer: bytes, now: float) -> None:
        self._answer(call, answer)
        executed = outcome.status in {"ok", "accepted", "error"}
        arguments = _shown(call.arguments) if executed else {}
        self._tell(call.name, outcome, arguments, call.caller.topic, now)

    def _answer(self, call: Call, answer: bytes) -> None:
        caller, publisher = call.caller, self._parts.publisher
        if caller.topic is None:
            return
        if not publisher.takes(caller.topic, answer, caller.correlation):
            text = f"the command was handled, but its answer of {len(answer)} bytes is too large: {LARGEST_HINT}"
            took = 1e3 * (time.monotonic() - call.at)
            answer = reply(Outcome("error", error=("too_large", text)), caller, took)
        publisher.reply(caller.topic, answer, caller.correlation)

    def _tell(self, name: str, outcome: Outcome, arguments: Data, source: str | None, now: float) -> None:
        """The event; of reading and of refusals only so many a second."""
        done = outcome.status in {"ok", "accepted", "error"}
        suppressed = self._rates.event(now, matters=done and name not in READING)
        if suppressed is None:
            return
        error = None if outcome.error is None else (outcome.error[0], redact(outcome.error[1]))
        event = command_event(
            name[:64], outcome.status, error, arguments, source, suppressed, time.time(), synced=clock_synced()
        )
        self._parts.outbox.put(event)
        if done and name not in READING:
            log.info("%s: %s", name, outcome.status, extra={"EVENT": event.type})


def _outcome(pending: _Pending, now: float) -> Outcome | None:
    """None while nobody knows."""
    try:
        data = pending.later.poll()
    except Refusal as refusal:
        return Outcome.of(refusal)
    except Exception as error:
        log.exception("%s failed: this is a bug in Vedette", pending.call.name)
        return _failed(error)
    if data is not None:
        return Outcome("ok", data)
    if now >= pending.later.deadline:
        waited = now - pending.call.at
        return Outcome("error", error=("timeout", f"no outcome within {waited:.1f} s"))
    return None


def _failed(error: Exception) -> Outcome:
    return Outcome("error", error=("failed", redact(f"{type(error).__name__}: {error}")))


def _shown(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """A whole config does not belong into an event, nor does a secret."""
    given = {key: value for key, value in arguments.items() if value is not None and key != "yaml"}
    return {key: redact(value)[:_LONGEST_SHOWN] if isinstance(value, str) else value for key, value in given.items()}
