from __future__ import annotations

from agent.publish.camera_pictures import EVERY_S, KEPT_S, CameraPictures

DAY = KEPT_S


def taken(shown: CameraPictures, now: float) -> list[tuple[str, bytes, float]]:
    return list(iter(lambda: shown.take(now), None))


def test_of_a_burst_the_first_goes_at_once_and_the_last_when_the_time_is_over() -> None:
    shown = CameraPictures()
    sent = []
    for tenth in range(300):
        now = tenth / 10
        if tenth < 50:
            shown.put("a", b"%d" % tenth, now)
        sent += [(now, payload) for _, payload, _ in taken(shown, now)]
    assert sent == [(0.0, b"0"), (EVERY_S, b"49")]


def test_cameras_do_not_wait_for_each_other() -> None:
    shown = CameraPictures()
    shown.put("a", b"1", 0.0)
    shown.put("b", b"2", 1.0)
    assert taken(shown, 1.0) == [("a", b"1", DAY - 1.0), ("b", b"2", DAY)]


def test_after_a_loss_the_newest_goes_again_for_what_is_left_of_its_day() -> None:
    shown = CameraPictures()
    shown.put("a", b"1", 0.0)
    taken(shown, 0.0)
    shown.lost()
    assert taken(shown, 5.0) == [("a", b"1", DAY - 5.0)]
    assert taken(shown, 6.0) == []
    shown.lost()
    assert taken(shown, DAY) == []
