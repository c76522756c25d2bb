"""The conformance suite for backends: what the daemon relies on, tried through a real worker process.

    from backends.testing.conformance import BackendConformance

    class TestMyChip(BackendConformance):
        backend = "mychip"
        model = "tests/tiny.onnx"

Run it with pytest. Where the machine has no device for the backend, what needs one is skipped with the reason.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from backends.artifact import Format
from backends.models.resolve import open_artifact
from backends.protocol import PROBE_SECONDS
from backends.registry import discover, survey
from backends.registry.registered import Registered
from backends.testing.driver import Driven
from backends.testing.examined import BREACH, VARIABLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from backends.artifact import Artifact
    from backends.protocol import Message

_MEGABYTE = 1 << 20
_LONGEST = 300


class BackendConformance:
    """Subclass it in a module that pytest collects.

    backend: the name. entry_point: "module:Class"; "" takes the installed one of that name.
    model: a file the backend runs, with its sidecar where it needs one; or define `artifact`.
    options: as in the config. runs, growth: so many runs may make the worker so many bytes larger.
    """

    backend: str
    entry_point = ""
    model: str | Path = ""
    options: Mapping[str, Any] = {}
    runs = 300
    growth = 8 * _MEGABYTE

    def artifact(self) -> Artifact:
        return open_artifact(Path(self.model))

    def make_runs_fail(self) -> bool:
        """Define it where your tests can (a fake driver): from now on each run fails. Returns True when done so."""
        return False

    def setup_method(self) -> None:
        self._open = ExitStack()

    def teardown_method(self) -> None:
        self._open.close()

    def test_probe_answers_with_devices_or_a_reason_and_a_hint(self) -> None:
        report = survey(self._program(examined=False), (), PROBE_SECONDS).report
        assert report.status != "broken", f"{report.reason} ({report.hint})"
        said = self._worker().ask("probe", "devices", "unavailable", within=PROBE_SECONDS)
        assert BREACH not in said.get("reason", ""), said["reason"]
        if report.status == "unavailable":
            assert report.reason, "BackendUnavailable without a reason"
            assert report.hint, f"BackendUnavailable({report.reason!r}) without a hint: what is the user to do?"
        ids = [device.id for device in report.devices]
        assert len(set(ids)) == len(ids), f"two devices have one id: {ids}"

    def test_devices_have_the_same_ids_each_time(self) -> None:
        worker, device = self._probed()
        for _ in range(2):
            said = worker.ask("probe", "devices", within=PROBE_SECONDS)
            assert said["devices"][0]["id"] == device

    def test_takes_its_model_and_refuses_other_formats_in_one_sentence(self) -> None:
        own = self.artifact()
        others = [replace(own, format=name) for name in get_args(Format) if name != own.format]
        found = survey(self._program(examined=False), [own, *others], PROBE_SECONDS)
        assert found.refusals, f"accepts was not answered: {found.report.reason or 'it hangs or dies'}"
        assert found.refusals[0] is None, f"it refuses the suite's own model: {found.refusals[0]}"
        refusals = [text for text in found.refusals[1:] if text is not None]
        assert refusals, f"it accepts every format there is ({', '.join(get_args(Format))})"
        for text in refusals:
            assert 10 <= len(text) <= _LONGEST, f"no sentence: {text!r}"
            assert "\n" not in text, f"more than a sentence: {text!r}"
            assert not text.startswith(("TypeError:", "AttributeError:", "KeyError:")), f"accepts raises {text}"

    def test_runs_return_what_info_says_and_leave_the_image_alone(self) -> None:
        """Also: the same image has the same answer, images are not kept, a run stays within `info.deadline`."""
        worker, ready = self._loaded()
        images = self._images(6)
        first = [self._run(worker, ready, image) for image in images]
        for _ in range(3):
            for image, rows in zip(images, first, strict=True):
                _check_same(self._run(worker, ready, image), rows)
        breaches = [key for key in worker.telemetry if key.startswith(BREACH)]
        assert not breaches, breaches[0]

    def test_calls_that_overlap_are_answered_as_single_ones(self) -> None:
        """As many at once as there are slots, one more than streams."""
        worker, ready = self._loaded()
        images = self._images(ready["slots"])
        single = [self._run(worker, ready, image) for image in images]
        for turn in range(10):
            order = [(turn + i) % len(images) for i in range(len(images))]
            together = worker.run([images[i] for i in order], _deadline(ready) * len(images))
            for i, rows in zip(order, together, strict=True):
                _check_same(rows, single[i])

    def test_can_be_loaded_again_in_the_same_worker(self) -> None:
        worker, ready = self._loaded()
        image = self._images(1)[0]
        before = self._run(worker, ready, image)
        for _ in range(2):
            again = worker.load(self.artifact(), self.options, ready["info"]["device"])
            assert again["info"]["outputs"] == ready["info"]["outputs"], "the second load has other outputs"
            _check_same(self._run(worker, ready, image), before)

    def test_a_missing_or_damaged_file_is_a_backend_error(self, tmp_path: Path) -> None:
        """And the worker serves the good file afterwards."""
        worker, device = self._probed()
        own = self.artifact()
        missing = replace(own, path=tmp_path / "missing" / own.path.name)
        damaged = replace(own, path=tmp_path / f"damaged{own.path.suffix}")
        damaged.path.write_bytes(own.path.read_bytes()[:40] + b"\0" * 40)
        for artifact, answers in ((missing, ()), (damaged, ("ready",))):  # not every backend reads the file itself
            said = worker.load(artifact, self.options, device, "error", "unavailable", "refused", *answers)
            assert BREACH not in said.get("text", ""), said["text"]
        worker.load(own, self.options, device)

    def test_is_closed_twice_without_harm(self) -> None:
        worker, ready = self._loaded()
        self._run(worker, ready, self._images(1)[0])
        code = worker.leave()
        assert code == 0, f"the worker ended with code {code}:\n{worker.printed.decode(errors='replace')[-2000:]}"

    def test_a_failed_run_is_an_engine_error_and_close_is_safe_after_it(self) -> None:
        worker, ready = self._loaded()
        if not self.make_runs_fail():
            _skip("make_runs_fail is not defined")
        worker.images[0][:] = 7
        said = worker.ask("run", "error", "done", within=_deadline(ready), slot=0, n=0, floor=0.5)
        assert said["op"] == "error", "the run did not fail"
        assert BREACH not in said["text"], said["text"]
        assert worker.leave() == 0

    def test_nothing_grows(self) -> None:
        worker, ready = self._loaded()
        images = self._images(4)
        sizes = []
        for _ in range(2):
            for i in range(self.runs):
                self._run(worker, ready, images[i % len(images)])
            sizes.append((worker.rss(), worker.descriptors()))
        (memory, descriptors), (memory_after, descriptors_after) = sizes
        assert descriptors_after <= descriptors, f"{self.runs} runs left {descriptors_after - descriptors} descriptors"
        grown = memory_after - memory
        assert grown <= self.growth, f"{self.runs} runs made it {grown / _MEGABYTE:.1f} MB larger"

    def test_a_second_process_is_served_or_told(self) -> None:
        """`info.exclusive` is how the daemon knows whether it may open the device twice."""
        first, ready = self._loaded()
        device, exclusive = ready["info"]["device"], ready["info"]["exclusive"]
        second = self._worker()
        said = second.load(self.artifact(), self.options, device, "ready", "unavailable", "error")
        if not exclusive:
            assert said["op"] == "ready", f"a second process is refused, but info.exclusive is False: {said}"
            return
        assert said["op"] != "ready", "info.exclusive is True, but a second process opened the device too"
        assert first.leave() == 0
        second.load(self.artifact(), self.options, device)

    def _program(self, *, examined: bool) -> Registered:
        installed = Registered(self.backend, self.entry_point, "under test")
        if not self.entry_point:
            known = discover()
            assert self.backend in known, f"no backend {self.backend!r} is installed: {', '.join(known)}"
            installed = known[self.backend]
        self._examine = {VARIABLE: installed.entry_point}
        return replace(installed, entry_point="backends.testing.examined:Examined") if examined else installed

    def _worker(self) -> Driven:
        return self._open.enter_context(Driven(self._program(examined=True), self._examine))

    def _probed(self) -> tuple[Driven, str]:
        """A worker, and the id of the first device; without one the test is skipped."""
        worker = self._worker()
        said = worker.ask("probe", "devices", "unavailable", within=PROBE_SECONDS)
        if said["op"] == "unavailable":
            assert BREACH not in said["reason"], said["reason"]
            _skip(f"{self.backend}: {said['reason']}")
        return worker, said["devices"][0]["id"]

    def _loaded(self) -> tuple[Driven, Message]:
        worker, device = self._probed()
        return worker, worker.load(self.artifact(), self.options, device)

    def _images(self, count: int) -> list[NDArray[np.uint8]]:
        """Black, white, and noise."""
        spec = self.artifact().input
        chance = np.random.default_rng(1)
        shape = (spec.height, spec.width, 3)
        noise = [chance.integers(0, 256, shape, np.uint8) for _ in range(count)]
        return [np.zeros(shape, np.uint8), np.full(shape, 255, np.uint8), *noise][-count:]

    @staticmethod
    def _run(worker: Driven, ready: Message, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        return worker.run([image], _deadline(ready))[0]


def _deadline(ready: Message) -> float:
    return float(ready["info"]["deadline"])


def _check_same(rows: NDArray[np.float32], expected: NDArray[np.float32]) -> None:
    assert rows.shape == expected.shape, f"{len(rows)} detections, before {len(expected)}, in the same image"
    assert np.allclose(rows, expected, rtol=1e-3, atol=1e-2), "other detections than before in the same image"


def _skip(why: str) -> None:
    import pytest

    pytest.skip(why)
