"""The list of `vedette fleet`: it fits the terminal, and tells unknown from none."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from agent.tools.fleet.rows import Row
from agent.tools.fleet.state import Device, Fleet
from agent.tools.fleet.table import document, table

FINE = Row("gate", "online", 14.96, {}, {}, 0, "0.2.0", ("person",), {"yard": "online"}, {}, (), ())
HOT = replace(
    FINE,
    name="a-device-with-a-name-of-32-letter",
    alerts={"thermal/device": "warning", "disk-full/device": "error"},
    heard={"thermal/device": "warning", "disk-full/device": "error"},
    outbox=12_000,
)
GONE = replace(FINE, name="gone", state="offline", fps=None, alerts=None, outbox=None)
VAGUE = Row("vague", "unknown", None, None, {"x/y": "info"}, None, None, None, {}, {}, ("status", "info"), ())
ALL = [HOT, FINE, GONE, VAGUE]
KNOWN = Fleet(devices=dict.fromkeys("abcd", Device()))


def test_the_list() -> None:
    assert table([replace(HOT, name="hot"), FINE, GONE, VAGUE], KNOWN, 1000) == [
        "device  state     fps  alerts  outbox  version  model",
        "hot     online   15.0       2   12000  0.2.0    person  error disk-full/device; thermal/device; events wait",
        "gate    online   15.0       0       0  0.2.0    person",
        "gone    offline     -       -       -  0.2.0    person",
        "vague   unknown     ?     1+?       ?  ?        ?       x/y; no status, info",
        "",
        "4 devices: 2 online, 1 offline, 1 unknown",
        "1 incomplete: the broker does not have all of their info, status; ? is unknown, not none",
    ]


@pytest.mark.parametrize("width", [60, 80, 81, 100, 120, 200])
def test_it_fits(width: int) -> None:
    long = replace(
        FINE, version="10.20.30+dev.abcdef", models=("a-model-with-a-long-name", "another"), notes=("x" * 99,)
    )
    lines = table([*ALL, long], KNOWN, width)
    assert all(len(line) <= width for line in lines[: len(ALL) + 2])
    heads = ("device", "state", "fps", "alerts", "outbox", "version", "model")
    assert width < 80 or all(head in lines[0] for head in heads)


def test_colours_only_where_they_are_seen_and_wrapped_around_whole_lines() -> None:
    plain, coloured = table(ALL, KNOWN, 80), table(ALL, KNOWN, 80, colours=True)
    assert "\x1b" not in "".join(plain)
    assert [
        line.removeprefix("\x1b[31m").removeprefix("\x1b[33m").removesuffix("\x1b[0m") for line in coloured
    ] == plain
    assert coloured[2] == plain[2], "what is well has none"
    assert coloured[3].startswith("\x1b[31m")


def test_of_some_it_says_how_many_there_are() -> None:
    assert table([FINE], KNOWN, 80)[-1] == "1 of 4 devices: 1 online"
    assert table([], Fleet(notes=["nothing is kept"]), 80) == ["0 devices", "nothing is kept"]


def test_programs_get_null_for_what_is_not_known() -> None:
    told = json.loads(json.dumps(document(ALL, KNOWN)))
    hot, fine, gone, vague = told["devices"]
    assert hot["alerts"] == {"thermal/device": "warning", "disk-full/device": "error"}
    assert (fine["fps"], fine["alerts"], fine["outbox"], fine["models"]) == (15.0, {}, 0, ["person"])
    assert (gone["state"], gone["fps"], gone["alerts"], gone["outbox"]) == ("offline", None, None, None)
    assert (vague["version"], vague["models"], vague["unknown"]) == (None, None, ["status", "info"])
    assert told["states"] == {"online": 2, "degraded": 0, "blind": 0, "offline": 1, "unknown": 1}
    assert (told["heard"], told["incomplete"], told["whole"], told["notes"]) == (4, 1, True, [])
