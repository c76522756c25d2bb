"""The worker process: one engine and its head behind `backends.protocol`.

python -m backends.worker --requests FD --replies FD NAME MODULE:CLASS

This thread probes, loads and is the first stream; `backends.streams` has the others.
"""

from __future__ import annotations

import argparse
import contextlib
import mmap
import os
import signal
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from backends.artifact import Artifact
from backends.child import die_with_parent
from backends.contract import (
    API,
    ArtifactError,
    Backend,
    BackendError,
    BackendUnavailable,
    Device,
    Engine,
    EngineError,
    EngineInfo,
)
from backends.models.original import refuse_another
from backends.options import options_of
from backends.points import named
from backends.protocol import MAX_SLOTS, PROBE_SECONDS, VERSION, LineReader, Message, SlotLayout, encode
from backends.streams import Streams, decoded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from backends.heads import Head

_OPEN_SECONDS = 120.0
_PATIENCE = 4.0


class _Refused(ArtifactError):
    """What `Backend.accepts` said."""


class Worker:
    """Serves one daemon until it says `close` or goes away."""

    def __init__(self, requests: int, replies: int, backend: Backend) -> None:
        self._reader = LineReader(requests)
        self._replies = replies
        self._backend = backend
        self._engine: Engine | None = None

    def serve(self) -> None:
        message = self._reader.read()
        while message is not None and message["op"] != "close":
            if message["op"] == "probe":
                self._probe(message)
                message = self._reader.read()
            elif message["op"] == "accepts":
                self._accepts(message)
                message = self._reader.read()
            elif message["op"] == "load":
                message = self._load_and_run(message)
            else:
                self._reply("error", text=f"unexpected {message['op']!r}", retriable=False)
                message = self._reader.read()
        if self._engine is not None:
            self._engine.close()

    def _reply(self, op: str, **content: Any) -> None:
        os.write(self._replies, encode(op, **content))

    def _probe(self, request: Message) -> None:
        """Its own options come with the question, since only here its class is there to ask for their names."""
        try:
            if request.get("own"):
                options_of(self._backend, {}, request["own"])
            devices = self._backend.probe()
        except BackendUnavailable as e:
            self._reply("unavailable", reason=e.reason, hint=e.hint)
        except BackendError as e:
            self._reply("unavailable", reason=str(e), hint=f"correct `options` in backends.d/{self._backend.name}.yaml")
        except Exception as e:  # noqa: BLE001 - an external backend may raise anything; it becomes its reason
            self._reply("unavailable", reason=f"{type(e).__name__}: {e}", hint="")
        else:
            self._reply("devices", devices=[asdict(d) for d in devices])

    def _accepts(self, request: Message) -> None:
        try:
            refusal = self._backend.accepts(Artifact.from_json(request["artifact"]))
        except Exception as e:  # noqa: BLE001 - as above; what it cannot judge it cannot run
            refusal = f"{type(e).__name__}: {e}"
        self._reply("accepted", refusal=refusal)

    def _load_and_run(self, request: Message) -> Message | None:
        """Loads, then serves `run` until another message comes, which is returned."""
        try:
            artifact = Artifact.from_json(request["artifact"])
            if self._engine is not None:
                self._engine.close()
                self._engine = None
            engine, heads, info = self._load(artifact, request)
        except _Refused as e:
            self._reply("refused", text=str(e))
            return self._reader.read()
        except BackendUnavailable as e:
            self._reply("unavailable", reason=e.reason, hint=e.hint)
            return self._reader.read()
        except BackendError as e:
            retriable = isinstance(e, EngineError) and e.retriable
            self._reply("error", text=str(e), retriable=retriable)
            return self._reader.read()
        except Exception as e:  # noqa: BLE001 - as above: the daemon needs the reason, not a dead process
            self._reply("error", text=f"{type(e).__name__}: {e}", retriable=False)
            return self._reader.read()
        self._engine = engine
        layout = SlotLayout(artifact.input.height, artifact.input.width, info.streams + 1)
        self._reply(
            "ready",
            info=asdict(info),
            input=asdict(artifact.input),
            labels=list(artifact.labels),
            slots=layout.slots,
            bytes=layout.size,
        )
        message = self._reader.read()
        if message is None or message["op"] != "map":
            return message
        with Path(message["path"]).open("r+b") as file:
            memory = memoryview(mmap.mmap(file.fileno(), layout.size))
        self._reply("mapped")
        return Streams(self._reader, self._replies, engine, heads, layout, memory).run()

    def _load(self, artifact: Artifact, request: Message) -> tuple[Engine, list[Head], EngineInfo]:
        from backends.heads import make_head

        backend = self._backend
        refusal = backend.accepts(artifact)
        if refusal is not None:
            raise _Refused(refusal)
        refuse_another(artifact)
        within = float(getattr(backend, "open_seconds", _OPEN_SECONDS))
        # Said before each, and before the device is touched: that may hang with the interpreter's lock held.
        self._reply("progress", phase="probe", done=0.0, within=max(within, PROBE_SECONDS))
        devices = backend.probe()
        self._reply("progress", phase="open", done=0.0, within=within)
        suitable = [d for d in devices if request.get("device") in {None, d.id}]
        if not suitable:
            known = ", ".join(d.id for d in devices) or "none"
            raise BackendUnavailable(f"no device {request.get('device')!r}", f"devices of {backend.name}: {known}")
        options = options_of(backend, request.get("options", {}), request.get("own", {}))

        def progress(phase: str, done: float) -> None:
            self._reply("progress", phase=phase, done=done, within=within)

        engine = _first_free(suitable, lambda device: backend.load(artifact, device, options, progress))
        try:
            streams = min(engine.info.streams, MAX_SLOTS - 1)
            heads = [make_head(artifact, engine.info.outputs) for _ in range(streams)]
            refuse_another(artifact)  # it may have been replaced while it was loaded, which can take minutes
            # The first run allocates what the runtime put off; no camera should wait for that. It also tells how long
            # a run may take on a machine that is slow, but works.
            image = np.zeros((artifact.input.height, artifact.input.width, 3), np.uint8)
            start = time.monotonic()
            decoded(heads[0], engine.run(image), 0.5, engine.info)
            deadline = max(engine.info.deadline, _PATIENCE * (time.monotonic() - start))
            info = replace(engine.info, streams=streams, deadline=deadline)
        except BaseException:
            engine.close()
            raise
        return engine, heads, info


def _first_free(devices: Sequence[Device], load: Callable[[Device], Engine]) -> Engine:
    """Another worker may hold a device, of which there may be several: the next one is as good."""
    *others, last = devices
    for device in others:
        with contextlib.suppress(BackendUnavailable):
            return load(device)
    return load(last)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="backends.worker")
    parser.add_argument("--requests", type=int, required=True)
    parser.add_argument("--replies", type=int, required=True)
    parser.add_argument("name")
    parser.add_argument("entry_point")
    arguments = parser.parse_args(argv)
    die_with_parent()  # the daemon ends its workers itself; if it dies without that, the kernel does
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal reaches the whole group
    os.write(arguments.replies, encode("hello", version=VERSION, pid=os.getpid()))
    try:
        backend = named(arguments.entry_point)()
        if backend.api != API:
            raise BackendUnavailable(f"it speaks api {backend.api}, this Vedette {API}")  # noqa: TRY301 - one way out
    except Exception as e:  # noqa: BLE001 - a backend whose library is missing is a reason, not a crash
        text = f"{type(e).__name__}: {e}"
        os.write(arguments.replies, encode("unavailable", reason=text, hint="is its package installed?"))
        return 1
    Worker(arguments.requests, arguments.replies, backend).serve()
    return 0


if __name__ == "__main__":
    sys.exit(main())
