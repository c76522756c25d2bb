"""What was set by command and cannot be had any more, beside what can."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agent.config import ConfigError
from agent.runtime.overrides import Overrides
from agent.runtime.reload.applied import applied
from agent.runtime.reload.revision import examined
from tests.support.synthetic import bright_network

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("openvino", reason="openvino is not installed (pip install 'vedette[openvino]')")


def test_only_what_cannot_be_had_is_left_out(tmp_path: Path) -> None:
    one, two, gone = (str(bright_network(tmp_path, name=name)) for name in ("one", "two", "gone"))
    text = f"model: {one}\ncameras: {{yard: {{source: rtsp://h/}}, hall: {{source: rtsp://h/}}}}\n"
    revision = examined(text, "afar", tmp_path / "vedette.yaml", "file")
    overrides = Overrides(tmp_path, revision.config)
    overrides.set("hall", {"model": gone, "confidence": 0.7})
    overrides.set("yard", {"model": two})
    (tmp_path / "gone.xml").unlink()
    with pytest.raises(ConfigError, match="gone"):
        applied(revision, overrides)
    found = applied(revision, overrides, may_lack=overrides.models)
    assert found.left_out == {"cameras.hall.model"}
    yard, hall = found.config.cameras
    assert (yard.model, hall.model, hall.confidence) == (two, one, 0.7)
    overrides.left_out = found.left_out
    assert [o["key"] for o in overrides.told()] == ["cameras.hall.confidence", "cameras.yard.model"]
    assert applied(revision, overrides, {"yard": {"model": one}}).config.cameras[0].model == one
    overrides.set("hall", {"model": two})
    assert not overrides.left_out
