"""Which change of a model's files makes another model of it."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from backends.artifact import Artifact
from backends.contract import ArtifactError
from backends.models.original import refuse_another
from backends.models.resolve import open_artifact
from tests.support import models


@pytest.fixture
def artifact(tmp_path) -> Artifact:
    """IR, which is two files."""
    path = models.ir(tmp_path / "m.xml", [("x", (1, 3, 64, 96), "FP32")], [("boxes", (1, 1, 6), "FP32")], {})
    path.with_suffix(".yaml").write_text("family: boxes\nlabels: [a]\n")
    return open_artifact(path)


def test_nothing_was_touched(artifact):
    refuse_another(artifact)
    refuse_another(Artifact.from_json(artifact.to_json()))
    assert [name for name, *_ in artifact.files] == ["m.xml", "m.bin"]


@pytest.mark.parametrize("name", ["m.xml", "m.bin"])
def test_other_bytes_of_the_same_size_and_time(artifact, name):
    path = artifact.path.parent / name
    stat, content = path.stat(), path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    with pytest.raises(ArtifactError, match=r"m\.xml: the model has changed since it was read; vedette reload takes"):
        refuse_another(artifact)


def test_the_same_bytes_again(artifact):
    copy = artifact.path.with_name("copy")
    copy.write_bytes(artifact.path.read_bytes())
    copy.replace(artifact.path)
    refuse_another(artifact)
    assert open_artifact(artifact.path) == artifact


def test_what_is_gone_is_for_the_engine_to_tell(artifact):
    artifact.path.with_suffix(".bin").unlink()
    refuse_another(artifact)


def test_files_that_nobody_read(artifact):
    refuse_another(replace(artifact, content="", files=()))


def test_another_conversion_of_one_published_file_is_another_artifact(artifact):
    """Else a reload would not take it, and each worker refuse it."""
    side = artifact.path.with_suffix(".yaml")
    side.write_text(f"{side.read_text()}origin: {{sha256: {'0a' * 32}}}\n")
    before = open_artifact(artifact.path)
    artifact.path.with_suffix(".bin").write_bytes(b"other weights")
    after = open_artifact(artifact.path)
    assert before.sha256 == after.sha256
    assert before != after
