"""The views that we ship for PostgreSQL, on a real one, with rows as Telegraf makes them (tests/slow/telegraf)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support import telegraf
from tests.support.postgres import postgres
from tests.support.simulated import Simulated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SQL = Path(__file__).parents[3] / "config" / "fleet" / "events.sql"
TYPES = {str: "text", int: "bigint", float: "double precision", bool: "boolean"}


@pytest.fixture
def psql() -> Iterator[Callable[[str], list[list[str]]]]:
    with postgres() as server:
        yield server.ask


def test_each_event_once_and_what_never_came(psql: Callable[[str], list[list[str]]]) -> None:
    (consumer,) = (each for each in telegraf.inputs() if each["name_override"] == "vedette_event")
    device, other = Simulated(1), Simulated(2)
    own = {n: device.event() for n in range(1, 9)}
    came = [(device, message) for n, message in own.items() if n not in {3, 4, 7}]
    came += [(other, other.event()), (other, other.event()), *came[:2]]
    rows = [telegraf.row(consumer, d.topics.events, m) for d, m in came]
    columns = {"time": "timestamp", **dict.fromkeys(rows[0].tags, "text")}
    columns |= {name: TYPES[type(value)] for row in rows for name, value in row.fields.items()}
    psql(f"CREATE TABLE vedette_event ({', '.join(f'{name} {kind}' for name, kind in columns.items())})")
    for row in rows:
        values = {"time": row.time, **row.tags, **row.fields}
        quoted = ", ".join("'" + str(value).replace("'", "''") + "'" for value in values.values())
        psql(f"INSERT INTO vedette_event ({', '.join(values)}) VALUES ({quoted})")
    for _ in range(2):  # it may be run again
        psql(SQL.read_text())
    assert psql("SELECT count(*) FROM vedette_event") == [["9"]]
    assert psql("SELECT device, count(*) FROM vedette_event_once GROUP BY device ORDER BY device") == [
        ["sim-00001", "5"],
        ["sim-00002", "2"],
    ]
    epoch = device.epoch
    assert psql("SELECT * FROM vedette_event_missing ORDER BY first") == [
        ["sim-00001", epoch, "3", "4"],
        ["sim-00001", epoch, "7", "7"],
    ]
