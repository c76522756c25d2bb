"""What the pages show as output: each line of it is one of these, and `tests/slow/docs` sees each of these come."""

from __future__ import annotations

import re

_EVENT = r"[0-9a-f]{12}-\d+"
OUTPUTS: dict[str, tuple[str, ...]] = {
    "vedette status": (
        r"gate-pi  vedette \S+  pid \d+  up \d+ s  \d+ MB  broker connected, \d+ sent",
        r"camera +status +fps in +inferred +dropped +decoder",
        r"gate +online +[\d.]+ +[\d.]+ +(0|(\w+:\d+ ?)+) +\w+ software",
        r"engine +state +p50 ms +p99 ms +restarts",
        r"openvino-person +serving +[\d.]+ +[\d.]+ +\d+",
    ),
    "vedette doctor": (
        r"(ok  |warn|FAIL|-   )  [a-z]{2,11} +\S.*",
        r" {19}fix: \S.*",
        r"\d+ faults?(, \d+ warnings?)?",
    ),
    "vedette demo": (
        r"broker mosquitto on 127\.0\.0\.1:\d+, model person, clip bikes\.mp4",
        r"cam/street/status +(online|ended)",
        r'engine/openvino-person/status \{"state":"serving","backend":"openvino",.*',
        r"cam/street/detections +frame +\d+ person 0\.\d\d \[.*\]",
        r'cam/street/count/person +\{"count":1,"stale":false,"at":".*"\}',
        rf"snapshot/{_EVENT} +JPEG of \d+ kB",
        rf"events +{_EVENT} vedette\.track\.started person {_EVENT}",
        rf"events +{_EVENT} vedette\.track\.ended person {_EVENT} (left|lost) [\d.]+ s",
        r"status +offline",
        r"\d+ detections messages, \d+ x person; capture to publish p50 [\d.]+ ms",
    ),
}


def output_of(text: str) -> str | None:
    """The command whose output the text looks like."""
    lines = [line for line in text.splitlines() if line.strip()]
    for command, patterns in OUTPUTS.items():
        if all(any(re.fullmatch(pattern, line) for pattern in patterns) for line in lines):
            return command
    return None


def missing(command: str, text: str) -> list[str]:
    """Patterns of a command that no line of its real output matches."""
    lines = text.splitlines()
    return [pattern for pattern in OUTPUTS[command] if not any(re.fullmatch(pattern, line) for line in lines)]
