from __future__ import annotations

import json
import threading
from itertools import islice
from typing import TYPE_CHECKING

import pytest

from agent.runtime.state import FILE, SceneState

if TYPE_CHECKING:
    from pathlib import Path


def test_numbers_and_totals_survive_a_clean_stop(tmp_path: Path) -> None:
    state = SceneState(tmp_path)
    assert list(islice(state.ids(), 3)) == [1, 2, 3]
    state.total("gate", "door", "person", (4, 2, 1e9))
    state.counted("gate", "person")
    state.save(ending=True)
    again = SceneState(tmp_path)
    assert (again.labels("gate"), again.labels("yard")) == (("person",), ())
    assert next(again.ids()) == 4
    assert again.totals("gate") == {"door": {"person": (4, 2, 1e9)}}
    assert again.totals("yard") == {}


def test_a_killed_daemon_gives_no_number_twice(tmp_path: Path) -> None:
    state = SceneState(tmp_path)
    state.save()
    given: set[int] = set()
    for _ in range(3):
        given.update(islice(state.ids(), 9000))
        state.save()
    following = next(SceneState(tmp_path).ids())
    assert following > max(given)


def test_what_a_line_counts_is_written_at_once_and_in_a_crowd_some_times_a_second(tmp_path: Path) -> None:
    woken: list[None] = []
    state = SceneState(tmp_path, lambda: woken.append(None))
    state.turn(100.0)
    assert (state.due(), (tmp_path / FILE).exists()) == (float("inf"), False)

    def count(total: int) -> None:
        state.total("gate", "door", "person", (total, 0, 1e9))
        state.told()

    def kept() -> int:
        return SceneState(tmp_path).totals("gate")["door"]["person"][0]

    count(1)
    assert (len(woken), state.due() < 100.0) == (1, True)
    state.turn(100.0)
    assert kept() == 1
    count(1)  # told again, and nothing new
    assert (len(woken), state.due()) == (1, float("inf"))
    count(2)
    state.turn(100.1)
    assert kept() == 1
    state.turn(state.due())
    assert (kept(), state.due()) == (2, float("inf"))


def test_nothing_is_written_when_nothing_changed(tmp_path: Path) -> None:
    state = SceneState(tmp_path)
    state.save()
    before = (tmp_path / FILE).stat().st_mtime_ns
    state.save()
    assert (tmp_path / FILE).stat().st_mtime_ns == before


@pytest.mark.parametrize("text", ["", "[]", "{", '{"next_track_id": "x", "lines": {}}', '{"next_track_id": 5}', "\0"])
def test_an_unreadable_file_is_kept_and_no_number_comes_again(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    state = SceneState(tmp_path)
    assert next(state.ids()) > 1_600_000_000
    state.save(ending=True)
    assert json.loads((tmp_path / FILE).read_text())["next_track_id"] > 1_600_000_000
    assert (tmp_path / FILE).with_suffix(".unreadable").read_text() == text


def test_a_full_or_missing_disk_costs_a_warning_and_is_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")
    state = SceneState(tmp_path / "state")
    state.total("gate", "door", "person", (1, 0, 1e9))
    state.save()
    assert "cannot" in caplog.text
    (tmp_path / "state").unlink()
    state.save()
    assert SceneState(tmp_path / "state").totals("gate")


def test_numbers_drawn_on_many_threads_are_all_different(tmp_path: Path) -> None:
    ids = SceneState(tmp_path).ids()
    drawn: list[list[int]] = []

    def draw() -> None:
        drawn.append(list(islice(ids, 5000)))

    threads = [threading.Thread(target=draw) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({n for numbers in drawn for n in numbers}) == 20_000
