"""The accelerators: which are there, which run the models, and why the others do not."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from agent.runtime.board import sysfs
from agent.runtime.doctor.finding import Finding
from agent.runtime.doctor.models import named
from backends import order, registry, store
from backends.contract import ArtifactError
from backends.tflite import coral

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from agent.config.model import Config
    from agent.runtime.doctor.finding import State
    from backends.artifact import Artifact
    from backends.survey import Survey

SECONDS = 20.0
_SMALL_PAGE = 4096
_NVIDIA = ("dev/nvidia0", "dev/nvhost-gpu", "dev/nvgpu", "dev/nvmap")
_USB_MILLIAMPERES = 5000


def engines(config: Config | None, _: str = "") -> Iterator[Finding]:
    at = coral.root()
    artifacts = _artifacts(config)
    wanted = {name for camera in config.cameras for name in camera.backend} if config else {order.AUTO}
    surveys = registry.survey_all(registry.discover().values(), artifacts, SECONDS)
    for survey in surveys:
        yield _told(survey, wanted, _present(survey.report.name, at))
    for index, artifact in enumerate(artifacts):
        if not any(_runs(survey, index, artifact) for survey in surveys):
            yield Finding("engines", "failed", f"nothing here runs {artifact.name}: {_why(surveys, index)}", _FIX)
    yield from coral_notes(at, os.sysconf("SC_PAGE_SIZE"))


_FIX = "pip install 'vedette[openvino]', which runs on any CPU; make install does it"


def _artifacts(config: Config | None) -> list[Artifact]:
    found = []
    for name in named(config):
        try:
            found.append(store.find(name))
        except ArtifactError:
            continue  # told by the models' check
    return found


def _told(survey: Survey, wanted: set[str], present: bool) -> Finding:
    report = survey.report
    if report.status == "available":
        remarks = "".join(
            f"; {device.details['remarks']}" for device in report.devices if device.details.get("remarks")
        )
        text = f"{report.name}: {', '.join(f'{d.id} ({d.name})' for d in report.devices)}{remarks}"
        return (
            Finding("engines", "warning", text, "see above; it works, but could be better")
            if remarks
            else Finding("engines", "ok", text)
        )
    state: State = "skipped"
    if report.name in wanted:
        state = "failed"
    elif present or report.status == "broken":
        state = "warning"
    return Finding("engines", state, f"{report.name}: {report.reason}", report.hint)


def _runs(survey: Survey, index: int, artifact: Artifact) -> bool:
    if survey.report.status != "available" or not survey.refusals:
        return False
    reads = order.READS.get(survey.report.name)
    if reads is not None and artifact.format not in reads:
        return _twin(artifact, reads)
    return survey.refusals[index] is None


def _twin(artifact: Artifact, reads: tuple[str, ...]) -> bool:
    """Whether the same model is there in another file that it reads."""
    try:
        return any(other.format in reads for other in store.ladder(str(artifact.path)))
    except ArtifactError:
        return False


def _why(surveys: list[Survey], index: int) -> str:
    refusals = [
        f"{survey.report.name}: {survey.refusals[index]}"
        for survey in surveys
        if survey.report.status == "available" and survey.refusals and survey.refusals[index]
    ]
    return "; ".join(refusals) or "no backend is available"


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
