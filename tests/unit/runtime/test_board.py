"""What boards say of themselves, from trees written as the kernel's and the vendors' documentation has them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.runtime.board import thermal
from agent.runtime.board.reading import Board, Thermometer, read
from agent.runtime.board.thermal import Heat
from tests.support import board_tree

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("five", [False, True])
@pytest.mark.parametrize(
    ("word", "alarm", "undervoltage", "throttled", "hot", "seen"),
    [
        ("0", "0", False, False, False, ()),
        ("50005", "1", True, True, False, ("under-voltage", "throttling")),
        ("50000", "0", False, False, False, ("under-voltage", "throttling")),
        ("80008", "0", False, True, True, ("soft temperature limit",)),
        ("60006", "0", False, True, True, ("capped frequency", "throttling")),
        ("0", "1", True, False, False, ()),
    ],
)
def test_a_pi_tells_of_heat_and_power(
    tmp_path: Path,
    five: bool,
    word: str,
    alarm: str,
    undervoltage: bool,
    throttled: bool,
    hot: bool,
    seen: tuple[str, ...],
) -> None:
    board_tree.pi(tmp_path, word, 61_500, alarm, five=five)
    board = read(tmp_path)
    assert (board.undervoltage, board.throttled, board.seen) == (undervoltage, throttled, seen)
    assert board.temperatures == {"cpu-thermal": 61.5}
    assert (board.gpu_load, board.power, board.power_mode) == (None, {}, None)
    assert Thermometer(tmp_path).throttled() is hot


def test_a_pi_without_its_firmware_s_word_still_has_its_sensor(tmp_path: Path) -> None:
    board_tree.pi(tmp_path, "no number", alarm="1")
    assert read(tmp_path).undervoltage is True
    assert read(tmp_path).throttled is None


def test_an_orin(tmp_path: Path) -> None:
    board_tree.orin(tmp_path)
    board = read(tmp_path)
    assert board == Board(
        undervoltage=None,
        throttled=False,
        gpu_load=0.734,
        power={"VDD_IN": 7.24, "VDD_CPU_GPU_CV": 1.535, "VDD_SOC": 1.454},
        power_mode="MAXN_SUPER",
        temperatures={"cpu-thermal": 52.0, "gpu-thermal": 50.5},
    )
    assert board.temperature == 52.0
    (tmp_path / board_tree.THERMAL / "cooling_device2/cur_state").write_text("1\n")
    assert read(tmp_path).throttled is True
    assert Thermometer(tmp_path).throttled() is True


def test_a_nano_of_2019(tmp_path: Path) -> None:
    board_tree.nano(tmp_path)
    board = read(tmp_path)
    assert (board.gpu_load, board.power_mode) == (0.0, "5W")
    assert board.power == {"POM_5V_IN": 2.532, "POM_5V_GPU": 0.041}
    assert Thermometer(tmp_path).heat() == Heat("CPU-therm", 33.5, 97.0), "the PMIC's 100 degrees are no temperature"


@pytest.mark.parametrize(
    ("status", "conf", "name"),
    [
        ("pmode:0001", board_tree.NVPMODEL, "25W"),
        ("pmode:0007", board_tree.NVPMODEL, "mode 7"),
        ("pmode:0009", board_tree.NVPMODEL, "mode 9"),
        ("pmode:0001", None, "mode 1"),
        ("nonsense", board_tree.NVPMODEL, None),
        (None, board_tree.NVPMODEL, None),
    ],
)
def test_the_power_mode_has_a_name(tmp_path: Path, status: str | None, conf: str | None, name: str | None) -> None:
    files = {"var/lib/nvpmodel/status": status, "etc/nvpmodel.conf": conf}
    board_tree.write(tmp_path, {path: text for path, text in files.items() if text is not None})
    assert read(tmp_path).power_mode == name


def test_a_machine_that_tells_nothing(tmp_path: Path) -> None:
    assert read(tmp_path) == Board()
    assert read(tmp_path).temperature is None
    assert Thermometer(tmp_path).heat() is None
    assert Thermometer(tmp_path).throttled() is None


def test_this_machine_can_be_read_and_said() -> None:
    """No more than that: what it says depends on it."""
    assert set(json.loads(json.dumps(read().to_json()))) == {
        "undervoltage",
        "throttled",
        "gpu_load",
        "power_w",
        "power_mode",
        "temperatures",
    }


def test_the_trip_that_only_warns_of_a_hot_surface_is_no_limit(tmp_path: Path) -> None:
    board_tree.orin(tmp_path, cpu=72_000)
    assert Thermometer(tmp_path).heat() == Heat("cpu-thermal", 72.0, 99.0)


def test_a_passive_trip_that_nothing_is_bound_to_counts(tmp_path: Path) -> None:
    board_tree.zone(tmp_path, 0, "acpitz", 60_000, ("passive", 95_000), ("hot", 90_000), ("critical", 105_000))
    assert Thermometer(tmp_path).heat() == Heat("acpitz", 60.0, 90.0)


@pytest.mark.parametrize("trip", [("passive", 0), ("passive", -274_000), ("active", 50_000), ("critical", 90_000)])
def test_what_is_no_limit(tmp_path: Path, trip: tuple[str, int]) -> None:
    board_tree.zone(tmp_path, 0, "x86_pkg_temp", 60_000, trip)
    assert thermal.limits(tmp_path) == {}
    assert Thermometer(tmp_path).heat() == Heat("x86_pkg_temp", 60.0, None)


@pytest.mark.parametrize("five", [False, True])
def test_a_pi_s_limit_is_its_firmware_s(tmp_path: Path, five: bool) -> None:
    board_tree.pi(tmp_path, five=five)
    assert Thermometer(tmp_path).heat() == Heat("cpu-thermal", 51.2, 80.0)


def test_the_zone_closest_to_its_own_limit_is_the_one_that_matters(tmp_path: Path) -> None:
    board_tree.zone(tmp_path, 0, "cpu", 80_000, ("passive", 100_000))
    board_tree.zone(tmp_path, 1, "wifi", 70_000, ("passive", 75_000))
    board_tree.zone(tmp_path, 10, "disk", 90_000)
    thermometer = Thermometer(tmp_path)
    assert thermometer.heat() == Heat("wifi", 70.0, 75.0)
    board_tree.write(tmp_path, {f"{board_tree.THERMAL}/thermal_zone1/temp": ""})
    assert thermometer.heat() == Heat("cpu", 80.0, 100.0), "a sensor may stop to answer"


def test_two_zones_of_one_name_are_told_as_the_hotter(tmp_path: Path) -> None:
    board_tree.zone(tmp_path, 0, "acpitz", 40_000)
    board_tree.zone(tmp_path, 1, "acpitz", 45_000)
    assert read(tmp_path).temperatures == {"acpitz": 45.0}


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=30), min_size=8, max_size=8))
def test_no_text_of_a_driver_breaks_it(tmp_path: Path, texts: list[bytes]) -> None:
    if not (tmp_path / "sys").exists():
        board_tree.pi(tmp_path)
        board_tree.orin(tmp_path)
    files = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    for place, text in enumerate(texts):
        files[(place * 7 + sum(text)) % len(files)].write_bytes(text)
    json.dumps(read(tmp_path).to_json(), allow_nan=False)
    Thermometer(tmp_path).heat()
