"""Who runs each command that the pages have a user type: a test, or nobody here, and then why."""

from __future__ import annotations

import re

import pytest

from tests.support.pages import BLOCKS, PAGES, ROOT, commands, spans
from tests.support.shell_words import PROGRAMS, program_of

SNIPPETS, FLEET, PLUGIN = "tests/slow/docs/test_snippets.py", "tests/unit/tools/fleet", "tests/contract/backends"
INSTALL, SYSTEMD, DEB = "tests/slow/install", "tests/slow/systemd", "tests/slow/deb"
CI = ".ci/run"
RUN_BY = {
    r"vedette bench.*": "tests/slow/backends/test_pipeline_bench.py",
    r"vedette models pull .*": INSTALL,
    r"vedette models export .*": "tests/slow/export",
    r"vedette .*": SNIPPETS,
    r"mosquitto_(sub|pub) .*": SNIPPETS,
    r"sh certificates.sh .*|sed .*": FLEET,
    r"(systemctl|journalctl) .*": SYSTEMD,
    r"(chmod|chown) .*": SYSTEMD,
    r"apt (remove|purge|install \./).*": DEB,
    r"pip install --no-index .*|make (deb|dist|wheelhouse)": DEB,
    r"apt update|apt install (?!python3-libnvinfer|python3-picamera2).*": INSTALL,
    r"pip install tensorrt": INSTALL,
    r"make (install|run)": INSTALL,
    r"make (test|test-(arm64|deb|delivery|faults|hotconfig|systemd|tensorrt))": CI,
    r"pip install (\.|pytest)|python -m pytest test_edges.py|python -c .*boxes_model.*|echo .*hang.*": PLUGIN,
    r"pip install .*(ultralytics|onnx2tf).*|pip install vedette\[export\]|python3 -m venv .*": "tests/slow/export",
    r"python -m tests\.fleet_sim .*": "tests/slow/fleet",
    r"python -m tests\.support\.load": FLEET,
    r"python -m tests\.support\.mqtt_docs": "tests/unit/test_asyncapi.py",
    r"gst-launch-1.0 .*": "tests/contract/sources/test_gst_docs.py",
}
"""The first that matches a command."""
BY_HAND = {
    r"nano .*": "an editor: the tests write what it is to write",
    r"lsusb|grep -e 1a6e.*": "there is no Coral",
    r"nvpmodel -q|apt install python3-libnvinfer": "there is no Jetson",
    r"apt install python3-picamera2": "only Raspberry Pi OS has it; its pip package is run by tests/slow/picamera2",
    r"edgetpu_compiler .*": "Google's, not to be had from a package registry",
    r"pip install NAME": "a plug-in of the reader's; tests/slow/plugin installs the example",
    r"make bench|python -m tests\.bench\..*": "minutes of measuring: by hand, before figures are published",
    r"make test-(soak|homeassistant|v4l2)|python -m tests\.slow\.soak\.draw": "hours, or a kernel module: by hand",
    r"make test-telegraf": "Telegraf is in no package registry: by hand",
}


def typed() -> list[str]:
    texts = [block.text for block in BLOCKS if block.language == "sh"]
    texts += [span for page in PAGES for span in spans(page.read_text()) if " " in span and _is_typed(span)]
    return sorted({_plain(words) for text in texts for words in commands(text)})


def _is_typed(span: str) -> bool:
    first, *more = span.removeprefix("sudo ").split()
    return len(more) > (first == "apt") and program_of(first) in PROGRAMS


def _plain(words: list[str]) -> str:
    return re.sub(r"^python -m pip", "pip", " ".join([program_of(words[0]), *words[1:]]))


@pytest.mark.parametrize("command", typed())
def test_somebody_runs_it(command: str) -> None:
    runner = next((runner for pattern, runner in RUN_BY.items() if re.fullmatch(pattern, command)), None)
    excused = [why for pattern, why in BY_HAND.items() if re.fullmatch(pattern, command)]
    assert bool(runner) != bool(excused), f"{command}: no test runs it; say in this file who does, or why nobody can"
    assert runner is None or (ROOT / runner).exists()


@pytest.mark.parametrize("pattern", [*RUN_BY, *BY_HAND])
def test_no_rule_is_left_over(pattern: str) -> None:
    assert [command for command in typed() if re.fullmatch(pattern, command)]
