"""Trees of /sys, /proc, /etc and /var as boards show them.

The names and formats are those of the kernel's documentation (sysfs-class-thermal, hwmon/ina3221, hwmon/raspberrypi),
of the Raspberry Pi firmware driver and of NVIDIA's L4T; the values are made up within what these boards do. What they
do not prove: that a real board of today names things so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

THERMAL = "sys/class/thermal"
NVPMODEL = """\
< PARAM TYPE=FILE NAME=CPU_ONLINE >
CORE_0 /sys/devices/system/cpu/cpu0/online
# < POWER_MODEL ID=9 NAME=COMMENTED >
< POWER_MODEL ID=0 NAME=15W >
CPU_ONLINE CORE_0 1
< POWER_MODEL ID=1 NAME=25W >
< POWER_MODEL ID=2 NAME=MAXN_SUPER >
< PM_CONFIG DEFAULT=1 >
"""


def write(root: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text if text.endswith("\0") else text + "\n")


def zone(root: Path, number: int, name: str, millidegrees: int, *trips: tuple[str, int]) -> None:
    """trips: (type, millidegrees)."""
    folder = f"{THERMAL}/thermal_zone{number}"
    write(root, {f"{folder}/type": name, f"{folder}/temp": str(millidegrees)})
    for index, (kind, at) in enumerate(trips):
        write(root, {f"{folder}/trip_point_{index}_type": kind, f"{folder}/trip_point_{index}_temp": str(at)})


def cooling(root: Path, number: int, name: str, state: int = 0) -> Path:
    folder = f"{THERMAL}/cooling_device{number}"
    write(root, {f"{folder}/type": name, f"{folder}/cur_state": str(state)})
    return root / folder


def bind(root: Path, zone_number: int, slot: int, device: int, trip: int) -> None:
    """The cooling device acts at that trip of the zone."""
    folder = root / THERMAL / f"thermal_zone{zone_number}"
    (folder / f"cdev{slot}").symlink_to(f"../cooling_device{device}")
    (folder / f"cdev{slot}_trip_point").write_text(f"{trip}\n")


def pi(root: Path, word: str = "0", millidegrees: int = 51_200, alarm: str = "0", *, five: bool = False) -> None:
    """A Raspberry Pi 4, or 5. word: get_throttled, as the firmware's driver prints it: hexadecimal."""
    soc = "soc@107c000000" if five else "soc"
    model = "Raspberry Pi 5 Model B Rev 1.0" if five else "Raspberry Pi 4 Model B Rev 1.4"
    write(
        root,
        {
            "proc/device-tree/model": model + "\0",
            f"sys/devices/platform/{soc}/{soc}:firmware/get_throttled": word,
            "sys/class/hwmon/hwmon1/name": "rpi_volt",
            "sys/class/hwmon/hwmon1/in0_lcrit_alarm": alarm,
        },
    )
    if five:  # the fan's trips, which slow nothing down
        zone(root, 0, "cpu-thermal", millidegrees, ("critical", 110_000), ("active", 50_000), ("active", 60_000))
    else:
        zone(root, 0, "cpu-thermal", millidegrees, ("critical", 90_000))


def orin(root: Path, cpu: int = 52_000, gpu: int = 50_500) -> None:
    """A Jetson Orin Nano with L4T 36."""
    write(
        root,
        {
            "proc/device-tree/model": "NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super\0",
            "sys/devices/platform/bus@0/17000000.gpu/load": "734",
            "etc/nvpmodel.conf": NVPMODEL,
            "var/lib/nvpmodel/status": "pmode:0002 fmode:quiet",
            "sys/class/hwmon/hwmon3/name": "ina3221",
            **_rail(1, "VDD_IN", 5056, 1432),
            **_rail(2, "VDD_CPU_GPU_CV", 5048, 304),
            **_rail(3, "VDD_SOC", 5048, 288),
            "sys/class/hwmon/hwmon3/in7_label": "sum of shunt voltages",
            "sys/class/hwmon/hwmon3/curr4_input": "2024",
        },
    )
    trips = ("passive", 99_000), ("critical", 104_500), ("passive", 70_000)
    zone(root, 0, "cpu-thermal", cpu, *trips)
    zone(root, 1, "gpu-thermal", gpu, *trips)
    zone(root, 2, "cv0-thermal", -256_000)  # switched off
    (root / THERMAL / "thermal_zone3").mkdir()  # its `temp` fails
    for number, name in enumerate(("cpufreq-cpu0", "hot-surface-alert", "cpu-throttle-alert", "pwm-fan")):
        cooling(root, number, name)
    for number in (0, 1):
        bind(root, number, 0, 0, 0)
        bind(root, number, 1, 1, 2)
        bind(root, number, 2, 2, 0)


def nano(root: Path) -> None:
    """A Jetson Nano of 2019 with L4T 32."""
    rails = "sys/bus/i2c/drivers/ina3221x/6-0040/iio:device0"
    write(
        root,
        {
            "proc/device-tree/model": "NVIDIA Jetson Nano Developer Kit\0",
            "sys/devices/gpu.0/load": "0",
            "etc/nvpmodel.conf": "< POWER_MODEL ID=0 NAME=MAXN >\n< POWER_MODEL ID=1 NAME=5W >",
            "var/lib/nvpmodel/status": "pmode:0001 fmode:fanNull",
            f"{rails}/rail_name_0": "POM_5V_IN",
            f"{rails}/in_power0_input": "2532",
            f"{rails}/rail_name_1": "POM_5V_GPU",
            f"{rails}/in_power1_input": "41",
        },
    )
    zone(root, 0, "AO-therm", 41_000)
    zone(root, 1, "CPU-therm", 33_500, ("passive", 97_000), ("critical", 102_500))
    zone(root, 2, "PMIC-Die", 100_000)


def _rail(channel: int, name: str, millivolts: int, milliamperes: int) -> dict[str, str]:
    sensor = "sys/class/hwmon/hwmon3"
    return {
        f"{sensor}/in{channel}_label": name,
        f"{sensor}/in{channel}_input": str(millivolts),
        f"{sensor}/curr{channel}_input": str(milliamperes),
    }
