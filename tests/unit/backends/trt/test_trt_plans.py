"""The cache of engines: every field of the key counts, and what is not whole and ours does not come out."""

from __future__ import annotations

import hashlib
import json
import os
import time
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.trt import plans
from backends.trt.plans import PlanKey
from tests.support import models

KEY = PlanKey("a" * 64, "10.3.0", "12.6", "8.7", "Orin", "f16", (1, 3, 640, 640), 1024)
OTHER = {
    "model": "b" * 64,
    "tensorrt": "10.3.1",
    "cuda": "12.7",
    "compute": "8.9",
    "device": "Thor",
    "precision": "f32",
    "shape": (1, 3, 416, 640),
    "workspace_mib": 256,
    "schema": plans.SCHEMA + 1,
}
PLAN = b"ftrt" + bytes(range(256)) * 8


def kept(folder: Path, key: PlanKey = KEY) -> Path:
    path = plans.path_of(folder, "model", key)
    plans.write(path, key, PLAN)
    return path


def test_every_field_of_the_key_is_tried_below() -> None:
    assert set(OTHER) == {field.name for field in fields(PlanKey)}


@pytest.mark.parametrize("field", OTHER)
def test_another_value_of_any_field_is_another_plan(tmp_path: Path, field: str) -> None:
    path = kept(tmp_path)
    other = replace(KEY, **{field: OTHER[field]})
    assert plans.path_of(tmp_path, "model", other) != path
    assert plans.read(plans.path_of(tmp_path, "model", other), other) is None
    assert plans.read(path, other) is None  # also where the file's name says otherwise
    assert plans.read(path, KEY) == PLAN


def test_the_key_survives_json() -> None:
    assert PlanKey.from_json(json.loads(json.dumps(KEY.to_json()))) == KEY


@given(cut=st.integers(0, len(PLAN) - 1))
def test_a_truncated_plan_is_none(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    path = kept(tmp_path_factory.mktemp("plans"))
    path.write_bytes(PLAN[:cut])
    assert plans.read(path, KEY) is None


@given(at=st.integers(0, len(PLAN) - 1), bit=st.integers(0, 7))
def test_a_plan_with_any_bit_turned_is_none(tmp_path_factory: pytest.TempPathFactory, at: int, bit: int) -> None:
    path = kept(tmp_path_factory.mktemp("plans"))
    path.write_bytes(PLAN[:at] + bytes([PLAN[at] ^ 1 << bit]) + PLAN[at + 1 :])
    assert plans.read(path, KEY) is None


@pytest.mark.parametrize("record", ["", "[]", "null", "{}", '{"key": 3}', "\0", '{"key": {}, "sha256": null}'])
def test_a_record_that_says_nothing_is_none(tmp_path: Path, record: str) -> None:
    path = kept(tmp_path)
    path.with_suffix(".json").write_text(record)
    assert plans.read(path, KEY) is None


def test_a_foreign_plan_under_our_name_is_none(tmp_path: Path) -> None:
    path, other = kept(tmp_path), replace(KEY, device="Thor")
    foreign = kept(tmp_path, other)
    path.write_bytes(foreign.read_bytes() + b"!")
    assert plans.read(path, KEY) is None
    path.with_suffix(".json").write_bytes(foreign.with_suffix(".json").read_bytes())
    assert plans.read(path, KEY) is None


@pytest.mark.parametrize("missing", [".plan", ".json"])
def test_half_a_pair_is_none(tmp_path: Path, missing: str) -> None:
    path = kept(tmp_path)
    path.with_suffix(missing).unlink()
    assert plans.read(path, KEY) is None


def test_a_writer_that_fails_leaves_what_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = kept(tmp_path)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        plans.write(path, KEY, b"other")
    assert plans.read(path, KEY) == PLAN
    assert sorted(p.suffix for p in tmp_path.iterdir()) == [".json", ".plan"]


def test_only_the_last_used_plans_stay(tmp_path: Path) -> None:
    first = kept(tmp_path)
    for number in range(plans._KEEP + 3):
        if number == 5:
            time.sleep(0.02)
            assert plans.read(first, KEY) == PLAN  # used: stays
        kept(tmp_path, replace(KEY, workspace_mib=number))
        time.sleep(0.005)
    assert len(list(tmp_path.glob("*.plan"))) == plans._KEEP
    assert len(list(tmp_path.glob("*.json"))) == plans._KEEP
    assert plans.read(first, KEY) == PLAN


def test_weights_beside_the_model_count(tmp_path: Path) -> None:
    model = tmp_path / "x.onnx"
    model.write_bytes(models.onnx([], []))
    assert plans.model_digest(model) == hashlib.sha256(model.read_bytes()).hexdigest()
    model.write_bytes(models.onnx([], [], {}, models.external("x.data")))
    (tmp_path / "x.data").write_bytes(b"weights")
    one = plans.model_digest(model)
    (tmp_path / "x.data").write_bytes(b"weightz")
    assert plans.model_digest(model) != one
