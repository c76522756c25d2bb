"""What is lost, doubled or out of order, us beside the usual ways: `python -m tests.slow.delivery.table --runs 20`."""

from __future__ import annotations

import argparse
import itertools
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from tests.slow.delivery.scenarios import SCENARIOS
from tests.slow.delivery.stage import run

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.slow.delivery.stage import Outcome

KINDS = ("vedette", "paho", "frigate-like")
AT_ONCE = 3


def runs(kind: str, scenario: str, count: int, folder: Path) -> list[Outcome]:
    """Several at once: they mostly wait."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        folders = (folder / f"{kind}-{scenario.replace(' ', '_')}-{n}" for n in range(count))
        return list(pool.map(run, itertools.repeat(kind), itertools.repeat(scenario), folders, range(count)))


def row(found: Sequence[Outcome]) -> str:
    first = found[0]
    backs = sorted(o.back_s for o in found if o.back_s is not None)
    back = f"{backs[len(backs) // 2]:5.1f} {backs[-1]:5.1f}" if backs else "    -     -"
    return (
        f"{first.scenario:30} {first.kind:13} {len(found):4} {sum(o.kept for o in found):8} "
        f"{sum(o.lost for o in found):6} {sum(o.lost == 0 for o in found):4}/{len(found):<3} "
        f"{sum(o.inversions for o in found):6} {max(o.duplicates for o in found):5} "
        f"{sum(o.unkept for o in found):7} {back}"
    )


HEAD = (
    f"{'':30} {'':13} {'runs':>4} {'events':>8} {'lost':>6} {'clean':>8} {'order':>6} {'most':>5} {'not yet':>7} "
    f"{'s until back':>11}\n"
    f"{'':30} {'':13} {'':4} {'':8} {'':6} {'runs':>8} {'':6} {'twice':>5} {'kept':>7} {'p50':>5} {'most':>5}"
)


def main(scenarios: Iterable[str], counts: dict[str, int]) -> None:
    print(HEAD)
    with tempfile.TemporaryDirectory(prefix="vedette-delivery-") as folder:
        for scenario in scenarios:
            for kind, count in counts.items():
                if count:
                    print(row(runs(kind, scenario, count, Path(folder))), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--baselines", type=int, default=3)
    parser.add_argument("--only", action="append", choices=list(SCENARIOS))
    given = parser.parse_args()
    counts = {kind: given.runs if kind == "vedette" else given.baselines for kind in KINDS}
    main(given.only or SCENARIOS, counts)
