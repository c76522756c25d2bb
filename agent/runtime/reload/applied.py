"""A config together with what was set by command."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

from agent.config import ConfigError

if TYPE_CHECKING:
    from collections.abc import Collection

    from agent.config import Config
    from agent.runtime.overrides import Overrides, Wanted
    from agent.runtime.plan import Plan
    from agent.runtime.reload.revision import Revision

log = logging.getLogger("vedette.config")


class Applied(NamedTuple):
    """left_out: the names of what was set by command and cannot be had."""

    config: Config
    found: Plan
    left_out: frozenset[str] = frozenset()


def applied(
    revision: Revision,
    overrides: Overrides,
    more: Wanted | None = None,
    *,
    back: bool = False,
    may_lack: Collection[str] | None = None,
) -> Applied:
    """more, back: as for `Overrides.applied`. Raises ConfigError.

    may_lack: of what was set by command, the names that may be left out if need be; None: that are left out already.
    """
    config = overrides.applied(revision.config, more, back=back)
    missing = frozenset(overrides.left_out if may_lack is None else may_lack)
    try:
        return Applied(config, revision.plan(config))
    except ConfigError as error:
        if not missing:
            raise
        left_out, found = missing, _planned(revision, overrides, more, missing, back=back)
        for name in sorted(missing):
            try:
                found = _planned(revision, overrides, more, left_out - {name}, back=back)
            except ConfigError:
                continue
            left_out -= {name}
        log.warning("what was set by command is left out: %s", error)
        return found._replace(left_out=left_out)


def _planned(
    revision: Revision, overrides: Overrides, more: Wanted | None, without: frozenset[str], *, back: bool
) -> Applied:
    config = overrides.applied(revision.config, more, back=back, without=without)
    return Applied(config, revision.plan(config))
