"""What `vedette check` reports: everything wrong with a config, or in short what it says."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from agent.config.load import load
from agent.config.problems import ConfigError, Problem
from agent.config.redact import redact, redact_url

if TYPE_CHECKING:
    from pathlib import Path

    from agent.config.model import Config

OK, BAD = 0, 2


@dataclass(frozen=True, slots=True)
class Report:
    """config is None exactly if there are problems. exit_code: what the command exits with."""

    file: str
    config: Config | None
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]

    @property
    def exit_code(self) -> int:
        return BAD if self.problems else OK

    def lines(self) -> list[str]:
        """The report for people: first what is wrong, last the verdict."""
        found = [str(problem) for problem in self.problems]
        found += [f"{warning} (warning)" for warning in self.warnings]
        if self.config is None:
            count = len(self.problems)
            return [*found, f"{self.file}: {count} problem{'s' if count != 1 else ''}, the config is not usable"]
        config = self.config
        ids = ", ".join(camera.id for camera in config.cameras)
        verdict = f"{self.file}: ok: device {config.device}, publishes to {config.mqtt.url}, cameras: {ids}"
        return [redact(line) for line in (*found, verdict)]

    def as_json(self) -> dict[str, Any]:
        """The report for programs; errors as in the topic `config/status`."""
        config = self.config
        cameras = {} if config is None else {c.id: redact_url(c.source) for c in config.cameras}
        return {
            "ok": not self.problems,
            "file": self.file,
            "errors": [asdict(problem) for problem in self.problems],
            "warnings": [asdict(warning) for warning in self.warnings],
            "device": config.device if config else None,
            "cameras": cameras,
        }


def check(path: Path) -> Report:
    """Loads `path` as `run` does, and says what came of it. Raises nothing."""
    try:
        config = load(path)
    except ConfigError as error:
        return Report(str(path), None, error.problems, ())
    return Report(str(path), config, (), config.warnings)
