from __future__ import annotations

import threading

import numpy as np
import pytest

from agent.capture.boxes import MOST
from agent.capture.frame import Frame, Motion, Picture
from agent.capture.mailbox import Mailbox


def frame(index: int, monotonic: float = 0.0, motion: Motion | None = None) -> Frame:
    y = np.zeros((2, 2), np.uint8)
    return Frame("c", index, Picture(y, None, None, None, False, y), 2, 2, 0, 0.0, monotonic, float(index), motion)


def test_the_newest_frame_wins_and_the_overtaken_one_is_counted() -> None:
    woken: list[int] = []
    box = Mailbox(lambda: woken.append(1), wait=False)
    assert box.take() is None
    assert box.waiting_since() is None
    assert box.put(frame(0, 10.0), 0)
    assert box.put(frame(1, 11.0), 0)
    assert box.waiting_since() == 10.0, "the camera keeps its turn"
    waiting = box.peek()
    assert waiting is not None
    assert waiting.index == 1
    taken = box.take()
    assert taken is not None
    assert taken.index == 1
    assert box.take() is None
    assert box.dropped == {"overtaken": 1, "busy": 0, "rate": 0, "gated": 0}
    assert len(woken) == 2
    box.put(frame(2, 12.0), 0)
    assert box.waiting_since() == 12.0


def test_what_was_not_even_decoded_is_counted_as_overtaken() -> None:
    box = Mailbox(lambda: None, wait=False)
    box.skip(7)
    assert box.dropped == {"overtaken": 7, "busy": 0, "rate": 0, "gated": 0}


@pytest.mark.parametrize(
    ("not_before", "busy", "cause"),
    [
        (3.5, False, "rate"),
        (3.5, True, "rate"),
        (3.0, False, "overtaken"),
        (0.0, False, "overtaken"),
        (0.0, True, "busy"),
    ],
)
def test_an_overtaken_frame_is_counted_by_its_cause(not_before: float, busy: bool, cause: str) -> None:
    box = Mailbox(lambda: None, wait=False)
    box.not_before, box.busy = not_before, busy
    box.put(frame(0, 3.0), 0)
    box.put(frame(1, 4.0), 0)
    assert box.dropped[cause] == 1
    assert sum(box.dropped.values()) == 1


LEFT, RIGHT = (0.1, 0.1, 0.2, 0.2), (0.8, 0.1, 0.9, 0.2)


@pytest.mark.parametrize(
    ("motions", "merged"),
    [
        ([None, None], None),
        ([Motion(), Motion()], Motion()),
        ([Motion((LEFT,)), Motion()], Motion((LEFT,))),
        ([Motion((LEFT,)), Motion((RIGHT,)), Motion()], Motion((LEFT, RIGHT))),
        ([Motion((LEFT,)), Motion(((0.15, 0.15, 0.3, 0.3),))], Motion(((0.1, 0.1, 0.3, 0.3),))),
        ([Motion(unsettled=True), Motion((LEFT,))], Motion((LEFT,), unsettled=True)),
        ([Motion(), Motion(unsettled=True)], Motion(unsettled=True)),
    ],
)
def test_what_moved_in_an_overtaken_frame_is_not_lost(motions: list[Motion | None], merged: Motion | None) -> None:
    box = Mailbox(lambda: None, wait=False)
    for index, motion in enumerate(motions):
        box.put(frame(index, motion=motion), 0)
    taken = box.take()
    assert taken is not None
    assert taken.index == len(motions) - 1
    assert taken.motion == merged


def test_motion_of_many_overtaken_frames_stays_few_boxes() -> None:
    box = Mailbox(lambda: None, wait=False)
    spots = [(x / 20, y / 20, x / 20 + 0.01, y / 20 + 0.01) for x in range(20) for y in range(20)]
    for index, spot in enumerate(spots):
        box.put(frame(index, motion=Motion((spot,))), 0)
    taken = box.take()
    assert taken is not None
    assert taken.motion is not None
    boxes = taken.motion.boxes
    assert len(boxes) <= MOST
    for x1, y1, x2, y2 in spots:
        assert any(b[0] <= x1 and b[1] <= y1 and x2 <= b[2] and y2 <= b[3] for b in boxes)


def test_what_has_been_taken_is_not_told_again() -> None:
    box = Mailbox(lambda: None, wait=False)
    box.put(frame(0, motion=Motion((LEFT,))), 0)
    box.take()
    box.put(frame(1, motion=Motion((RIGHT,))), 0)
    taken = box.take()
    assert taken is not None
    assert taken.motion == Motion((RIGHT,))


def test_waiting_put_gives_up_at_its_deadline_and_loses_nothing() -> None:
    box = Mailbox(lambda: None, wait=True)
    assert box.put(frame(0), 0.01)
    assert not box.put(frame(1), 0.01)
    taken = box.take()
    assert taken is not None
    assert taken.index == 0
    assert sum(box.dropped.values()) == 0


def test_waiting_put_hands_every_frame_over_in_order() -> None:
    filled = threading.Event()
    box = Mailbox(filled.set, wait=True)
    total = 500

    def produce() -> None:
        for index in range(total):
            assert box.put(frame(index), 10)

    producer = threading.Thread(target=produce)
    producer.start()
    seen = []
    while len(seen) < total:
        assert filled.wait(10)
        filled.clear()
        while (taken := box.take()) is not None:
            seen.append(taken.index)
    producer.join(10)
    assert seen == list(range(total))
    assert sum(box.dropped.values()) == 0


def test_live_producer_accounts_for_every_frame() -> None:
    box = Mailbox(lambda: None, wait=False)
    total, seen = 2000, []
    done = threading.Event()

    def produce() -> None:
        for index in range(total):
            box.put(frame(index, 1.0), 0)
        done.set()

    producer = threading.Thread(target=produce)
    producer.start()
    while not done.is_set() or box.waiting_since() is not None:
        taken = box.take()
        if taken is not None:
            seen.append(taken.index)
    producer.join(10)
    assert seen == sorted(seen)
    assert seen[-1] == total - 1
    assert len(seen) + box.dropped["overtaken"] == total


def test_close_frees_a_waiting_put_and_keeps_what_lies_in_the_slot() -> None:
    box = Mailbox(lambda: None, wait=True)
    box.put(frame(0), 1)
    results: list[bool] = []
    waiter = threading.Thread(target=lambda: results.append(box.put(frame(1), 30)))
    waiter.start()
    box.close()
    waiter.join(10)
    assert results == [False]
    taken = box.take()
    assert taken is not None
    assert taken.index == 0
    assert not box.put(frame(2), 1)


def test_a_closed_live_mailbox_takes_nothing() -> None:
    woken: list[int] = []
    box = Mailbox(lambda: woken.append(1), wait=False)
    box.close()
    assert not box.put(frame(0), 1)
    assert woken == []


MOVED = Motion(((0.1, 0.1, 0.2, 0.2),))


@pytest.mark.parametrize(
    ("motion", "wakes"), [(Motion(), 0), (MOVED, 1), (Motion(unsettled=True), 1), (None, 1)], ids=str
)
def test_while_it_dozes_only_motion_wakes(motion: Motion | None, wakes: int) -> None:
    woken: list[int] = []
    box = Mailbox(lambda: woken.append(1), wait=False)
    box.doze = True
    box.put(frame(0, motion=motion), 0)
    assert len(woken) == wakes
    assert box.peek() is not None, "it lies there for who looks"


def test_quiet_frames_that_are_overtaken_while_it_dozes_are_gated() -> None:
    woken: list[int] = []
    box = Mailbox(lambda: woken.append(1), wait=False)
    box.doze = True
    for i in range(5):
        box.put(frame(i, motion=Motion()), 0)
    box.put(frame(5, motion=MOVED), 0)
    assert box.dropped == {"overtaken": 0, "busy": 0, "rate": 0, "gated": 5}
    assert len(woken) == 1


def test_who_takes_frames_and_the_camera_count_the_same() -> None:
    box = Mailbox(lambda: None, wait=False)
    box.doze = True
    box.put(frame(0, motion=Motion()), 0)
    counting = [threading.Thread(target=lambda: [box.gate() for _ in range(5000)]) for _ in range(2)]
    for thread in counting:
        thread.start()
    for i in range(5000):
        box.put(frame(i, motion=Motion()), 0)
    for thread in counting:
        thread.join()
    assert box.dropped["gated"] == 15000


def test_where_every_frame_counts_each_of_them_wakes() -> None:
    woken: list[int] = []
    box = Mailbox(lambda: woken.append(1), wait=True)
    box.doze = True
    box.put(frame(0, motion=Motion()), 0)
    assert len(woken) == 1
