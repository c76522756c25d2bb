"""Edge TPUs in fake sysfs trees. What a real kernel and a real chip do is not proven here."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from backends.contract import BackendUnavailable
from backends.tflite import coral, diagnosis, libedgetpu
from backends.tflite.coral import Chip
from tests.support import coral_tree as tree


def test_chips_are_listed_by_port_with_and_without_firmware(tmp_path: Path) -> None:
    tree.usb(tmp_path, "2-1", number=4)
    tree.usb(tmp_path, "1-1.3", fresh=True, speed="480", number=12)
    tree.pci(tmp_path, 10)
    tree.pci(tmp_path, 2)
    other = tmp_path / "sys/bus/usb/devices/1-2"
    other.mkdir()
    (other / "idVendor").write_text("046d\n")
    (tmp_path / "sys/bus/usb/devices/2-1:1.0").mkdir()
    assert coral.chips(tmp_path) == (
        Chip("usb:1-1.3", tmp_path / "dev/bus/usb/001/012", fresh=True, speed=480),
        Chip("usb:2-1", tmp_path / "dev/bus/usb/002/004", speed=5000),
        Chip("pci:2", tmp_path / "dev/apex_2"),
        Chip("pci:10", tmp_path / "dev/apex_10"),
    )


def test_the_id_is_the_same_before_and_after_the_firmware(tmp_path: Path) -> None:
    tree.usb(tmp_path / "before", fresh=True, number=4)
    tree.usb(tmp_path / "after", number=5)
    (before,), (after,) = coral.chips(tmp_path / "before"), coral.chips(tmp_path / "after")
    assert before.id == after.id
    assert before.node.name != after.node.name


@pytest.mark.parametrize(("text", "degrees"), [("45600", 45.6), ("-500", -0.5), ("", None), ("n/a", None)])
def test_temperature_of_the_pcie_chip(tmp_path: Path, text: str, degrees: float | None) -> None:
    tree.pci(tmp_path, millidegrees=text)
    (chip,) = coral.chips(tmp_path)
    assert coral.temperature(chip, tmp_path) == degrees


def test_a_usb_chip_has_no_temperature(tmp_path: Path) -> None:
    tree.usb(tmp_path)
    assert coral.temperature(coral.chips(tmp_path)[0], tmp_path) is None


@pytest.mark.parametrize(
    ("build", "cause"),
    [
        (lambda root: None, "no Edge TPU is plugged in"),
        (tree.pci_without_driver, "the PCIe Edge TPU has no driver"),
        (lambda root: tree.supply(root, "1"), "no Edge TPU is there, and this machine reports under-voltage"),
        (lambda root: tree.supply(root, "0"), "no Edge TPU is plugged in"),
    ],
)
def test_why_there_is_none(tmp_path: Path, build: Callable[[Path], None], cause: str) -> None:
    build(tmp_path)
    assert coral.chips(tmp_path) == ()
    found = diagnosis.none_found(tmp_path)
    assert found.reason.startswith(cause)
    assert found.hint


def anyone(path: Path, mode: int) -> bool:
    return True


def test_why_a_chip_does_not_open(tmp_path: Path) -> None:
    def why(at: Path, may_open: Callable[[Path, int], bool] = anyone) -> BackendUnavailable:
        return diagnosis.not_opened(coral.chips(at)[0], at, may_open)

    node = tree.usb(tmp_path / "usb")
    refused = why(tmp_path / "usb", lambda path, mode: False)
    assert refused.reason == f"usb:2-1: no permission to open {node}"
    assert "plugdev" in refused.hint
    assert "libedgetpu does not tell" in why(tmp_path / "usb").reason
    tree.supply(tmp_path / "usb", "1")
    assert "under-voltage" in why(tmp_path / "usb").reason
    node.unlink()
    assert why(tmp_path / "usb").reason.endswith("does not exist")

    tree.usb(tmp_path / "stuck", fresh=True)
    assert "stays 1a6e:089a" in why(tmp_path / "stuck").reason
    tree.pci(tmp_path / "pci")
    assert "apex" in why(tmp_path / "pci", lambda path, mode: False).hint


def test_a_chip_that_another_process_holds_is_busy(tmp_path: Path) -> None:
    node = tree.usb(tmp_path)
    code = f"import sys; f = open({str(node)!r}); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        busy = diagnosis.not_opened(coral.chips(tmp_path)[0], tmp_path)
        assert holder.stdin is not None
        holder.stdin.close()
    assert f"(process {holder.pid})" in busy.reason
    assert "usb:2-1 is busy" in busy.reason


def test_a_chip_that_went_away_while_it_was_opened(tmp_path: Path) -> None:
    tree.usb(tmp_path, number=5)
    gone = Chip("usb:2-1", tmp_path / "dev/bus/usb/002/004", fresh=True, speed=5000)
    assert "went away or changed" in diagnosis.not_opened(gone, tmp_path).reason


def test_a_slow_port_is_remarked(tmp_path: Path) -> None:
    tree.usb(tmp_path, "1-1", speed="480")
    tree.usb(tmp_path, "2-1", speed="5000")
    tree.usb(tmp_path, "3-1", speed="unknown")
    slow, fast, unknown = coral.chips(tmp_path)
    assert "480 Mbit/s" in diagnosis.remarks(slow, tmp_path)[0]
    assert diagnosis.remarks(fast, tmp_path) == diagnosis.remarks(unknown, tmp_path) == ()


USB1, USB2, PCI = Chip("usb:1-1", Path("/n")), Chip("usb:2-1", Path("/n")), Chip("pci:1", Path("/dev/apex_1"))
LISTED = (("usb", "/sys/bus/usb/devices/2-1"), ("pci", "/dev/apex_1"), ("usb", "/sys/bus/usb/devices/1-1"))


@pytest.mark.parametrize(
    ("listed", "chip", "chips", "index"),
    [
        (LISTED, USB2, (USB1, USB2, PCI), "usb:0"),
        (LISTED, USB1, (USB1, USB2, PCI), "usb:1"),
        (LISTED, PCI, (USB1, USB2, PCI), "pci:0"),
        (None, USB2, (USB1, USB2, PCI), "usb:1"),
        ((("usb", "/sys/bus/usb/devices/4-1"),), USB2, (USB2, PCI), "usb:0"),
    ],
    ids=["first", "second", "pci", "a library that cannot list", "the only one, at another bus"],
)
def test_a_chip_is_named_by_index(
    listed: tuple[tuple[str, str], ...] | None, chip: Chip, chips: tuple[Chip, ...], index: str
) -> None:
    assert libedgetpu.index(libedgetpu.Library("x", "1", listed), chip, chips) == index


@pytest.mark.parametrize("listed", [(), (("pci", "/dev/apex_0"),), LISTED[:1] * 2])
def test_a_chip_that_the_library_does_not_see(listed: tuple[tuple[str, str], ...]) -> None:
    with pytest.raises(BackendUnavailable, match="libedgetpu does not see it"):
        libedgetpu.index(libedgetpu.Library("x", "1", listed), USB1, (USB1, USB2))


def elf(machine: int) -> bytes:
    return b"\x7fELF\x02\x01\x01" + bytes(11) + machine.to_bytes(2, "little") + bytes(100)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "there is no library"),
        (elf(243), "is built for RISC-V, this is"),
        (b"not a library at all" * 10, "cannot be loaded"),
    ],
)
def test_why_a_library_does_not_load(tmp_path: Path, content: bytes | None, reason: str) -> None:
    path = tmp_path / "libedgetpu.so.1"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BackendUnavailable, match=reason) as raised:
        libedgetpu.find(str(path))
    assert str(path) in raised.value.reason


def test_another_library_is_no_delegate() -> None:
    with pytest.raises(BackendUnavailable, match="is not a TensorFlow Lite delegate"):
        libedgetpu.find("libc.so.6")


def test_a_machine_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(libedgetpu.VARIABLE, raising=False)
    monkeypatch.setattr(libedgetpu, "NAMES", ("libedgetpu-of-nobody.so.1",))
    with pytest.raises(BackendUnavailable, match=r"libedgetpu-of-nobody.so.1 is not installed"):
        libedgetpu.find()
