from __future__ import annotations

import av
import cv2
import numpy as np
import pytest

from agent.capture.frame import Frame
from agent.capture.pyav import picture_of
from agent.dispatch.cut import LONGEST_CROP, LONGEST_WHOLE, crop_view, sharpness, whole_view, within
from agent.dispatch.gallery import MOST, Gallery
from agent.perception.facts import WHOLE, Box, Happening, Kind, TrackView, View
from tests.support.pictures import decoded, frame_of, noise, stored_as

BOX: Box = (0.25, 0.25, 0.5, 0.75)
PAINTS = ((220, 30, 30), (20, 200, 40), (30, 40, 210), (128, 128, 128))


def plain(level: int, size: tuple[int, int] = (320, 240)) -> Frame:
    return frame_of(decoded(np.full((size[1], size[0], 3), level, np.uint8)))


def happening(kind: Kind, track_id: int) -> Happening:
    track = TrackView(track_id, 0, 0.9, 0.9, BOX, 0.0, 1.0, 1.0, False, False, (), (), ())
    return Happening(kind, 0.0, track, (320, 240))


def shown(gallery: Gallery, track_id: int, kind: Kind = "track.updated") -> int | None:
    """The gray level of what there is of the track."""
    found = gallery.pictures([happening(kind, track_id)])
    return round(float(found[track_id].image.mean())) if track_id in found else None


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_a_crop_shows_the_object_with_room_around_it(rotate: int) -> None:
    rgb = np.zeros((600, 800, 3), np.uint8)
    rgb[200:400, 300:400] = 255
    found = crop_view(frame_of(stored_as(decoded(rgb), rotate), rotate), (300 / 800, 200 / 600, 0.5, 400 / 600), ())
    height, width = found.image.shape[:2]
    assert (height, width) == pytest.approx((260, 130), abs=2)
    x1, y1, x2, y2 = np.round(np.array(found.box) * [width, height, width, height]).astype(int)
    assert found.image[y1 + 2 : y2 - 2, x1 + 2 : x2 - 2].min() > 200
    outside = np.ones((height, width), np.bool_)
    outside[y1 - 2 : y2 + 2, x1 - 2 : x2 + 2] = False
    assert found.image[outside].max() < 50
    assert not found.whole


@pytest.mark.parametrize("size", [(3840, 2160), (1000, 3000), (640, 480)])
def test_views_are_bounded_and_never_enlarged(size: tuple[int, int]) -> None:
    frame = plain(100, size)
    assert max(whole_view(frame, ()).shape) == min(LONGEST_WHOLE, max(size))
    assert max(crop_view(frame, (0, 0, 1, 1), ()).image.shape) == min(LONGEST_CROP, max(size))
    tiny = crop_view(frame, (0.5, 0.5, 0.5, 0.5), ())
    assert tiny.image.shape == (2, 2, 3)


@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize("colours", ["ITU601", "ITU709"])
@pytest.mark.parametrize("rotate", [0, 90])
def test_a_view_has_the_colours_that_the_stream_says(colours: str, full_range: bool, rotate: int) -> None:
    rgb = np.zeros((240, 320, 3), np.uint8)
    rgb[:120, :160], rgb[:120, 160:], rgb[120:, :160], rgb[120:, 160:] = PAINTS
    made = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(
        format="yuv420p", dst_colorspace=colours, dst_color_range="JPEG" if full_range else "MPEG"
    )
    frame = frame_of(stored_as(picture_of(made), rotate), rotate)
    for image in (whole_view(frame, ()), crop_view(frame, WHOLE, ()).image):
        for seen, painted in zip((image[60, 80], image[60, 240], image[180, 80], image[180, 240]), PAINTS, strict=True):
            assert np.abs(seen.astype(int) - painted).max() <= 4


def test_a_box_within_a_crop_is_cut_to_it() -> None:
    assert within((0.0, 0.5, 0.5, 0.75), (0.25, 0.5, 0.75, 1.0)) == (0.0, 0.0, 0.5, 0.5)


def test_blur_costs_sharpness_and_contrast_does_not_buy_it() -> None:
    rgb = cv2.resize(noise(80, 60), (320, 240), interpolation=cv2.INTER_LINEAR).astype(np.uint8)
    blurred = cv2.GaussianBlur(rgb, (0, 0), 4).astype(np.uint8)
    loud = np.clip((blurred.astype(float) - 128) * 4 + 128, 0, 255).astype(np.uint8)
    sharp, dull, shouting = (sharpness(frame_of(decoded(image)), BOX) for image in (rgb, blurred, loud))
    assert 0.5 <= dull < sharp <= 1
    assert shouting < sharp
    assert sharpness(plain(90), BOX) == 0.5


def test_the_best_view_stays_until_the_track_ends() -> None:
    gallery = Gallery(crop=True)
    gallery.look(plain(50), [View(7, BOX, 0.5)])
    gallery.look(plain(200), [View(7, BOX, 0.4)])
    assert shown(gallery, 7) == pytest.approx(50, abs=2)
    gallery.look(plain(200), [View(7, BOX, 0.6)])
    assert shown(gallery, 7, "track.started") == pytest.approx(200, abs=2)
    assert shown(gallery, 7, "zone.entered") is None
    assert shown(gallery, 7, "track.ended") == pytest.approx(200, abs=2)
    assert shown(gallery, 7) is None
    assert len(gallery) == 0


def test_a_sharper_view_of_less_score_wins() -> None:
    gallery = Gallery(crop=True)
    gallery.look(plain(50), [View(1, BOX, 0.5)])
    gallery.look(frame_of(decoded(noise(320, 240))), [View(1, BOX, 0.45)])
    assert shown(gallery, 1) != pytest.approx(50, abs=2)


def test_it_is_bounded_in_number_and_the_longest_unimproved_go_first() -> None:
    gallery = Gallery(crop=True)
    for track_id in range(MOST):
        gallery.look(plain(50), [View(track_id, BOX, 0.5)])
    gallery.look(plain(60), [View(0, BOX, 0.9)])
    gallery.look(plain(50), [View(99, BOX, 0.5)])
    assert len(gallery) == MOST
    assert shown(gallery, 1) is None
    assert shown(gallery, 0) is not None
    assert shown(gallery, 99) is not None


def test_whole_views_of_one_frame_are_one_and_bytes_are_bounded() -> None:
    gallery = Gallery(crop=False, most_bytes=320 * 240 * 3 * 2)
    gallery.look(plain(50), [View(1, BOX, 0.5), View(2, BOX, 0.5)])
    assert gallery.bytes() == 320 * 240 * 3
    found = gallery.pictures([happening("track.updated", 1), happening("track.updated", 2)])
    assert found[1].image is found[2].image
    assert found[1].whole
    assert found[1].box == BOX
    for track_id in (3, 4, 5):
        gallery.look(plain(50), [View(track_id, BOX, 0.5)])
    assert gallery.bytes() <= 320 * 240 * 3 * 2
    assert shown(gallery, 5) is not None


def test_what_is_kept_is_a_copy() -> None:
    frame = plain(50)
    gallery = Gallery(crop=True)
    gallery.look(frame, [View(1, BOX, 0.5)])
    frame.picture.y[:] = 255  # the decoder uses its memory again
    assert shown(gallery, 1) == pytest.approx(50, abs=2)
