"""What a camera's config means for its scene."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.perception.settings import LabelRule, Line, Settings, Zone
from agent.publish.topics import ALL

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from agent.config.model import CameraConfig, LabelConfig
    from agent.runtime.state import Totals


def scene_settings(camera: CameraConfig, labels: Sequence[str], told: Collection[str] = ()) -> Settings:
    """labels: the model's, by class id. told: those whose counts were told in an earlier run."""
    numbers = {label: c for c, label in enumerate(labels)}
    named = {numbers[rule.label]: rule for rule in camera.labels if rule.label in numbers}
    rules = {c: _rule(named.get(c), camera.confidence) for c in (named or range(len(labels)))}

    def ids(wanted: Sequence[str]) -> frozenset[int] | None:
        return frozenset(numbers[label] for label in wanted if label in numbers) if wanted else None

    return Settings(
        rules=rules,
        zones=tuple(Zone(z.id, z.polygon, ids(z.labels), z.confidence, z.min_height, z.dwell) for z in camera.zones),
        lines=tuple(Line(line.id, *line.points, line.reverse, ids(line.labels)) for line in camera.lines),
        gate=camera.motion.enabled,
        regions=camera.regions,
        snapshots=camera.snapshots.enabled,
        told=frozenset(named) | {numbers[label] for label in told if numbers.get(label) in rules},
    )


def _rule(rule: LabelConfig | None, confidence: float) -> LabelRule:
    if rule is None:
        return LabelRule(confidence)
    least = confidence if rule.confidence is None else rule.confidence
    return LabelRule(least, rule.min_height, rule.min_width, rule.masks)


def line_totals(saved: Totals, labels: Sequence[str]) -> dict[str, dict[int | None, tuple[int, int, float]]]:
    """saved: as the state keeps them, by label; those of labels that the model does not have are left out."""
    numbers: dict[str, int | None] = {label: c for c, label in enumerate(labels)} | {ALL: None}
    return {
        line: {numbers[label]: total for label, total in totals.items() if label in numbers}
        for line, totals in saved.items()
    }
