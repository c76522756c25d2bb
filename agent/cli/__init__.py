"""The command `vedette`: how a verb ends, whatever happens to it.

Nothing is imported before `main` is in charge: a Ctrl-C that comes while Python still loads is one like any other.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit code: 0 ended as asked, 1 failure, 2 bad config or usage, 75 another daemon holds the state."""
    try:
        return _guarded(argv)
    except KeyboardInterrupt:
        return 1


def _guarded(argv: Sequence[str] | None) -> int:
    import errno
    import io
    import os

    for name in ("stdout", "stderr"):  # None where it was closed: `vedette doctor >&-`
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115, PTH123 - for as long as we live
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a locale may lack a letter of a name
    code = 0
    try:
        try:
            from agent.cli.verbs import perform

            code = perform(argv)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:  # `vedette models list | head`
        for number in (1, 2):  # whichever it was: Python flushes both once more at its end
            os.dup2(os.open(os.devnull, os.O_WRONLY), number)
    except (OSError, RuntimeError) as e:
        from agent.cli.exits import fail, out_of_place

        if isinstance(e, OSError) and e.errno == errno.ENOSPC and e.filename is None:  # no file of ours
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            return fail(f"cannot write: {e.strerror}")
        if (where := out_of_place()) is None:
            raise
        return fail(where)
    return code
