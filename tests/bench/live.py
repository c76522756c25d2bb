"""How old a result is when a subscriber has it, from the moment the camera sent the picture.

    python -m tests.bench.live [--model yolo11s.onnx --precision bf16] [--seconds 60] [--json]

The camera is a process of its own (MJPEG over HTTP, H.264 over RTSP), 30 pictures a second, and says when it sent
each. Which of them a message is about follows from the rhythm of sending (tests/bench/alignment.py); before each
measurement that is put to the proof with the counter burned into the pictures. Service time is scaling plus
inference, each its median; the head is left out, which makes the ratios larger, not smaller. `quiet` leaves out
what fell into seconds in which others kept the machine busy; `all` is everything.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from agent.capture.camera import Camera
from agent.capture.mailbox import Mailbox
from agent.config.model import CameraConfig
from agent.dispatch.letterbox import Placement
from agent.dispatch.scaler import Scaler
from agent.tools.testbed import Run, percentiles
from backends.models import store
from backends.models.resolve import open_artifact
from tests.bench.alignment import align
from tests.bench.quiet import others
from tests.support.clips import film, scene, write_clip
from tests.support.counter import read_counter
from tests.support.direct import Direct
from tests.support.servers import MJPEG_URL, RTSP_URL, CameraServer, mjpeg_server, rtsp_missing, rtsp_server
from tests.support.staged import staged
from tests.support.synthetic import slow_network

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.capture.frame import Picture
    from agent.publish.message import Message
    from tests.bench.alignment import Alignment

VTEST = Path(__file__).parents[3] / "shared" / "data" / "videos" / "vtest.avi"
FPS, PICTURES, JITTER = 30, 240, 0.008
PROOF_SECONDS, SETTLE_SECONDS, WARM_SECONDS = 5.0, 1.0, 3.0
BARS = {"mjpeg": (1.35, 1.9), "rtsp-h264": (1.45, 2.1)}
GROWTH = 1.1
SLOW_MS = 68
FEWEST = 200


class Recorded(CameraServer):
    """history: counter and time of each picture ever sent, in order."""

    def __init__(self, command: list[str], url: str) -> None:
        self.history: list[tuple[int, float]] = []
        super().__init__(command, url)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            counter, sent = line.split()
            self.history.append((int(counter), float(sent)))

    def since(self, start: float) -> tuple[np.ndarray, np.ndarray]:
        """Counters and times of what was sent after `start`."""
        rows = [row for row in list(self.history) if row[1] >= start]
        return np.array([counter for counter, _ in rows]), np.array([sent for _, sent in rows])


def prove(server: Recorded, kind: str) -> dict[str, Any]:
    """Aligns a short run of our own Camera by rhythm, then compares with the counters in its pictures."""
    seen: list[tuple[int, float, int | None]] = []
    pictures: list[Picture] = []

    def take() -> None:
        frame = mailbox.take()
        if frame is not None:
            seen.append((frame.index, frame.monotonic, read_counter(frame.picture.y)))
            pictures[:] = [frame.picture]

    mailbox = Mailbox(take, wait=False)
    camera = Camera(CameraConfig(id="proof", source=server.url, kind=kind, hwaccel="none"), mailbox)
    start = time.monotonic()
    camera.start()
    time.sleep(PROOF_SECONDS)
    camera.stop()
    camera.join(6)
    counters, sent = server.since(start)
    # What piled up while the connection was made is older than usual at first.
    steady = [row for row in seen if row[1] > seen[0][1] + SETTLE_SECONDS]
    index, at, burned = (np.array(column) for column in zip(*steady, strict=True))
    found = align(sent, index, at)
    wrong = int((counters[found.place] != burned).sum())
    if wrong:
        raise SystemExit(f"{wrong} of {len(index)} pictures are not the ones the alignment says")
    return {
        "pictures": len(index),
        "wrong": wrong,
        **_fit(found),
        "pickup_ms": percentiles((at - sent[found.place]) * 1e3),
        "picture": pictures[0],
    }


def _fit(found: Alignment) -> dict[str, Any]:
    return {
        "misfit_ms": round(found.misfit * 1e3, 2),
        "rival_ms": round(found.rival * 1e3, 2),
        "left_out_by_the_server": found.left_out,
    }


def scaling_ms(picture: Picture, model: str) -> float:
    spec = store.find(model).input
    scaler = Scaler(spec.width, spec.height, spec.resize, spec.pad)
    image = np.empty((spec.height, spec.width, 3), np.uint8)
    times = []
    for _ in range(60):
        before = time.perf_counter()
        scaler.scale(picture, 0, image)
        times.append((time.perf_counter() - before) * 1e3)
    return float(np.median(times))


def measure(server: Recorded, kind: str, model: str, mode: str, seconds: float) -> dict[str, Any]:
    proof = prove(server, kind)
    scaling = scaling_ms(proof.pop("picture"), model)
    start = time.monotonic()
    with Run(model, server.url, {"timeout": 5}, {"mode": mode}) as run:
        time.sleep(WARM_SECONDS)
        with others() as busy:
            first = len(run.messages)
            figures = run.measure(seconds)
            window = run.messages[first:]
        status = run.status()
    bodies = [(message, json.loads(message.payload)) for message in window]
    answered = [(message, body) for message, body in bodies if body["inferred"]]
    offset = time.time() - time.monotonic()
    index = np.array([body["frame"]["index"] for _, body in answered])
    captured = np.array([_epoch(body["frame"]["captured_at"]) for _, body in answered]) - offset
    _, sent = server.since(start)
    found = align(sent, index, captured)
    born = sent[found.place]
    calm = ~busy.loud(born, np.array([message.at for message, _ in answered]))
    return {
        "quiet": _ages(answered, born, captured, scaling, calm),
        "all": _ages(answered, born, captured, scaling, np.ones(len(born), bool)),
        "fps": figures["fps"],
        "overtaken": int(np.ptp(index)) + 1 - len(index),
        "unknown": len(bodies) - len(answered),
        "drops": status["cameras"]["bench"]["drops"],
        "alignment": _fit(found),
        "proof": proof,
        "cpu_ms": {"daemon": figures["daemon_cpu_ms"], "worker": figures["worker_cpu_ms"]},
        "engine": figures["engine"],
        "cores_used_by_others": busy.cores,
    }


def _ages(
    answered: Sequence[tuple[Message, Any]],
    born: np.ndarray,
    captured: np.ndarray,
    scaling: float,
    chosen: np.ndarray,
) -> dict[str, Any] | None:
    """Of the chosen messages; None where they are too few."""
    if chosen.sum() < FEWEST:
        return None
    born, captured = born[chosen], captured[chosen]
    messages = [one for one, pick in zip(answered, chosen, strict=True) if pick]
    at = np.array([message.at for message, _ in messages])
    of = {key: np.array([body["latency_ms"][key] for _, body in messages]) for key in ("queue", "inference", "total")}
    age = (at - born) * 1e3
    service = scaling + float(np.median(of["inference"]))
    quarter = len(age) // 4
    p = percentiles(age)
    return {
        "messages": len(age),
        "age_ms": p,
        "service_ms": round(service, 2),
        "ratio": {key: round(value / service, 3) for key, value in p.items()},
        "growth": round(float(np.median(age[-quarter:]) / np.median(age[:quarter])), 3),
        "parts_ms": {
            "sent_to_captured": percentiles((captured - born) * 1e3),
            "captured_to_inference": percentiles(of["queue"]),
            "inference": percentiles(of["inference"]),
            "head_to_publish": percentiles(of["total"] - of["queue"] - of["inference"]),
            "publish_to_subscriber": percentiles((at - captured) * 1e3 - of["total"]),
        },
    }


def _epoch(iso: str) -> float:
    return dt.datetime.fromisoformat(iso.replace("Z", "+00:00")).timestamp()


def verdict(name: str, figures: dict[str, Any]) -> list[str]:
    """The bars that were missed, in words; judged by the messages of quiet seconds where there are any."""
    middle, most = BARS[name]
    judged = figures["quiet"] or figures["all"]
    ratio = judged["ratio"]
    return [
        f"{name}: {what} {value} > {bar}"
        for what, value, bar in (
            ("p50", ratio["p50"], middle),
            ("p99", ratio["p99"], most),
            ("growth", judged["growth"], GROWTH),
        )
        if value > bar
    ]


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="one slower than the camera; default: a network of random numbers")
    parser.add_argument("--precision", choices=["f32", "bf16"], default="f32")
    parser.add_argument("--mode", choices=["auto", "latency", "throughput"], default="auto")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--only", choices=sorted(BARS), action="append")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(argv)
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="vedette-live-") as name:
        folder = Path(name)
        model = staged(options.model or str(_slow(folder)), folder / "m", precision=options.precision)
        for way in options.only or BARS:
            if way == "rtsp-h264" and rtsp_missing():
                sys.stderr.write(f"SKIPPED {way}: {rtsp_missing()}\n")
                results[way] = {"skipped": rtsp_missing()}
                continue
            server = _server(way, folder)
            try:
                results[way] = measure(
                    server, "rtsp" if way.startswith("rtsp") else "http", str(model), options.mode, options.seconds
                )
            finally:
                server.kill()
            if not options.json:
                print(way, json.dumps(results[way], indent=1), flush=True)
    if options.json:
        print(json.dumps(results))
    missed = [line for way, figures in results.items() if "skipped" not in figures for line in verdict(way, figures)]
    sys.stderr.write("".join(f"MISSED {line}\n" for line in missed))
    return 0


def _slow(folder: Path) -> Path:
    """A network of about 70 ms on this machine, so that the ratios compare between machines."""
    few = 4
    artifact = open_artifact(slow_network(folder / "probe", few))
    engine, times = Direct(artifact), []
    image = np.zeros((artifact.input.height, artifact.input.width, 3), np.uint8)
    for _ in range(20):
        before = time.perf_counter()
        engine.detect(image, Placement(0, 0, image.shape[1], image.shape[0]), 0.5)
        times.append((time.perf_counter() - before) * 1e3)
    return slow_network(folder / "slow", max(1, round(few * SLOW_MS / min(times))))


def _server(way: str, folder: Path) -> Recorded:
    pictures = film(VTEST) if VTEST.exists() else scene(768, 576)
    if way == "mjpeg":
        clip = write_clip(folder / "clip.avi", pictures, frames=PICTURES, fps=FPS, codec="mjpeg")
        return Recorded(mjpeg_server(clip, "--jitter", str(JITTER), fps=FPS), MJPEG_URL)
    clip = write_clip(folder / "clip.mp4", pictures, frames=PICTURES, fps=FPS)
    return Recorded(rtsp_server(clip, "--jitter", str(JITTER), fps=FPS), RTSP_URL)


if __name__ == "__main__":
    sys.exit(main())
