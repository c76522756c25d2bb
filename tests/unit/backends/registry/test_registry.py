"""Discovery never imports and never raises; whatever a backend does in its child is a record with a reason."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import venv
from pathlib import Path

import pytest

from backends import bridge
from backends.registry import discover, survey, survey_all
from backends.registry.registered import Registered
from backends.testing.model import boxes_model
from tests.support.processes import descriptors_of

GOOD = """
    from backends.contract import Device
    class B:
        name, api, options = "b", 1, dict
        def probe(self):
            return [Device("b:0", "a b")]
        def accepts(self, artifact):
            return None if artifact.format == "onnx" else "onnx only"
"""
IN_PROBE = """
    import ctypes, os, signal, sys, time
    class B:
        name, api, options = "b", 1, dict
        def probe(self):
            {0}
"""


def backend(folder: Path, code: str) -> Registered:
    (folder / "strange.py").write_text(textwrap.dedent(code))
    return Registered("b", "strange:B", "strange 1", path=(str(folder),))


@pytest.fixture
def drop_ins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "backends.d"
    folder.mkdir()
    monkeypatch.setenv("VEDETTE_BACKENDS_D", str(folder))
    return folder


def test_a_good_one_says_its_devices_and_what_it_takes(tmp_path: Path) -> None:
    from dataclasses import replace

    onnx = boxes_model(tmp_path)
    said = survey(backend(tmp_path, GOOD), [onnx, replace(onnx, format="tflite")])
    assert (said.report.status, [d.id for d in said.report.devices]) == ("available", ["b:0"])
    assert said.refusals == (None, "onnx only")


def test_more_questions_than_a_pipe_holds(tmp_path: Path) -> None:
    onnx = boxes_model(tmp_path, labels=[f"label {i}" for i in range(2000)])
    assert survey(backend(tmp_path, GOOD), [onnx] * 20).refusals == (None,) * 20


@pytest.mark.parametrize(
    ("code", "status", "reason"),
    [
        ("import os; os.abort()", "broken", "killed by SIGABRT in its import or probe"),
        ("import no_such_driver", "unavailable", "No module named 'no_such_driver'"),
        ("raise SystemExit(7)", "broken", "exit code 7 in its import or probe"),
        ("import time; time.sleep(60)", "broken", "no answer for 1 s"),
        ("B = 3", "unavailable", "'int' object is not callable"),
        ("B = print(", "unavailable", "SyntaxError"),
        (IN_PROBE.format("ctypes.memset(0, 0, 1)"), "broken", "killed by SIGSEGV in its import or probe"),
        (IN_PROBE.format("os.kill(os.getpid(), signal.SIGKILL)"), "broken", "killed by SIGKILL"),
        (IN_PROBE.format("ctypes.PyDLL(None).pause()"), "broken", "no answer for 1 s"),
        (IN_PROBE.format("raise RuntimeError('no driver')"), "unavailable", "RuntimeError: no driver"),
        (IN_PROBE.format("os._exit(0)"), "broken", "exit code 0 in its import or probe"),
        (IN_PROBE.format("return None"), "broken", "'NoneType' object is not iterable"),
        (IN_PROBE.format("print('noise', flush=True); return []"), "available", ""),
        (
            IN_PROBE.format("os.write(int(sys.argv[sys.argv.index('--replies') + 1]), b'hi\\n'); return []"),
            "broken",
            "it wrote not a JSON line: b'hi' where answers belong",
        ),
        (
            IN_PROBE.format("os.write(2, b'x' * 300000 + b'\\nlibchip: out of memory\\n'); os.abort()"),
            "broken",
            "killed by SIGABRT in its import or probe: libchip: out of memory",
        ),
    ],
)
def test_whatever_it_does_is_a_record(tmp_path: Path, code: str, status: str, reason: str) -> None:
    before = descriptors_of(os.getpid())
    # Only what hangs meets the deadline; on a busy machine the others need seconds to start.
    report = survey(backend(tmp_path, code), timeout=1 if "1 s" in reason else 20).report
    assert (report.name, report.distribution, report.status) == ("b", "strange 1", status)
    assert reason in report.reason
    assert descriptors_of(os.getpid()) == before


def test_a_backend_that_hangs_judging_a_model_is_still_available(tmp_path: Path) -> None:
    hung = survey(backend(tmp_path, GOOD.replace("return None if", "while True: None if")), [boxes_model(tmp_path)], 2)
    assert (hung.report.status, hung.refusals) == ("available", ())


def test_several_are_asked_side_by_side(tmp_path: Path) -> None:
    """Each waits until the others have started, so that one after the other none would answer."""
    meet = IN_PROBE.format("""
            import pathlib
            here = pathlib.Path(__file__).parent
            (here / str(os.getpid())).mkdir()
            while sum(p.name.isdecimal() for p in here.iterdir()) < 3: time.sleep(0.01)
            return []
    """)
    one = backend(tmp_path, meet)
    assert [said.report.status for said in survey_all([one] * 3)] == ["available"] * 3


def test_discovery_imports_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    distribution(tmp_path, "evil", "[vedette.backends]\nevil = evil_module:B\n")
    (tmp_path / "evil_module.py").write_text("import os; os.abort()")
    monkeypatch.syspath_prepend(tmp_path)
    assert discover()["evil"] == Registered("evil", "evil_module:B", "evil 1.0")
    assert "evil_module" not in sys.modules


@pytest.mark.parametrize("damage", ["no metadata", "no equals sign"])
def test_damaged_metadata_costs_its_own_package_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    distribution(tmp_path, "good", "[vedette.backends]\ngood = good:B\n")
    text = "[vedette.backends]\nhalf\n" if damage == "no equals sign" else "[vedette.backends]\nhalf = half:B\n"
    broken = distribution(tmp_path, "half", text)
    if damage == "no metadata":
        (broken / "METADATA").unlink()
    monkeypatch.syspath_prepend(tmp_path)
    assert {"good", "openvino"} <= discover().keys()


def distribution(folder: Path, name: str, entry_points: str) -> Path:
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(entry_points)
    return info


def test_backends_d_adds_and_overrides(drop_ins: Path, tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.symlink_to(sys.executable)
    (drop_ins / "mine.yaml").write_text(f"entry_point: my.chip:Mine\npath: [{tmp_path}]\noptions: {{clock: max}}\n")
    (drop_ins / "openvino.yaml").write_text(f"interpreter: {python}\n")
    known = discover()
    assert known["mine"] == Registered(
        "mine", "my.chip:Mine", str(drop_ins / "mine.yaml"), sys.executable, (str(tmp_path),), {"clock": "max"}
    )
    assert known["openvino"].entry_point == "backends.openvino:OpenVINO"
    assert known["openvino"].interpreter == str(python)
    assert known["openvino"].foreign


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("chip", "interpeter: /usr/bin/python3\n", "chip.yaml:1:1: interpeter: unknown key; did you mean interpreter?"),
        (
            "chip",
            "entry_point: a:B\ninterpreter: python3\n",
            "chip.yaml:2:1: interpreter: 'python3' is not an absolute",
        ),
        ("chip", "entry_point: a:B\n1: a\n", "chip.yaml:2:1: 1: unknown key"),
        ("chip", "interpreter: /no/such/python\n", "chip.yaml:1:1: interpreter: '/no/such/python' is not a program"),
        ("chip", "interpreter: /etc/passwd\n", "is not a program that can be run here"),
        ("chip", "entry_point: chip.Mine\n", "chip.yaml:1:1: entry_point: 'chip.Mine' is not of the form module:Class"),
        ("chip", "entry_point: 3\n", "chip.yaml:1:1: entry_point: 3 is not text"),
        ("chip", "entry_point: a:B\npath: /opt\n", "chip.yaml:2:1: path: '/opt' is not a list of folders"),
        ("chip", "entry_point: a:B\npath: [opt]\n", "chip.yaml:2:1: path: 'opt' is not an absolute path"),
        ("chip", "entry_point: a:B\npath: [/no/such]\n", "chip.yaml:2:1: path: '/no/such' is not a folder here"),
        ("chip", "entry_point: a:B\noptions: fast\n", "chip.yaml:2:1: options: 'fast' is not a mapping of options"),
        ("chip", "entry_point: a:B\noptions: {a: [1]}\n", "chip.yaml:2:1: options: a: [1] is neither text, number"),
        ("chip", "entry_point: a:B\noptions: {a b: 1}\n", "chip.yaml:2:1: options: 'a b' is not the name of an option"),
        ("chip", "- a\n", "chip.yaml:1:1: must be a mapping"),
        ("chip", "a: [\n", "chip.yaml:2:1: is not YAML"),
        ("chip", "entry_point: a:B\nentry_point: a:C\n", "chip.yaml:2:1: entry_point: is there twice"),
        ("chip", "", "chip.yaml:1:1: says nothing"),
        ("chip", "path: [/]\n", "no installed backend is called 'chip'"),
        ("chip", "#" * 70000, "chip.yaml: more than 65536 bytes"),
        ("my chip", "entry_point: a:B\n", "'my chip' is not a name"),
    ],
)
def test_a_wrong_file_in_backends_d_is_a_broken_record(drop_ins: Path, name: str, text: str, complaint: str) -> None:
    (drop_ins / f"{name}.yaml").write_text(text)
    found = discover()[name]
    report = survey(found).report
    assert report.status == "broken"
    assert complaint in report.reason
    assert str(drop_ins) in report.reason


def test_a_named_pipe_in_backends_d_is_not_waited_for(drop_ins: Path) -> None:
    os.mkfifo(drop_ins / "chip.yaml")
    assert discover()["chip"].error == f"{drop_ins / 'chip.yaml'}: is not a regular file"


def test_every_mistake_of_a_file_at_once(drop_ins: Path) -> None:
    (drop_ins / "chip.yaml").write_text("interpreter: python\nentry_point: chip\npaths: [a]\n")
    assert len(discover()["chip"].error.splitlines()) == 3


def test_a_file_that_cannot_be_read_is_a_record(drop_ins: Path) -> None:
    (drop_ins / "chip.yaml").symlink_to("/no/such/file")
    assert "cannot be read" in discover()["chip"].error


def test_a_fifo_is_a_record_and_is_not_waited_for(drop_ins: Path) -> None:
    os.mkfifo(drop_ins / "chip.yaml")
    assert discover()["chip"].error == f"{drop_ins / 'chip.yaml'}: is not a regular file"


def test_an_interpreter_that_is_none_is_a_record(tmp_path: Path) -> None:
    for program, reason in [("/no/such/python", "cannot start"), ("/bin/false", "does not run the worker: exit code")]:
        report = survey(Registered("b", "strange:B", "x", program)).report
        assert report.status == "broken"
        assert reason in report.reason


def test_a_worker_imports_nothing_from_the_working_directory(tmp_path: Path) -> None:
    """Also in Python 3.10, which does not know PYTHONSAFEPATH."""
    (tmp_path / "argparse.py").write_text("raise SystemExit('run from the working directory')")
    program = Registered("b", "strange:B", "strange 1")
    environment = {key: value for key, value in program.environment().items() if key != "PYTHONSAFEPATH"}
    asked = [*program.command(0, 1)[:-2], "--help"]
    done = subprocess.run(asked, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("usage: backends.worker"), done.stderr


def test_another_interpreter_does_not_see_our_packages(tmp_path: Path) -> None:
    """A virtual environment without anything in it; one of another Python, with numpy: tests/slow/plugin."""
    venv.create(tmp_path / "bare")
    python = tmp_path / "bare/bin/python"
    report = survey(Registered("fake", "backends.testing.fake:Fake", "x", str(python))).report
    assert report.status == "broken"
    assert "No module named 'numpy'" in report.reason
    assert report.hint == "it must be Python 3.10 or newer, with numpy"


def test_a_module_of_ours_runs_in_an_interpreter_that_has_nothing_of_ours(tmp_path: Path) -> None:
    """As a worker's own children need it."""
    venv.create(tmp_path / "bare")
    words = bridge.command(str(tmp_path / "bare/bin/python"), "backends.models.bounds")
    assert subprocess.run(words, cwd=tmp_path, timeout=20, check=False).returncode == 0
