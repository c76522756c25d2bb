from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from backends.contract import ArtifactError
from backends.models import sidecar
from tests.support.examples import examples

FULL = """\
name: gate
description: persons
family: yolo
task: detect
licence: MIT
labels: [person, "on"]
twins: [m_edgetpu.tflite, /elsewhere/m.onnx]
precision: bf16
sha256: {sha}
origin: {{source: "https://host/x", sha256: {sha}}}
input:
  name: images
  height: 320
  width: 640
  layout: NCHW
  dtype: float32
  color: RGB
  resize: letterbox
  pad: 0
  mean: 1
  std: [1, 2.5, 3]
head: {{box: xyxy, units: norm, extra: 32, iou: 0.5, class_agnostic: true}}
""".format(sha="0a" * 32)


def read(tmp_path, text):
    path = tmp_path / "m.yaml"
    path.write_text(text) if isinstance(text, str) else path.write_bytes(text)
    return {key: fact.value for key, fact in sidecar.read(path).items()}


def test_every_key(tmp_path):
    facts = read(tmp_path, FULL)
    assert facts["labels"] == ("person", "on")
    assert facts["input.mean"] == (1.0, 1.0, 1.0)
    assert facts["input.std"] == (1.0, 2.5, 3.0)
    assert facts["head.extra"] == 32
    assert facts["twins"] == (tmp_path / "m_edgetpu.tflite", Path("/elsewhere/m.onnx"))
    assert set(facts) >= set(sidecar.KEYS) - {"origin.format"}


def test_a_fact_knows_its_place(tmp_path):
    (tmp_path / "m.yaml").write_text("family: ssd\ninput:\n  height: 300\n")
    assert sidecar.read(tmp_path / "m.yaml")["input.height"].origin == f"{tmp_path / 'm.yaml'}:3:3"


def test_an_empty_one_says_nothing(tmp_path):
    assert read(tmp_path, "") == {}
    assert read(tmp_path, "# only a remark\nlabels:\ninput:\n") == {}


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("labels: {0: a, 2: c}", ("a", "class_1", "c")),
        ("labels: names.txt", ("person", "traffic light", "dog")),
        ("labels: ids.txt", ("person", "class_1", "traffic light")),
    ],
)
def test_labels(tmp_path, text, labels):
    (tmp_path / "names.txt").write_text("person\ntraffic light\n\ndog\n")
    (tmp_path / "ids.txt").write_text("0 person\n2  traffic light\n")
    assert read(tmp_path, text)["labels"] == labels


def test_all_mistakes_at_once_each_with_its_place(tmp_path):
    text = (
        "famly: yolo\nlabels: [a, no]\nlicense: MIT\ninput: {hight: 3, width: 2, layout: NWCH, pad: 300, std: 0}\n"
        "head: {iou: 2, class_agnostic: 1, outputs: {box: 1}, unit: px}\nsha256: ABC\nname: ../up\n"
    )
    with pytest.raises(ArtifactError) as caught:
        read(tmp_path, text)
    lines = [line.removeprefix(f"{tmp_path / 'm.yaml'}:") for line in str(caught.value).splitlines()]
    assert lines == [
        "1:1: famly: unknown key; did you mean family?",
        "2:1: labels: False is not a label; quote a name that YAML would read otherwise",
        "3:1: license: unknown key; did you mean licence?",
        "4:9: input.hight: unknown key; did you mean input.height?",
        "4:19: input.width: 2 is not within 8..8192",
        "4:29: input.layout: 'NWCH' is not one of NCHW, NHWC; did you mean NHWC?",
        "4:43: input.pad: 300 is not within 0..255",
        "4:53: input.std: 0 is not within 1e-06..1000000.0",
        "5:8: head.iou: 2 is not within 0..1",
        "5:16: head.class_agnostic: 1 is neither true nor false",
        "5:35: head.outputs: 'box' is not one of boxes, classes, scores, count; did you mean boxes?",
        (
            "5:54: head.unit: no such option; this head has label_offset, outputs, iou, class_agnostic, rows, "
            "box, units, extra, logits, decoded; did you mean head.units?"
        ),
        "6:1: sha256: 'ABC' is not 64 hexadecimal digits in lower case",
        "7:1: name: '../up' is not a name: letters, digits, . _ - and at most 64 of them",
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: [1", r"m\.yaml:\d+:\d+: is not YAML"),
        ("- a", r"m\.yaml:1:1: must be a mapping"),
        ("family: a\nfamily: b", r"m\.yaml:2:1: family: is there twice"),
        ("a: &x [1]\nb: *x", r"m\.yaml:2:4: aliases"),
        ("family: !!python/object:os.system x", r"m\.yaml:1:9"),
        ("? [1]\n: 2", r"a key must be plain text"),
        ("input: 3", r"m\.yaml:1:1: input: 3 is not a mapping"),
        ("twins: x.onnx", "m.yaml:1:1: twins: 'x.onnx' is not a list of at most 16 files"),
        ("twins: [x.onnx, 3]", "twins: 3 is not a file name"),
        ('twins: ["a\\0b"]', "is not a file name"),
        ("labels: []", "is not a list of 1 to 10000 labels"),
        ("labels: missing.txt", r"missing\.txt: cannot be read: No such file"),
        ("labels: 7", "is not a list"),
        ("family: {a: " * 12, "is not YAML"),
        ("a: " + "[" * 12 + "]" * 12, "nested more than 8 deep|maximum nesting depth"),
        ("a: " + "[" * 500000, "nested more than 8 deep|maximum nesting depth"),  # newer libyaml has a limit itself
        ("x" * (1024 * 1024 + 1), "is the limit of a sidecar"),
        (b"family: \xff\xfe", "is not YAML"),
        ("family: yolo\nhead: {decoded: true}", r"head\.decoded: no such option; this head has box, units"),
        ("family: boxes\nhead: {iou: 0.5}", r"this head has none"),
    ],
)
def test_refused(tmp_path, text, says):
    with pytest.raises(ArtifactError, match=says):
        read(tmp_path, text)


def test_a_strangers_head_has_options_of_its_own(tmp_path):
    assert read(tmp_path, "family: odd\nhead: {anything: [1, {a: 2}]}")["head.anything"] == [1, {"a": 2}]


@given(st.text(alphabet="ab:{}[]!&*-? \n\t'\"0.~|>%@`#", max_size=60))
@settings(max_examples=examples(120), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_only_artifact_errors_come_out(tmp_path, text):
    with contextlib.suppress(ArtifactError):
        read(tmp_path, text)


_LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates()
_VALUES = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4) | _LEAVES, inner, max_size=3),
    max_leaves=6,
)
_WORDS = sorted(
    {word for key in (*sidecar.KEYS, "head") for word in key.split(".")} | {"boxes", "yolo", "outputs", "iou"}
)
_TREES = st.dictionaries(
    st.sampled_from(_WORDS),
    _VALUES | st.sampled_from(_WORDS) | st.dictionaries(st.sampled_from(_WORDS), _VALUES, max_size=3),
    max_size=6,
)


@given(_TREES)
@example({"family": ["boxes"], "head": {"iou": 0.5}})
@example({"family": {"a": "b"}, "head": {"iou": 0.5}})
@settings(max_examples=examples(200), deadline=None)
def test_whatever_stands_where_only_artifact_errors_come_out(tree):
    with contextlib.suppress(ArtifactError):
        sidecar.check(tree, lambda key: f"m.yaml:{key}", Path("/nowhere"))


def test_a_family_that_is_a_list(tmp_path):
    with pytest.raises(ArtifactError, match=r"m\.yaml:1:1: family: \['boxes'\] is not text"):
        read(tmp_path, "family: [boxes]\nhead: {iou: 0.5}")


@pytest.mark.parametrize("text", ["person\r\ntraffic light\r\n", "0 person\r\n1 traffic light\r\n"])
def test_labels_as_windows_writes_them(tmp_path, text):
    """With a byte order mark, which is no part of the first label."""
    (tmp_path / "names.txt").write_bytes(f"\ufeff{text}".encode())
    side = "\ufefflabels: names.txt\r\n".encode()
    assert read(tmp_path, side) == {"labels": ("person", "traffic light")}
