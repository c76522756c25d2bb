"""A backend in another Python with a numpy of its own, through backends.d. Makes a virtual environment with pip.

Where this machine has no Python of another version, it is ours with another numpy; which one it was is printed.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from backends.registry import discover, survey
from backends.testing.conformance import BackendConformance
from backends.testing.driver import Driven
from backends.testing.model import boxes_model

if TYPE_CHECKING:
    from backends.artifact import Artifact

PLUGIN = Path(__file__).parents[2] / "support/plugin"
REPORTS = "import sys, numpy; print('%d.%d' % sys.version_info[:2], numpy.__version__, numpy.__file__)"
OLDER_NUMPY = "numpy<2.2"


def other_pythons() -> list[str]:
    """Interpreters of another version than ours, beside ours in pyenv or on the path; ours as the last resort."""
    own = f"{sys.version_info[0]}.{sys.version_info[1]}"
    base = Path(sys.base_prefix)
    beside = base.parent.glob("3.1[0-9]*/bin/python") if base.parent.name == "versions" else []
    named = [*map(str, sorted(beside)), *filter(None, (shutil.which(f"python3.1{minor}") for minor in range(10)))]
    other = [path for path in named if not re.search(rf"{re.escape(own)}(\D|$)", path.removesuffix("/bin/python"))]
    return [*other, str(base / "bin" / f"python{own}")]


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A virtual environment of another Python, with another numpy than ours."""
    folder = tmp_path_factory.mktemp("other")
    for base in other_pythons():
        made = subprocess.run([base, "-m", "venv", str(folder)], timeout=60, check=False)
        if made.returncode == 0:
            break
    else:
        pytest.skip("no Python from 3.10 on, with venv, is on this machine")
    own = folder / "bin/python"
    pip = [own, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--only-binary", ":all:"]
    if subprocess.run([*pip, OLDER_NUMPY], timeout=180, check=False).returncode != 0:
        subprocess.run([*pip, "numpy"], timeout=180, check=True)
    return str(own)


@pytest.fixture
def drop_in(python: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "backends.d"
    folder.mkdir()
    file = folder / "edges.yaml"
    file.write_text(f'interpreter: {python}\nentry_point: "vedette_edges:Edges"\npath: [{PLUGIN}]\n')
    monkeypatch.setenv("VEDETTE_BACKENDS_D", str(folder))
    return file


def test_it_really_is_another_interpreter_and_numpy(python: str) -> None:
    ours, theirs = (
        subprocess.run([p, "-c", REPORTS], capture_output=True, text=True, check=True, timeout=60).stdout.split()
        for p in (sys.executable, python)
    )
    print(f"Python {theirs[0]} with numpy {theirs[1]}; ours {ours[0]} with {ours[1]}")
    assert ours[1] != theirs[1]
    assert ours[2] != theirs[2]


def test_it_runs_with_its_own_numpy(
    drop_in: Path, python: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(np.__file__).parents[1]))  # the daemon's packages must not reach it
    wanted = subprocess.run(
        [python, "-I", "-c", REPORTS], capture_output=True, text=True, check=True, timeout=60
    ).stdout.split()[1]
    program = discover()["edges"]
    assert program.distribution == str(drop_in)
    report = survey(program).report
    assert report.status == "available"
    assert report.devices[0].name == f"NumPy {wanted}"
    artifact = boxes_model(tmp_path)
    image = np.zeros((artifact.input.height, artifact.input.width, 3), np.uint8)
    image[16:40, 32:56] = 255
    with Driven(program, {}) as worker:
        ready = worker.load(artifact, {}, None)
        assert ready["info"]["version"] == wanted
        np.testing.assert_allclose(worker.run([image], 5.0)[0], [[32, 16, 64, 48, 1.0, 0]], atol=1e-4)


def test_the_command_shows_it(drop_in: Path) -> None:
    said = subprocess.run(
        [sys.executable, "-m", "agent.cli", "backends"], capture_output=True, text=True, timeout=60, check=True
    ).stdout
    (line,) = [line for line in said.splitlines() if line.startswith("edges")]
    assert str(drop_in) in line
    assert "available" in line


def test_a_file_with_a_mistake_is_shown(drop_in: Path) -> None:
    drop_in.write_text("interpreter: /no/such/python\nentry_point: a:B\n")
    said = subprocess.run(
        [sys.executable, "-m", "agent.cli", "backends"], capture_output=True, text=True, timeout=60, check=True
    ).stdout
    assert f"{drop_in}:1:1: interpreter: '/no/such/python' is not a program" in said


@pytest.mark.usefixtures("drop_in")
class TestConformance(BackendConformance):
    """The whole suite, in the other Python."""

    backend = "edges"

    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path) -> None:
        self.made = boxes_model(tmp_path)

    def artifact(self) -> Artifact:
        return self.made
