from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.perception.facts import Point, Polygon
from agent.perception.geometry import crosses, foot, inside, side, union

SQUARE: Polygon = ((0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75))
HOOK: Polygon = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.75, 1.0), (0.75, 0.25), (0.0, 0.25))
SLOPE: Polygon = ((0.1, 0.9), (0.9, 0.1), (0.9, 0.9))

grid = st.tuples(st.integers(0, 8), st.integers(0, 8)).map(lambda p: (p[0] / 8, p[1] / 8))


def test_the_foot_is_the_middle_of_the_lower_edge() -> None:
    assert foot((0.25, 0.1, 0.75, 0.9)) == (0.5, 0.9)


@pytest.mark.parametrize(
    ("polygon", "point", "held"),
    [
        (SQUARE, (0.5, 0.5), True),
        (SQUARE, (0.2, 0.5), False),
        (SQUARE, (0.8, 0.5), False),
        (SQUARE, (0.5, 0.2), False),
        (SQUARE, (0.5, 0.8), False),
        (SQUARE, (0.25, 0.25), True),  # a corner
        (SQUARE, (0.75, 0.75), True),
        (SQUARE, (0.75, 0.5), True),  # a side
        (SQUARE, (0.5, 0.75), True),
        (SQUARE, (0.1, 0.75), False),  # level with a side, beside it
        (SQUARE, (0.9, 0.25), False),
        (HOOK, (0.5, 0.5), False),  # the bight
        (HOOK, (0.5, 0.1), True),
        (HOOK, (0.9, 0.9), True),
        (HOOK, (0.5, 0.25), True),
        (SLOPE, (0.5, 0.5), True),
        (SLOPE, (0.3, 0.7), True),  # on a slope that floats only come near
        (SLOPE, (0.49, 0.49), False),
        (SLOPE, (0.6, 0.6), True),
    ],
)
def test_inside(polygon: Polygon, point: Point, held: bool) -> None:
    assert inside(polygon, point) is held
    assert inside(polygon[::-1], point) is held
    assert inside(polygon[1:] + polygon[:1], point) is held


@given(grid, grid, grid)
def test_inside_a_box_is_what_comparing_says(a: Point, b: Point, point: Point) -> None:
    (x1, x2), (y1, y2) = sorted((a[0], b[0])), sorted((a[1], b[1]))
    held = x1 <= point[0] <= x2 and y1 <= point[1] <= y2
    assert inside(((x1, y1), (x2, y1), (x2, y2), (x1, y2)), point) is held


def test_the_union_of_two_boxes_holds_both_and_no_more() -> None:
    assert union((0.5, 0.2, 0.6, 0.4), (0.3, 0.25, 0.55, 0.3)) == (0.3, 0.2, 0.6, 0.4)
    assert union((0.3, 0.25, 0.55, 0.7), (0.5, 0.2, 0.6, 0.4)) == (0.3, 0.2, 0.6, 0.7)


@pytest.mark.parametrize(
    ("point", "sign"), [((0.5, 0.9), 1), ((0.5, 0.7), -1), ((0.5, 0.8), 0), ((0.9, 0.81), 1), ((0.0, 0.79), -1)]
)
def test_below_an_arrow_to_the_right_is_its_right(point: Point, sign: int) -> None:
    found = side((0.2, 0.8), (0.8, 0.8), point)
    assert (found > 0) - (found < 0) == sign


@pytest.mark.parametrize(
    ("a", "b", "crossed"),
    [
        ((0.5, 0.4), (0.5, 0.6), True),
        ((0.5, 0.6), (0.5, 0.4), True),
        ((0.5, 0.4), (0.5, 0.5), True),  # ends on it
        ((0.3, 0.4), (0.3, 0.6), True),  # through its end
        ((0.2, 0.4), (0.2, 0.6), False),  # through its extension
        ((0.5, 0.1), (0.5, 0.4), False),
        ((0.1, 0.5), (0.2, 0.5), False),  # along its extension
        ((0.1, 0.5), (0.4, 0.5), True),  # along it
        ((0.5, 0.5), (0.5, 0.5), True),  # standing on it
        ((0.1, 0.5), (0.1, 0.5), False),
    ],
)
def test_crosses_a_segment_not_its_extension(a: Point, b: Point, crossed: bool) -> None:
    c, d = (0.3, 0.5), (0.7, 0.5)
    assert crosses(a, b, c, d) is crossed
    assert crosses(c, d, a, b) is crossed


@given(grid, grid, grid, grid)
def test_crosses_is_what_solving_says(a: Point, b: Point, c: Point, d: Point) -> None:
    ux, uy, vx, vy = (Fraction(t) for t in (b[0] - a[0], b[1] - a[1], d[0] - c[0], d[1] - c[1]))
    wx, wy = Fraction(c[0] - a[0]), Fraction(c[1] - a[1])
    across = ux * vy - uy * vx
    if across:  # of parallel ones the table above tells
        s, t = (wx * vy - wy * vx) / across, (wx * uy - wy * ux) / across
        assert crosses(a, b, c, d) is (0 <= s <= 1 and 0 <= t <= 1)


def turns(a: Point, b: Point, c: Point) -> Fraction:
    (ax, ay), (bx, by), (cx, cy) = ((Fraction(v) for v in point) for point in (a, b, c))
    return (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)


def fan_holds(polygon: Polygon, hub: Point, point: Point) -> bool:
    """Whether one of the triangles from the hub to each side holds the point, by exact arithmetic."""
    for a, b in zip(polygon, polygon[1:] + polygon[:1], strict=True):
        signs = [turns(a, b, point), turns(b, hub, point), turns(hub, a, point)]
        if min(signs) >= 0 or max(signs) <= 0:
            return True
    return False


@given(st.lists(st.integers(0, 7), min_size=12, max_size=12), grid)
def test_inside_a_star_is_what_its_triangles_say(reach: list[int], point: Point) -> None:
    """Rays in twelve directions from the middle, none of length 0: dented, and never crossing itself."""
    around = [(4, 0), (4, 2), (4, 4), (2, 4), (0, 4), (-4, 4), (-4, 2), (-4, 0), (-4, -4), (0, -4), (2, -4), (4, -4)]
    hub = (0.5, 0.5)
    polygon = tuple((0.5 + x * (1 + r) / 64, 0.5 + y * (1 + r) / 64) for (x, y), r in zip(around, reach, strict=True))
    assert inside(polygon, point) is fan_holds(polygon, hub, point)
