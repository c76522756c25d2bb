"""The files by which a Raspberry Pi 4's kernel describes its processor, for a root that this machine's kernel serves.

Without them OpenVINO dies (its threads' library finds no processors), and with this machine's own LiteRT does (its
cpuinfo library reads x86's where it expects ARM's).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

CPU = "cortex-a72"
"""As qemu calls it. Its own choice would have vector instructions that no board has."""
CPUINFO = "opt/cpuinfo"
"""Takes the place of /proc/cpuinfo in the root."""
_MIDR = 0x410FD083
_FEATURES = "fp asimd evtstrm crc32 cpuid"


def write(root: Path, cores: int) -> None:
    """cores: as many as this machine has, since scheduling is its kernel's."""
    block = (
        "processor\t: {}\nBogoMIPS\t: 108.00\nFeatures\t: {}\nCPU implementer\t: 0x41\nCPU architecture: 8\n"
        "CPU variant\t: 0x0\nCPU part\t: 0xd08\nCPU revision\t: 3\n\n"
    )
    (root / CPUINFO).parent.mkdir(exist_ok=True)
    (root / CPUINFO).write_text("".join(block.format(core, _FEATURES) for core in range(cores)))
    cpu = root / "sys/devices/system/cpu"
    everyone = {"list": f"0-{cores - 1}" if cores > 1 else "0", "mask": f"{(1 << cores) - 1:x}"}
    files = dict.fromkeys(("online", "possible", "present"), everyone["list"])
    for core in range(cores):
        topology = {
            "physical_package_id": "0",
            "core_id": str(core),
            "core_siblings": everyone["mask"],
            "core_siblings_list": everyone["list"],
            "package_cpus": everyone["mask"],
            "package_cpus_list": everyone["list"],
            "thread_siblings": f"{1 << core:x}",
            "thread_siblings_list": str(core),
            "core_cpus": f"{1 << core:x}",
            "core_cpus_list": str(core),
        }
        files |= {f"cpu{core}/topology/{name}": text for name, text in topology.items()}
        files[f"cpu{core}/cpufreq/cpuinfo_max_freq"] = "1800000"
        files[f"cpu{core}/regs/identification/midr_el1"] = f"0x{_MIDR:016x}"
    for name, text in files.items():
        (cpu / name).parent.mkdir(parents=True, exist_ok=True)
        (cpu / name).write_text(text + "\n")
