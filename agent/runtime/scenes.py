"""What a camera's config means for its scene."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.perception.settings import LabelRule, Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.config.model import CameraConfig


def scene_settings(camera: CameraConfig, labels: Sequence[str]) -> Settings:
    """labels: the model's, by class id."""
    names = {rule.label for rule in camera.labels}
    wanted = [c for c, label in enumerate(labels) if not names or label in names]
    return Settings(rules={c: LabelRule(camera.confidence) for c in wanted})
