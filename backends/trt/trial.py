"""python -m backends.trt.trial FD < request: loads a plan that somebody else built, and says whether TensorRT lived.

A foreign plan can end the process with a segmentation fault. Better this one than the worker.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from backends.contract import BackendError, EngineError
from backends.trt import api
from backends.trt.build import become_child
from backends.trt.cuda import open_cuda


@dataclass(frozen=True, slots=True)
class TrialRequest:
    """path, offset: where the plan begins. sha256: of the plan. device: the GPU's index."""

    path: Path
    offset: int
    sha256: str
    device: int

    def to_json(self) -> str:
        return json.dumps({"path": str(self.path), "offset": self.offset, "sha256": self.sha256, "device": self.device})


def main(argv: list[str]) -> int:
    replies = int(argv[0])
    become_child()
    request = json.loads(sys.stdin.read())
    try:
        cuda, _ = open_cuda()
        cuda.use(request["device"])
        plan = Path(request["path"]).read_bytes()[request["offset"] :]
        if hashlib.sha256(plan).hexdigest() != request["sha256"]:
            raise EngineError("the file changed in between")
        engine = deserialised(api.load(), plan)
        if engine.create_execution_context() is None:
            raise EngineError("TensorRT: create_execution_context failed")
    except (BackendError, OSError) as error:
        os.write(replies, json.dumps({"error": str(error)}).encode() + b"\n")
        return 1
    os.write(replies, b'{"ok": true}\n')
    return 0


def deserialised(trt: api.Module, plan: bytes) -> api.Engine:
    """Raises EngineError with what TensorRT said."""
    log = api.log_of(trt)
    plugins = api.feature(trt, "init_libnvinfer_plugins")
    if plugins is not None and plugins(log.logger, "") is False:
        raise EngineError(f"TensorRT: init_libnvinfer_plugins failed{log.take()}")
    runtime = trt.Runtime(log.logger)
    engine = None if runtime is None else runtime.deserialize_cuda_engine(plan)
    if engine is None:
        raise EngineError(f"TensorRT: deserialize_cuda_engine failed{log.take()}")
    return engine


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
