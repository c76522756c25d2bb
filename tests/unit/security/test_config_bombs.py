"""A config made to take all memory or time, or to run something, is an error within the memory of a small device."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from agent.config import ConfigError, parse
from agent.config.document import LARGEST

ROOT = Path(__file__).parents[3]
LAUGHS = "a0: &a0 [x]\n" + "".join(f"a{n + 1}: &a{n + 1} [{', '.join([f'*a{n}'] * 9)}]\n" for n in range(14))
POLYGON = "[" + ", ".join(f"[0.{n:03}, 0.{999 - n}]" for n in range(900)) + "]"
CAMERAS = "cameras: {gate: {source: clip.mp4, "
BOMBS = {
    "laughs": LAUGHS + "cameras: *a14",
    "laughs as labels": f"{LAUGHS}{CAMERAS}labels: *a14}}}}",
    "merge": "x: &x {<<: *x}\ncameras: {}",
    "merges": "a0: &a0 {k: v}\n" + "".join(f"a{n + 1}: &a{n + 1} {{<<: [*a{n}, *a{n}]}}\n" for n in range(14)),
    "one polygon in a thousand places": f"p: &p {POLYGON}\n{CAMERAS}zones: {{"
    + ", ".join(f"z{n}: {{polygon: *p}}" for n in range(1000))
    + "}}}",
    "one camera in a thousand places": "cameras: {g0: &g {source: a.mp4}, "
    + ", ".join(f"g{n}: *g" for n in range(1, 1000))
    + "}",
    "deep list": "[" * LARGEST,
    "deep map": "{a: " * (LARGEST // 4),
    "deep blocks": "- " * (LARGEST // 2),
    "deep lines": "".join(f"{' ' * n}a:\n" for n in range(700)),
    "questions": "? " * (LARGEST // 2),
    "a long word": "cameras: " + "x" * (LARGEST - 20),
    "a long number": f"{CAMERAS}fps: {'9' * 200_000}}}}}",
    "a long hex number": f"{CAMERAS}fps: 0x{'f' * 200_000}}}}}",
    "a long fraction": f"{CAMERAS}fps: 0.{'3' * 200_000}}}}}",
    "a large exponent": f"{CAMERAS}fps: 1e999999999}}}}",
    "sexagesimal": f"{CAMERAS}fps: {':'.join(['59'] * 50_000)}}}}}",
    "many digits of seconds": f"{CAMERAS}timeout: {'9' * 100_000}d}}}}",
    "many keys": "".join(f"k{n}: 1\n" for n in range(20_000)),
    "the same key": "device: a\n" * 15_000,
    "many unlike words": f"{CAMERAS}labels: [{', '.join(f'l{n}' for n in range(19_000))}]}}}}",
    "a long key": "x" * 100_000 + ": 1",
    "a password before blanks": "password: x" + " " * (LARGEST - 20) + "y",
    "passwords before blanks": "{password: x " * 9_000 + " " * 100_000 + "y",
    "passwords and signs": "{password: x#" * 15_000,
    "tag": "device: !!python/object/apply:os.system ['touch pwned']",
    "tag of a module": "device: !!python/module:os",
    "long tag": "device: !" + "x" * 100_000 + " y",
    "anchors": "".join(f"&a{n} " for n in range(1000)) + "x",
    "anchors again": "".join(f"- &a x{n}\n" for n in range(9_000)),
    "zero byte": "device: a\0b",
    "comment": "#" * LARGEST,
    "blank": " " * LARGEST,
    "lines": "\n" * LARGEST,
    "marks": "\ufeff" * 1000,
    "tabs": "cameras:\n\t\tx: 1",
    "directives": "%YAML 9.9\n" * 1000 + "---\n",
    "escapes": 'device: "' + "\\U0001F600" * 20_000 + '"',
    "folded": "device: >\n" + "  x\n\n" * 40_000,
    "too large": "x" * (LARGEST + 1),
}
LOADS = """
import json, sys, time
from pathlib import Path
from agent.config import ConfigError, parse
def peak():
    return int(next(x for x in open("/proc/self/status") if x.startswith("VmHWM")).split()[1])
parse("cameras: {a: {source: b.mp4}}", "f", Path("/nowhere"))
bombs = json.load(sys.stdin)
before = peak()  # ru_maxrss would be that of the test run, which is inherited
took, loaded = {}, []
for name, text in bombs.items():
    began = time.process_time()
    try:
        parse(text, "f", Path("/nowhere"))
    except ConfigError as error:
        assert all(len(str(problem)) < 1000 for problem in error.problems), name
    else:
        loaded.append(name)
    took[name] = time.process_time() - began
print(json.dumps([peak() - before, took, loaded]))
"""


def test_bombs_take_little_memory(tmp_path: Path) -> None:
    """In a process of its own, which a deep nesting could crash. No time is held to, but the test's own deadline."""
    done = subprocess.run(
        [sys.executable, "-c", LOADS],
        input=json.dumps(BOMBS),
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    kib, took, loaded = json.loads(done.stdout)
    assert loaded == ["a long fraction"], "which is a number as good as another"
    assert kib < 150 * 1024, took
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "latin-1", "cp1252"])
def test_other_encodings(encoding: str) -> None:
    with pytest.raises(ConfigError, match=r"UTF-8|control character"):
        parse("device: grün\ncameras: {a: {source: b.mp4}}".encode(encoding), "f", Path("/nowhere"))


def test_a_mark_at_the_beginning_is_fine() -> None:
    assert parse("\ufeffcameras: {a: {source: b.mp4}}".encode(), "f", Path("/nowhere")).cameras
