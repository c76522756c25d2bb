"""What the motion gate costs and what it saves, on real clips and on pictures composed of them.

    python -m tests.bench.gate [--cost | --scenes] [--frigate CHECKOUT --python VENV/bin/python]

cost: CPU of motion per frame inside a decode loop, at rest and with people, beside that of Frigate's detector where a
checkout of it and a Python with av, numpy, opencv and scipy are named; the ratio of an idle camera's whole way to
decoding alone, in turns. scenes: the share of frames inferred, and of the track-seconds kept, on identical detections.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from fractions import Fraction
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import av
import cv2
import numpy as np

from agent.capture.camera import Camera
from agent.capture.mailbox import Mailbox
from agent.capture.motion import MotionWatch
from agent.capture.opening import open_source
from agent.config.model import CameraConfig, MotionConfig
from agent.perception.gate import Gate
from backends.models import catalog, store
from backends.models.resolve import open_artifact
from tests.support.direct import Direct
from tests.support.staged import staged

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

DATA = Path(__file__).parents[3] / "shared" / "data"
PEOPLE, CARS = DATA / "videos" / "vtest.avi", DATA / "videos" / "car-detection.mp4"
SIZES = {"720p": (1280, 720), "1080p": (1920, 1080), "4K": (3840, 2160)}
CAMERA = {"preset": "veryfast", "tune": "zerolatency", "crf": "23"}
NOISE = 2.0
"""Grey levels of the noise added before encoding: what vtest.avi itself shows where nothing moves is 1 to 2."""
IDLE, SETTLED = 600, 100
"""Frames of an idle camera, and the first of them that do not count."""
SEGMENT = 10
"""Seconds of the clip between two stretches of the same length without anybody."""


def i420(clip: Path) -> list[NDArray[np.uint8]]:
    """All its pictures, each (height * 3 / 2, width)."""
    with av.open(str(clip)) as container:
        return [frame.reformat(format="yuv420p").to_ndarray() for frame in container.decode(video=0)]


def empty(pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """The scene without anybody: the median over time."""
    background: NDArray[np.uint8] = np.median(np.stack(pictures[::16]), axis=0).astype(np.uint8)
    return background


def noisy(picture: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    random = np.random.default_rng(0)
    grain = random.normal(0, NOISE, (picture.shape[0] + 64, picture.shape[1] + 64)).round().astype(np.int16)
    while True:
        y, x = random.integers(0, 64, 2)
        moved = grain[y : y + picture.shape[0], x : x + picture.shape[1]]
        yield np.clip(picture + moved, 0, 255).astype(np.uint8)


def encode(path: Path, pictures: Iterator[NDArray[np.uint8]], size: tuple[int, int], fps: int) -> Path:
    """H.264 as a camera encodes it, a key picture each two seconds."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps, options=CAMERA)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.gop_size = 2 * fps
        for n, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
            frame.pts, frame.time_base = n, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def enlarged(pictures: Iterator[NDArray[np.uint8]], size: tuple[int, int]) -> Iterator[NDArray[np.uint8]]:
    width, height = size
    for picture in pictures:
        rows, columns = picture.shape[0] * 2 // 3, picture.shape[1]
        planes = [picture[:rows], *picture[rows:].reshape(2, rows // 2, columns // 2)]
        large = [
            cv2.resize(plane, (width // n, height // n)).reshape(-1, width)
            for plane, n in zip(planes, (1, 2, 2), strict=True)
        ]
        yield np.concatenate(large).astype(np.uint8)


def pictures_of(clip: Path) -> Iterator[tuple[NDArray[np.uint8], float]]:
    """The daemon's own decoding: Y planes and their media time."""
    source = open_source(CameraConfig(id="b", source=str(clip), kind="file", pace="max", hwaccel="none"), bool)
    for n, decoded in enumerate(source.frames()):
        yield decoded.picture.y, n / 25
    source.close()


def cost(clip: Path, rounds: int) -> tuple[float, float, float, float]:
    """Milliseconds of CPU per frame: decoding alone, with motion beside it, the difference, motion's own thread time.

    Medians over rounds that take turns; the thread time is that of the calls within the decode loop.
    """
    rows = []
    for _ in range(rounds):
        began = time.process_time()
        frames = sum(1 for _ in pictures_of(clip))
        alone = time.process_time() - began
        watch, own = MotionWatch(), 0.0
        began = time.process_time()
        for y, at in pictures_of(clip):
            start = time.thread_time()
            watch.look(y, at)
            own += time.thread_time() - start
        both = time.process_time() - began
        rows.append([1e3 * value / frames for value in (alone, both, both - alone, own)])
    alone, both, difference, own = (median(column) for column in zip(*rows, strict=True))
    return alone, both, difference, own


def idle_camera(clip: Path) -> tuple[float, float, int]:
    """CPU milliseconds of a frame in real time: decoding alone, and the whole way with the gate; how many looks.

    Without the first SETTLED frames, in which the camera is opened and the gate learns how much its picture flickers.
    """
    return decoding(clip), *watching(clip)


def decoding(clip: Path) -> float:
    source = open_source(CameraConfig(id="b", source=str(clip), kind="file", pace="max", hwaccel="none"), bool)
    before, start, n = 0.0, time.monotonic(), 0
    for n, _ in enumerate(source.frames()):
        if n == SETTLED:
            before = time.process_time()
        time.sleep(max(0.0, start + n / 25 - time.monotonic()))
    source.close()
    return 1e3 * (time.process_time() - before) / (n - SETTLED)


def watching(clip: Path) -> tuple[float, int]:
    awake = threading.Event()
    mailbox = Mailbox(awake.set, wait=False)
    config = CameraConfig(id="b", source=str(clip), kind="file", hwaccel="none", motion=MotionConfig(enabled=True))
    camera, gate, looks, nobody = Camera(config, mailbox), Gate(), 0, np.empty((0, 4), np.float32)
    first, before = 0, 0.0
    camera.start()
    while camera.status(time.monotonic()).state != "ended":
        awake.wait(0.5)
        awake.clear()
        if not first and camera.frames >= SETTLED:
            first, before, looks = camera.frames, time.process_time(), 0
        frame = mailbox.take()
        if frame is not None and frame.motion is not None:
            motion = frame.motion
            mailbox.doze = not gate.wants(frame.media_time, motion.boxes, [], nobody, unsettled=motion.unsettled)
            if not mailbox.doze:
                looks += 1
                gate.looked(frame.media_time, [], tentative=False)
    spent, frames = time.process_time() - before, camera.frames - first
    camera.join(5)
    return 1e3 * spent / frames, looks


def frigate(command: Sequence[str], clip: Path) -> tuple[float, float]:
    """Milliseconds of CPU per frame of Frigate's detector, and without its contrast step."""
    child = subprocess.run([*command, str(clip)], capture_output=True, text=True, timeout=300, check=False)
    if child.returncode:
        raise SystemExit(child.stderr[-2000:])
    whole, plain = json.loads(child.stdout.splitlines()[-1])[str(clip)]
    return whole, plain


def costs(folder: Path, rounds: int, peer: Sequence[str]) -> None:
    """peer: the command that measures Frigate's detector on the clip it is given, or nothing."""
    pictures = i420(PEOPLE)[:200]
    still = empty(i420(PEOPLE))
    header = f"{'clip':<14}{'decode ms':>10}{'+ motion':>10}{'difference':>12}{'motion alone':>14}"
    print(header + (f"{'Frigate':>12}{'no contrast':>14}  (times motion alone)" if peer else ""))
    for name, size in SIZES.items():
        frames = 100 if name == "4K" else 200
        for scene in ("at rest", "people"):
            of = (picture for _, picture in zip(range(frames), noisy(still), strict=False))
            clip = encode(
                folder / f"{name}-{scene}.mp4",
                enlarged(of if scene == "at rest" else iter(pictures[:frames]), size),
                size,
                25,
            )
            alone, both, difference, own = cost(clip, rounds)
            row = f"{name + ' ' + scene:<14}{alone:>10.3f}{both:>10.3f}{difference:>12.3f}{own:>14.3f}"
            if peer:
                turns = [(cost(clip, 1)[3], *frigate(peer, clip)) for _ in range(rounds)]
                row += f"{median(their / mine for mine, their, _ in turns):>12.1f}"
                row += f"{median(plain / mine for mine, _, plain in turns):>14.1f}"
            print(row, flush=True)
    for name in ("720p", "1080p"):
        of = (picture for _, picture in zip(range(IDLE), noisy(still), strict=False))
        clip = encode(folder / f"{name}-idle.mp4", enlarged(of, SIZES[name]), SIZES[name], 25)
        rows = [idle_camera(clip) for _ in range(rounds)]
        ratios = [whole / alone for alone, whole, _ in rows]
        print(
            f"idle camera, {name} at 25 fps: {median(ratios):.3f} of decoding alone "
            f"({min(ratios):.3f} to {max(ratios):.3f}), {rows[0][2]} looks in {(IDLE - SETTLED) // 25} s",
            flush=True,
        )


def half_empty(folder: Path) -> Path:
    """The clip, with nobody there for every other ten seconds."""
    pictures, fps = i420(PEOPLE), 10
    blank = noisy(empty(pictures))
    size = (pictures[0].shape[1], pictures[0].shape[0] * 2 // 3)

    def in_turns() -> Iterator[NDArray[np.uint8]]:
        for first in range(0, len(pictures), SEGMENT * fps):
            part = pictures[first : first + SEGMENT * fps]
            for _ in part:
                yield next(blank)
            yield from part

    return encode(folder / "half-empty.mp4", in_turns(), size, fps)


def engine(model: str, folder: Path) -> Direct:
    if model != "yolox-nano":
        return Direct(open_artifact(staged(model, folder / model)))
    facts = {key: value for key, value in catalog.models()[model].sidecar.items() if key != "sha256"}
    return Direct(open_artifact(staged(str(DATA / "models" / "yolox_nano.onnx"), folder / model, **facts)))


def scenes(folder: Path) -> None:
    from tests.support.gating import follow, kept, read

    bikes = store.clip("bikes", lambda *_: None)
    road = ("person", "bicycle", "car", "motorcycle", "bus", "truck")
    rows: list[tuple[Path, str, Sequence[str]]] = [
        (PEOPLE, "person", ("person",)),
        (half_empty(folder), "person", ("person",)),
        (CARS, "yolox-nano", road),
        (bikes, "yolox-nano", road),
    ]
    print(f"{'clip':<20}{'frames':>7}{'inferred':>10}{'track-s':>9}{'kept':>8}{'confirmed':>11}{'tracks':>12}")
    for clip, model, labels in rows:
        looker = engine(model, folder)
        classes = {looker.artifact.labels.index(label) for label in labels}
        moving = read(clip, looker, classes, folder / f"{clip.stem}-{model}.npz")
        without, gated = follow(moving, gated=False), follow(moving, gated=True)
        total, found = kept(moving, without, gated)
        _, confirmed = kept(moving, without, gated, confirmed=True)
        tracks = f"{len(without.confirmed())} > {len(gated.confirmed())}"
        print(
            f"{clip.stem:<20}{len(moving.times):>7}{np.mean(gated.looks):>10.1%}{total:>9.1f}"
            f"{found / max(total, 1e-9):>8.2%}{confirmed / max(total, 1e-9):>11.2%}{tracks:>12}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cost", action="store_true")
    parser.add_argument("--scenes", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--frigate", help="a checkout of it")
    parser.add_argument("--python", default=sys.executable, help="an interpreter for Frigate's detector")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vedette-gate-") as folder:
        if arguments.cost or not arguments.scenes:
            script = str(Path(__file__).with_name("frigate_motion.py"))
            peer = [arguments.python, script, arguments.frigate] if arguments.frigate else []
            costs(Path(folder), arguments.rounds, peer)
        if arguments.scenes or not arguments.cost:
            scenes(Path(folder))


if __name__ == "__main__":
    main()
