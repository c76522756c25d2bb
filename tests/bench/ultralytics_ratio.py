"""Frames a second of the whole pipeline, published to a broker, over Ultralytics' `predict` on the same export.

    python -m tests.bench.ultralytics_ratio --python /path/to/venv/bin/python --model yolo11n_openvino_model --size 640

Both sides run the same files in OpenVINO on the same clip, in turns. Ultralytics leaves the precision to OpenVINO,
which takes bf16 where the CPU has it; --precision sets that of both sides, so that like is compared with like.
A round in which others kept the machine busy is done again.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from agent.tools.testbed import Run
from tests.bench.live import VTEST
from tests.bench.quiet import QUIET, others
from tests.support.staged import staged

if TYPE_CHECKING:
    from collections.abc import Sequence

BARS = {640: 1.10, 320: 1.25}


def pipeline(model: Path, clip: Path, mode: str, seconds: float) -> dict[str, Any]:
    with Run(str(model), clip.resolve(), {"pace": "max", "loop": True}, {"mode": mode}) as run:
        figures = run.measure(seconds)
        engine = next(iter(run.status()["engines"].values()))
    return {**figures, "precision": engine["precision"], "streams": engine["streams"]}


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", required=True, help="an interpreter that has ultralytics and openvino")
    parser.add_argument("--model", required=True, help="folder of an OpenVINO export")
    parser.add_argument("--size", type=int, required=True, help="the export's input size")
    parser.add_argument("--precision", choices=["f32", "bf16"], default="bf16")
    parser.add_argument("--mode", choices=["auto", "latency", "throughput"], default="auto")
    parser.add_argument("--clip", type=Path, default=VTEST)
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(argv)
    rows = []
    command = [
        options.python, "-W", "ignore", str(Path(__file__).with_name("ultralytics_predict.py")),
        "--model", str(Path(options.model).resolve()), "--clip", str(options.clip.resolve()),
        "--size", str(options.size), "--seconds", str(options.seconds), "--precision", options.precision,
    ]  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="vedette-ratio-") as folder:
        model = staged(options.model, Path(folder), precision=options.precision)
        for _ in range(3 * options.rounds):
            with others() as busy:
                child = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
                if child.returncode:
                    raise SystemExit(child.stderr[-2000:])
                theirs = json.loads(child.stdout.splitlines()[-1])
                ours = pipeline(model, options.clip, options.mode, options.seconds)
            rows.append({"ours": ours, "theirs": theirs, "others": busy.cores})
            print(json.dumps(rows[-1]), file=sys.stderr)
            if sum(row["others"] <= QUIET for row in rows) >= options.rounds:
                break
    rows = [row for row in rows if row["others"] <= QUIET][: options.rounds] or rows
    ratios = [row["ours"]["fps"] / row["theirs"]["fps"] for row in rows]
    result = {
        "ratio": round(median(ratios), 3),
        "ratios": [round(ratio, 3) for ratio in ratios],
        "bar": BARS.get(options.size),
        "fps": {side: [row[side]["fps"] for row in rows] for side in ("ours", "theirs")},
        "precision": {side: rows[0][side]["precision"] for side in ("ours", "theirs")},
        "engine": rows[0]["ours"]["engine"],
        "cores_used_by_others": [row["others"] for row in rows],
    }
    print(json.dumps(result) if options.json else json.dumps(result, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
