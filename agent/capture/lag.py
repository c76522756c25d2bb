"""Which pictures of a camera to leave out where they come faster than they are decoded, so that none shown is old.

TCP keeps what nobody reads, here and in the camera: without this a picture would be ever older, and no error told it.
"""

from __future__ import annotations

BEHIND, PATIENCE = 1.0, 1.0
"""Seconds behind the camera; seconds of being that far behind after which pictures are left out, up to a key picture
as fresh as `FRESH`: what a network has held up for a while is mostly decoded sooner than that."""
FRESH = 0.2
LONGEST = 10.0
"""Seconds of that after which a stream goes on without a key picture: it may have none."""


class Lag:
    """How far behind the reading is: by how much less of the stream's time than of ours has gone by.

    Only since more of it was always there than had been read. A stream of which there is none left is read in time, so
    a clock of the camera that runs slow does no harm.
    """

    def __init__(self) -> None:
        self._least: float | None = None
        self._late: float | None = None
        self._since: float | None = None

    @property
    def skipping(self) -> bool:
        return self._since is not None

    def leaves_out(self, arrived: float, pts: float, *, key: bool, more: bool) -> bool:
        """Whether to leave this picture out, undecoded.

        arrived: time.monotonic() when its last byte was read. pts: seconds, of the stream's clock. key: it can be
        decoded without those before. more: whether there is more to read already.
        """
        offset = arrived - pts
        if self._least is None or not more:
            self._least = offset
        self._least = min(self._least, offset)
        behind = offset - self._least
        if behind <= BEHIND:
            self._late = None
        elif self._late is None:
            self._late = arrived
        if self._since is None:
            if self._late is not None and arrived - self._late >= PATIENCE:
                self._since = arrived
        elif key and behind <= FRESH:
            self._since = None
        elif arrived - self._since > LONGEST:
            self._since = self._late = None
            self._least = offset
        return self.skipping
