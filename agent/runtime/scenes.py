"""What a camera's config means for its scene."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.perception.settings import LabelRule, Settings
from agent.publish.topics import ALL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.config.model import CameraConfig
    from agent.runtime.state import Totals


def scene_settings(camera: CameraConfig, labels: Sequence[str]) -> Settings:
    """labels: the model's, by class id."""
    names = {rule.label for rule in camera.labels}
    wanted = [c for c, label in enumerate(labels) if not names or label in names]
    return Settings(rules={c: LabelRule(camera.confidence) for c in wanted})


def line_totals(saved: Totals, labels: Sequence[str]) -> dict[str, dict[int | None, tuple[int, int, float]]]:
    """saved: as the state keeps them, by label; those of labels that the model does not have are left out."""
    numbers: dict[str, int | None] = {label: c for c, label in enumerate(labels)} | {ALL: None}
    return {
        line: {numbers[label]: total for label, total in totals.items() if label in numbers}
        for line, totals in saved.items()
    }
