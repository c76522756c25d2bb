"""Whether every part has begun to turn, and still does: what systemd is told by."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agent.runtime.view import View


def stuck(views: Iterable[View], now: float, limit: float) -> str | None:
    """Which part has not made progress for `limit` seconds, or None.

    A camera that is offline and being retried is progress, and so is a frame answered with "unknown": both are
    handled, and one that an edit has stopped waits for its last answers. A dispatch thread that does not turn, or
    frames that nobody answers, are not.
    """
    for view in views:
        camera, dispatcher = view.lane.camera, view.dispatcher
        if not dispatcher.alive or now - dispatcher.turned_at > limit:
            return f"the dispatch thread of {dispatcher.model} is stuck"
        if view.camera.gone and view.camera.status(now).state != "ended":
            return f"the thread of camera {camera} is gone"
        waiting = view.lane.mailbox.waiting_since()
        if waiting is not None and now - max(waiting, view.lane.answered_at) > limit:
            return f"frames of camera {camera} get no answer"
    return None


def ready(views: Iterable[View], now: float) -> bool:
    """The first frame has gone through, or each camera waits for something that is known and retried."""
    views = list(views)
    return any(view.lane.inferred for view in views) or all(
        view.camera.status(now).state in {"offline", "stalled", "disabled", "ended"}
        or view.dispatcher.ladder.current.cause  # its engine has failed at least once
        for view in views
    )
