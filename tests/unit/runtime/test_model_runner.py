"""Who tells of engines when those of another config take over, while their own threads go on."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from agent.dispatch.result import EngineStatus
from agent.runtime.model_runner import StatusRelay

if TYPE_CHECKING:
    from typing import Literal


def status(engine: str, state: Literal["loading", "serving"]) -> EngineStatus:
    return EngineStatus(engine, state, "chip", "d", "", None, 0.0)


class Stage:
    """The dispatch thread of a runner: it finds that an engine serves just when of another one is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str | None]] = []
        self.statuses = {name: status(name, "loading") for name in ("first", "second")}
        self.relay = StatusRelay(self._tell)
        self.thread = threading.Thread(target=self._serve)

    def _serve(self) -> None:
        self.statuses["second"] = status("second", "serving")
        self.relay("second", self.statuses["second"])

    def _tell(self, engine: str, found: EngineStatus | None) -> None:
        if engine == "first":
            self.thread.start()
            self.thread.join(0.3)  # it need not have come through
        self.told.append((engine, found.state if found else None))


def test_what_an_engine_has_become_meanwhile_is_told_last() -> None:
    stage = Stage()
    stage.relay.open(stage.statuses)
    stage.thread.join()
    assert stage.told[-1] == ("second", "serving")
    assert ("second", "loading") not in stage.told


def test_nothing_comes_after_the_last_word() -> None:
    begun, free, told = threading.Event(), threading.Event(), []

    def tell(engine: str, _: EngineStatus | None) -> None:
        begun.set()
        free.wait(10)
        told.append(engine)

    relay = StatusRelay(tell)
    relay.open({})
    thread = threading.Thread(target=relay, args=("first", status("first", "loading")))
    thread.start()
    assert begun.wait(10)
    threading.Timer(0.1, free.set).start()
    relay.close()
    assert told == ["first"]
    thread.join()
    relay("second", status("second", "serving"))
    assert told == ["first"]
