"""Gaps that the broker refused too: kept, over restarts as well, until it takes events again."""

from __future__ import annotations

import json

from agent.publish.outbox.gaps import Gap
from agent.publish.outbox.limits import Cut


class RefusedGaps:
    """What subscribers miss and could not be told of, one gap by cause and epoch."""

    def __init__(self) -> None:
        self._gaps: dict[tuple[str, str], Gap] = {}

    def __bool__(self) -> bool:
        return bool(self._gaps)

    def keep(self, cause: str, epoch: str, gap: Gap) -> None:
        known = self._gaps.get((cause, epoch))
        self._gaps[cause, epoch] = gap if known is None else known.merged(gap)

    def keep_event(self, payload: bytes) -> None:
        """What a `vedette.gap` told of, had it been heard."""
        data = json.loads(payload)["data"]
        self.keep(data["cause"], data["epoch"], Gap(data["from"], data["to"], data["count"]))

    def take(self) -> list[Cut]:
        gaps, self._gaps = self._gaps, {}
        return [Cut(cause, gap, epoch, ()) for (cause, epoch), gap in gaps.items()]

    def saved(self) -> str:
        """For `restore` in a later run; empty if there is nothing."""
        if not self._gaps:
            return ""
        return json.dumps([[*names, gap.first, gap.last, gap.count] for names, gap in self._gaps.items()])

    def restore(self, text: str) -> None:
        try:
            for cause, epoch, first, last, count in json.loads(text or "[]"):
                self.keep(str(cause), str(epoch), Gap(int(first), int(last), int(count)))
        except (ValueError, TypeError):
            return  # damaged: `seq` still shows that something is missing
