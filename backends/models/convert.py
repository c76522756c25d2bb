"""Converts a model that is slow to load into OpenVINO IR: python -m backends.models.convert SOURCE DEST.xml.

A process of its own, because the runtime is heavy and may crash on a foreign file. Exit code 0, or 1 with the reason
on standard error.
"""

from __future__ import annotations

import sys
from pathlib import Path


def convert(source: Path, destination: Path) -> None:
    """Writes `destination` and its .bin beside it, weights as they are (no halving).

    Raises RuntimeError (from OpenVINO), ImportError or OSError.
    """
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # its stub does nothing
    import openvino

    openvino.save_model(openvino.Core().read_model(source), destination, compress_to_fp16=False)


def main(argv: list[str]) -> int:
    if len(argv) != 2:
        sys.stderr.write("usage: python -m backends.models.convert SOURCE DEST.xml\n")
        return 2
    try:
        convert(Path(argv[0]), Path(argv[1]))
    except (RuntimeError, ImportError, OSError) as e:
        sys.stderr.write(f"{e}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
