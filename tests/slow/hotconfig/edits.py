"""Random edits of the shipped config: as people tune a device, and as they slip."""

from __future__ import annotations

import copy
from pathlib import Path
from random import Random
from typing import Any

import yaml

SHIPPED = Path(__file__).parents[3] / "config" / "vedette.yaml"


class Editor:
    """`edited` is the next text of the file, drawn from `random`. clips: sources that work; dead: one that does not."""

    def __init__(self, random: Random, port: int, clips: list[str], models: list[str], dead: str) -> None:
        self.random = random
        self._clips, self._models, self._dead = clips, models, dead
        self.content: dict[str, Any] = {
            "device": "gate",
            "mqtt": {"url": f"mqtt://127.0.0.1:{port}"},
            "model": models[0],
            "remote": {"commands": []},
            "cameras": {name: self._camera() for name in ("gate", "yard", "hall")},
        }
        self._port = port

    def _camera(self) -> dict[str, Any]:
        return {"source": self.random.choice(self._clips), "loop": True, "fps": 5}

    def text(self) -> str:
        return yaml.safe_dump(self.content, sort_keys=False)

    def tuned(self) -> str:
        """One thing is another, as a person means it to be; it stays for the following edits."""
        content = copy.deepcopy(self.content)
        kind = self.random.choice(
            ["zone", "zone", "zone", "line", "camera", "camera", "come", "go", "model", "engine", "device"]
        )
        getattr(self, f"_{kind}_edit")(content)
        self.content = content
        return self.text()

    def dead(self) -> str:
        """Right in every word, but a camera that works is given a source that does not."""
        content = copy.deepcopy(self.content)
        name = self.random.choice([*content["cameras"]])
        content["cameras"][name] = {"source": self._dead, "timeout": 1}
        return yaml.safe_dump(content, sort_keys=False)

    def slipped(self) -> str:
        """The text with a slip of the finger or of the editor; it may be right all the same."""
        text = self.text()
        return self.random.choice([self._cut, self._shuffled, self._shuffled, self._spoiled, self._spoiled])(text)

    def _cut(self, text: str) -> str:
        return self.random.choice([text[: self.random.randrange(len(text))], "", self._shipped(), self._shipped()])

    def _shuffled(self, text: str) -> str:
        """A line that is gone, or twice there, or in another place."""
        lines = text.splitlines()
        at, other = self.random.randrange(len(lines)), self.random.randrange(len(lines))
        lines[at:at] = self.random.choice([[], [lines[at]], [lines[other]]])
        del lines[other : other + self.random.randrange(2)]
        return "\n".join(lines) + "\n"

    def _spoiled(self, text: str) -> str:
        """Another letter, indentation, or junk in one line."""
        random, lines = self.random, text.splitlines()
        at = random.randrange(len(lines))
        line, i = lines[at], random.randrange(len(lines[at]))
        junk = random.choice([" \x00", "\ufeff", " é", " \x1b[2J", " &a *a", " !!python/object:os.system"])
        letter = random.choice("aZ9:-#'\"[]{}&*!|>%@`,?")
        lines[at] = random.choice(
            [" " * random.randrange(1, 4) + line, "\t" + line, line + junk, line[:i] + letter + line[i + 1 :]]
        )
        return "\n".join(lines) + "\n"

    def _shipped(self) -> str:
        """The shipped file itself, with some of its defaults uncommented."""
        text = SHIPPED.read_text()
        text = text.replace("mqtt://localhost:1883", f"mqtt://127.0.0.1:{self._port}")
        text = text.replace("rtsp://10.0.0.7/stream2", f"{self._clips[0]}\n    loop: true")
        text = text.replace("# device: gate-pi", "device: gate")
        lines = text.splitlines()
        for _ in range(self.random.randrange(4)):
            at = self.random.randrange(len(lines))
            if lines[at].lstrip().startswith("# "):
                lines[at] = lines[at].replace("# ", "", 1)
        return "\n".join(lines) + "\n"

    def _any(self, content: dict[str, Any]) -> dict[str, Any]:
        camera: dict[str, Any] = content["cameras"][self.random.choice([*content["cameras"]])]
        return camera

    def _place(self) -> list[list[float]]:
        x, y = (round(self.random.uniform(0, 0.6), 3) for _ in range(2))
        return [[x, y], [x + 0.3, y], [x + 0.3, y + 0.3]]

    def _zone_edit(self, content: dict[str, Any]) -> None:
        zones = self._any(content).setdefault("zones", {})
        if zones and self.random.random() < 0.3:
            zones.pop(self.random.choice([*zones]))
        else:
            zones[self.random.choice(["porch", "path", "lawn"])] = {
                "polygon": self._place(),
                "dwell": self.random.choice([0, 1]),
            }

    def _line_edit(self, content: dict[str, Any]) -> None:
        lines = self._any(content).setdefault("lines", {})
        if lines and self.random.random() < 0.3:
            lines.clear()
        else:
            lines["door"] = {"points": self._place()[:2], "reverse": self.random.random() < 0.5}

    def _camera_edit(self, content: dict[str, Any]) -> None:
        choices: dict[str, list[Any]] = {
            "fps": [2, 5, 10],
            "confidence": [0.3, 0.5, 0.8],
            "rotate": [0, 90, 180],
            "source": self._clips,
            "weight": [1, 2.5],
            "name": ["Gate", "The yard"],
            "motion": [{"enabled": True}, {"enabled": False}, {"enabled": True, "masks": [self._place()]}],
            "privacy": [{"masks": []}, {"masks": [self._place()]}],
            "snapshots": [{"enabled": True}, {"enabled": True, "crop": False}, {"enabled": False}],
            "regions": [{"enabled": True}, {"enabled": False}],
            "model": self._models,
        }
        key = self.random.choice([*choices])
        self._any(content)[key] = self.random.choice(choices[key])

    def _come_edit(self, content: dict[str, Any]) -> None:
        content["cameras"].setdefault(self.random.choice(["gate", "yard", "hall", "barn"]), self._camera())

    def _go_edit(self, content: dict[str, Any]) -> None:
        if len(content["cameras"]) > 2:
            content["cameras"].pop(self.random.choice([*content["cameras"]]))

    def _model_edit(self, content: dict[str, Any]) -> None:
        content["model"] = self.random.choice(self._models)

    def _engine_edit(self, content: dict[str, Any]) -> None:
        content["engine"] = {"threads": self.random.choice([1, 2])}

    def _device_edit(self, content: dict[str, Any]) -> None:
        content["health"] = {"interval": self.random.choice([1, 2, 5])}
        content["log"] = {"level": self.random.choice(["info", "debug"])}
        content["mqtt"]["detections"] = {"max_rate": self.random.choice([0, 1, 5])}
