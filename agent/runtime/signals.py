"""What signals mean while the daemon runs."""

from __future__ import annotations

import contextlib
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


@contextlib.contextmanager
def handled(actions: Mapping[signal.Signals, Callable[[], None]]) -> Iterator[None]:
    """Each is called on the main thread, between two of its steps: it must only note. Afterwards all is as before."""

    def act(signum: int, _frame: object) -> None:
        actions[signal.Signals(signum)]()

    before = {signum: signal.signal(signum, act) for signum in actions}
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
