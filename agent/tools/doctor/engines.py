"""The accelerators: which are there, which run the models, and why the others do not."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from agent.runtime.board import sysfs
from agent.tools.doctor.finding import Finding
from agent.tools.doctor.models import named
from backends import registry
from backends.contract import ArtifactError
from backends.models import store
from backends.registry import order
from backends.tflite import coral

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from agent.config.model import Config
    from agent.tools.doctor.finding import State
    from backends.artifact import Artifact
    from backends.registry.survey import Survey

SECONDS = 20.0
_FIX = "pip install 'vedette[openvino]', which runs on any CPU; make install does it"
_SMALL_PAGE = 4096
_NVIDIA = ("dev/nvidia0", "dev/nvhost-gpu", "dev/nvgpu", "dev/nvmap")
_USB_MILLIAMPERES = 5000


def engines(config: Config | None, _: str = "") -> Iterator[Finding]:
    at = coral.root()
    files = _files(config)
    wanted = {name for camera in config.cameras for name in camera.backend} if config else {order.AUTO}
    known = registry.discover()
    surveys = registry.survey_all(known.values(), [artifact for _, artifact in files], SECONDS)
    for survey in surveys:
        yield told(survey, wanted, present=_present(survey.report.name, at))
    for name in sorted(wanted - {order.AUTO, *known}):
        yield Finding("engines", "failed", f"{name}: no such backend is installed", f"there are {', '.join(known)}")
    yield from runners(files, surveys)
    yield from coral_notes(at, os.sysconf("SC_PAGE_SIZE"))


def _files(config: Config | None) -> list[tuple[str, Artifact]]:
    """Each model with each of its files; those that are missing are told by the models' check."""
    found = []
    for name in named(config):
        with contextlib.suppress(ArtifactError):
            found += [(name, artifact) for artifact in store.ladder(name)]
    return found


def runners(files: Sequence[tuple[str, Artifact]], surveys: Sequence[Survey]) -> Iterator[Finding]:
    """What runs each model. The surveys were asked about the artifacts in this order."""
    for model in dict.fromkeys(name for name, _ in files):
        able, refusals = [], []
        for survey in surveys:
            backend = survey.report.name
            if survey.report.status != "available" or not survey.refusals:
                continue
            answers = [
                refusal
                for (name, artifact), refusal in zip(files, survey.refusals, strict=True)
                if name == model and artifact.format in order.READS.get(backend, (artifact.format,))
            ]
            if None in answers:
                able.append(backend)
            refusals += [f"{backend}: {refusal}" for refusal in answers if refusal]
        if able:
            yield Finding("engines", "ok", f"{model} runs on {', '.join(able)}")
        else:
            why = "; ".join(refusals) or "no backend that reads its files is available"
            yield Finding("engines", "failed", f"nothing here runs {model}: {why}", _FIX)


def told(survey: Survey, wanted: set[str], *, present: bool) -> Finding:
    """present: its chip is there, so it should work."""
    report = survey.report
    if report.status == "available":
        remarks = "".join(f"; {d.details['remarks']}" for d in report.devices if d.details.get("remarks"))
        text = f"{report.name}: {', '.join(f'{d.id} ({d.name})' for d in report.devices)}{remarks}"
        if remarks:
            return Finding("engines", "warning", text, "see above; it works, but could be better")
        return Finding("engines", "ok", text)
    state: State = "skipped"
    if report.name in wanted:
        state = "failed"
    elif present or report.status == "broken":
        state = "warning"
    return Finding("engines", state, f"{report.name}: {report.reason}", report.hint or "see docs/backends.md")


def _present(backend: str, at: Path) -> bool:
    """Whether the chip is there, so that its backend should work."""
    if backend == "edgetpu":
        return bool(coral.chips(at)) or coral.driverless(at)
    return backend == "tensorrt" and any((at / node).exists() for node in _NVIDIA)


def coral_notes(at: Path, page: int) -> Iterator[Finding]:
    """What is special about a Coral on a Raspberry Pi."""
    chips = coral.chips(at)
    pcie = coral.driverless(at) or any(chip.kind == "pci" for chip in chips)
    if pcie and page != _SMALL_PAGE:
        text = f"the kernel's pages have {page // 1024} KiB, and the driver of a PCIe Coral works with 4 KiB only"
        yield Finding("coral", "failed", text, "write kernel=kernel8.img into /boot/firmware/config.txt, and restart")
    if coral.driverless(at):
        text = "a PCIe Coral is in its slot, but there is no /dev/apex_0"
        fix = (
            "install gasket-dkms for this kernel; on a Pi 5 also dtparam=pciex1, dtoverlay=pcie-32bit-dma and"
            " dtoverlay=pciex1-compat-pi5,no-mip in config.txt"
        )
        yield Finding("coral", "warning", text, fix)
    supply = _milliamperes(at)
    if supply is not None and supply < _USB_MILLIAMPERES and any(chip.kind == "usb" for chip in chips):
        text = f"the supply offers {supply} mA, so all USB ports together get 600 mA; a Coral takes up to 900 mA"
        yield Finding("coral", "warning", text, "take a supply of 5 V and 5 A, or a powered hub")


def _milliamperes(at: Path) -> int | None:
    """What a Pi 5 has agreed on with its supply; a big-endian number of 32 bits. None elsewhere."""
    try:
        word = (at / "proc/device-tree/chosen/power/max_current").read_bytes()
    except OSError:
        return None
    return int.from_bytes(word, "big") if len(word) == 4 and sysfs.text(at / "proc/device-tree/model") else None
