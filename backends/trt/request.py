"""What the child process is asked to build; both sides read this file, so that neither guesses."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from backends.trt.plans import PlanKey

FP16_FLAG, AS_FILE = "f16", "f32"


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """onnx: the model. plan: where it goes. key: what it must fit."""

    onnx: Path
    plan: Path
    key: PlanKey

    def to_json(self) -> str:
        return json.dumps({"onnx": str(self.onnx), "plan": str(self.plan), "key": self.key.to_json()})

    @classmethod
    def from_json(cls, text: str) -> BuildRequest:
        data = json.loads(text)
        return cls(Path(data["onnx"]), Path(data["plan"]), PlanKey.from_json(data["key"]))
