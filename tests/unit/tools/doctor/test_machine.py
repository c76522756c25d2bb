"""What the doctor makes of boards, disks and services. The trees are fake; see tests/support/board_tree.py."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent.capture import picamera
from agent.tools.doctor import devices, storage, system, unit
from agent.tools.doctor.engines import coral_notes
from agent.tools.doctor.finding import Finding
from tests.support import board_tree, coral_tree
from tests.support.stranger import holds_outside

RUNS = {
    "LoadState": "loaded",
    "ActiveState": "active",
    "SubState": "running",
    "UnitFileState": "enabled",
    "NRestarts": "0",
    "Result": "success",
}


def states(found: list[Finding]) -> list[str]:
    assert all(finding.fix for finding in found if finding.state in {"failed", "warning"})
    return [finding.state for finding in found]


def test_this_machine_is_described() -> None:
    (finding,) = system.system()
    assert finding.state == "ok"
    assert "Python 3." in finding.text
    assert "KiB" in finding.text


@pytest.mark.parametrize(
    ("word", "alarm", "celsius", "found", "text"),
    [
        ("0", "0", 51, ["ok"], "51 degrees (throttled at 80), not throttled, the supply is strong enough"),
        ("50005", "1", 51, ["warning", "failed", "ok"], "under-voltage now"),
        ("50000", "0", 51, ["warning", "ok"], "since the start there has been: under-voltage, throttling"),
        ("0", "0", 76, ["warning", "ok"], "cpu-thermal has 76 degrees"),
        ("80008", "0", 81, ["warning", "warning", "warning", "ok"], "throttled now"),
    ],
)
def test_heat_and_power_of_a_pi(
    tmp_path: Path, word: str, alarm: str, celsius: int, found: list[str], text: str
) -> None:
    board_tree.pi(tmp_path, word, celsius * 1000, alarm)
    findings = list(system.power(tmp_path))
    assert states(findings) == found
    assert any(text in finding.text for finding in findings), findings


def test_heat_and_power_of_an_orin(tmp_path: Path) -> None:
    board_tree.orin(tmp_path)
    (finding,) = system.power(tmp_path)
    assert "power mode MAXN_SUPER, " in finding.text
    assert "VDD_IN 7.2 W" in finding.text


def test_a_jetson_s_release(tmp_path: Path) -> None:
    assert system.l4t(tmp_path) == ""
    board_tree.write(
        tmp_path, {"etc/nv_tegra_release": "# R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic"}
    )
    assert system.l4t(tmp_path) == "L4T 36.4.3"
    assert "L4T 36.4.3" in next(system.system(tmp_path)).text


def test_a_board_without_a_word_is_no_fault(tmp_path: Path) -> None:
    assert states(list(system.power(tmp_path))) == ["skipped"]
    assert states(list(system.memory(tmp_path))) == ["skipped"]


@pytest.mark.parametrize(
    ("available", "killed", "found"), [(900_000, 0, ["ok"]), (90_000, 0, ["warning"]), (900_000, 3, ["ok", "warning"])]
)
def test_memory(tmp_path: Path, available: int, killed: int, found: list[str]) -> None:
    info = f"MemTotal:        1900000 kB\nMemAvailable:    {available} kB\nSwapTotal:        100000 kB"
    board_tree.write(tmp_path, {"proc/meminfo": info, "proc/vmstat": f"nr_free_pages 1\noom_kill {killed}"})
    assert states(list(system.memory(tmp_path))) == found


@pytest.mark.parametrize(
    ("files", "found", "text"),
    [
        ({"device/type": "SD"}, ["skipped"], "cannot tell how worn"),
        ({"device/life_time": "0x01 0x02"}, [], ""),
        ({"device/life_time": "0x09 0x0b"}, ["warning"], "110 % of its life"),
        ({"device/pre_eol_info": "0x03"}, ["warning"], "most of its spare blocks"),
    ],
)
def test_a_medium_that_wears_out(tmp_path: Path, files: dict[str, str], found: list[str], text: str) -> None:
    """The names of the kernel's Documentation/driver-api/mmc/mmc-dev-attrs."""
    disk = tmp_path / "sys/devices/mmc_host/mmc0/block/mmcblk0"
    board_tree.write(disk, files)
    partition = disk / "mmcblk0p2"
    partition.mkdir(parents=True)
    _links(tmp_path, partition)
    findings = list(storage.medium(tmp_path, tmp_path))
    assert states(findings) == found
    assert all(text in finding.text for finding in findings)


def test_a_file_system_that_has_had_errors(tmp_path: Path) -> None:
    partition = tmp_path / "sys/devices/virtual/sda1"
    partition.mkdir(parents=True)
    _links(tmp_path, partition)
    board_tree.write(tmp_path, {"sys/fs/ext4/sda1/errors_count": "7"})
    assert ["7 errors" in finding.text for finding in storage.medium(tmp_path, tmp_path)] == [True]


def _links(root: Path, partition: Path) -> None:
    number = root.stat().st_dev
    link = root / f"sys/dev/block/{os.major(number)}:{os.minor(number)}"
    link.parent.mkdir(parents=True)
    link.symlink_to(partition)


def test_room_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = tmp_path / "not" / "made"
    assert states(list(storage.room("state", missing, 0, write=True))) == ["ok"]
    assert states(list(storage.room("state", missing, 1e18, write=True))) == ["warning"]
    assert states(list(storage.room("models", missing, 1e18, write=False))) == ["ok"]
    monkeypatch.setattr(storage, "_TOO_LITTLE", 1e18)
    assert states(list(storage.room("state", missing, 0, write=True))) == ["failed"]


def test_room_in_a_folder_that_nobody_may_look_into(tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    assert holds_outside(
        folder, lambda: states(list(storage.room("models", folder / "models", 0, write=False))) == ["ok"]
    )


def test_a_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests' user may be root, who may write everywhere; so this user's rights are made up."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    (finding,) = storage.room("state", tmp_path, 0, write=True)
    assert finding.text == f"{tmp_path} cannot be written: its permissions do not allow it"
    assert states(list(storage.room("models", tmp_path, 0, write=False))) == ["ok"]


@pytest.mark.parametrize(
    ("said", "found", "text"),
    [
        ({}, ["ok"], "is active (running)"),
        ({"NRestarts": "4", "Result": "watchdog"}, ["warning"], "the last end: watchdog"),
        ({"UnitFileState": "disabled"}, ["ok", "warning"], "at boot"),
        ({"ActiveState": "activating", "SubState": "auto-restart", "NRestarts": "9"}, ["failed"], "does not stay up"),
        ({"ActiveState": "activating", "SubState": "start"}, ["warning"], "it starts"),
        ({"ActiveState": "failed", "SubState": "failed", "Result": "exit-code"}, ["failed"], "exit-code"),
        ({"ActiveState": "inactive", "SubState": "dead"}, ["failed"], "inactive"),
        ({"LoadState": "not-found"}, ["skipped"], "not installed"),
    ],
)
def test_the_service(said: dict[str, str], found: list[str], text: str) -> None:
    findings = list(unit.judged(RUNS | said))
    assert states(findings) == found
    assert text in " ".join(finding.text for finding in findings)


def test_a_coral_in_a_slot_needs_small_pages_and_its_driver(tmp_path: Path) -> None:
    assert list(coral_notes(tmp_path, 16384)) == []
    coral_tree.pci_without_driver(tmp_path)
    texts = [finding.text for finding in coral_notes(tmp_path, 16384)]
    assert ["16 KiB" in texts[0], "no /dev/apex_0" in texts[1]] == [True, True]
    assert len(list(coral_notes(tmp_path, 4096))) == 1
    coral_tree.pci(tmp_path)
    assert list(coral_notes(tmp_path, 4096)) == []


@pytest.mark.parametrize(("milliamperes", "warned"), [(3000, True), (5000, False)])
def test_a_coral_on_a_pi_5_with_a_weak_supply(tmp_path: Path, milliamperes: int, warned: bool) -> None:
    board_tree.pi(tmp_path, five=True)
    word = tmp_path / "proc/device-tree/chosen/power/max_current"
    word.parent.mkdir(parents=True)
    word.write_bytes(milliamperes.to_bytes(4, "big"))
    assert list(coral_notes(tmp_path, 4096)) == [], "without a Coral it does not matter"
    coral_tree.usb(tmp_path)
    assert len(list(coral_notes(tmp_path, 4096))) == warned


def test_cameras_on_a_ribbon_cable_are_known_by_their_sensors(tmp_path: Path) -> None:
    names = ("imx708_wide 10-001a", "rp1-cfe-csi2_ch0", "vi-output, imx219 9-0010", "HD Webcam C270", "bcm2835-isp0")
    board_tree.write(tmp_path, {f"sys/class/video4linux/video{index}/name": name for index, name in enumerate(names)})
    assert devices.ribbon(tmp_path) == ["imx219", "imx708_wide"]


def test_what_a_camera_on_a_ribbon_cable_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert list(devices.needs({"rtsp", "v4l2"}, [], tmp_path)) == []
    found = [finding.text for finding in devices.needs({"csi"}, [], tmp_path)]
    assert found == [
        "the kernel has found no camera on a ribbon cable",
        "picamera2 is not installed, neither for the system's Python nor for ours",
    ]
    assert [finding.what for finding in devices.needs({"gst"}, [], tmp_path)] == ["gstreamer"]
    board_tree.write(tmp_path, {"etc/nv_tegra_release": "# R36 (release), REVISION: 4.3"})
    (finding,) = devices.needs({"csi"}, ["imx219"], tmp_path)
    assert finding.text == "nvarguscamerasrc of GStreamer is not there"
    launch = tmp_path / "gst-launch-1.0"
    launch.touch()
    launch.chmod(0o755)
    board_tree.write(tmp_path, {devices._ARGUS: ""})
    (finding,) = devices.needs({"csi"}, ["imx219"], tmp_path)
    assert finding.text == "nvargus-daemon does not run"


def test_what_a_pi_needs_for_its_cameras(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(picamera, "PYTHONS", ["/no/such/python"])
    (finding,) = devices.needs({"csi"}, ["imx219"], tmp_path)
    assert (finding.state, finding.fix) == ("failed", "apt install python3-picamera2")
    (tmp_path / "gst-launch-1.0").touch(0o755)
    board_tree.write(tmp_path, {"usr/lib/aarch64-linux-gnu/gstreamer-1.0/libgstlibcamera.so": ""})
    (finding,) = devices.needs({"csi"}, ["imx219"], tmp_path)
    assert (finding.state, finding.fix) == ("warning", "apt install python3-picamera2")
    monkeypatch.setattr(picamera, "interpreter", lambda: "/usr/bin/python3")
    assert list(devices.needs({"csi"}, ["imx219"], tmp_path)) == []


def test_a_camera_s_lasting_name(tmp_path: Path) -> None:
    for number in (0, 1, 10, 2):
        board_tree.write(tmp_path, {f"dev/video{number}": ""})
    assert [node.name for node in devices.nodes(tmp_path)] == ["video0", "video1", "video2", "video10"]
    links = tmp_path / "dev/v4l/by-id"
    links.mkdir(parents=True)
    (links / "usb-046d_C270-video-index0").symlink_to("../../video2")
    assert devices.by_id(tmp_path) == {tmp_path / "dev/video2": links / "usb-046d_C270-video-index0"}
