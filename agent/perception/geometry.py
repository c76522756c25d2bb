"""Points, polygons and segments on the picture. Plain floats: for one point that is quicker than NumPy."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent.perception.facts import Box, Point, Polygon

_ON = 1e-9


def foot(box: Box) -> Point:
    """The middle of a box's lower edge: where what stands there touches the ground."""
    return (box[0] + box[2]) / 2, box[3]


def inside(polygon: Polygon, point: Point) -> bool:
    """Whether a point is in a polygon or on its border, by how often a ray to the right crosses its sides."""
    x, y = point
    odd = False
    ax, ay = polygon[-1]
    for bx, by in polygon:
        turn = (bx - ax) * (y - ay) - (by - ay) * (x - ax)
        if abs(turn) <= _ON and min(ax, bx) <= x <= max(ax, bx) and min(ay, by) <= y <= max(ay, by):
            return True
        if (ay > y) != (by > y) and (turn > 0) == (by > ay):
            odd = not odd
        ax, ay = bx, by
    return odd


def side(first: Point, last: Point, point: Point) -> float:
    """Twice the area of the triangle: positive to the right of the arrow on the picture (y down), negative left."""
    return (last[0] - first[0]) * (point[1] - first[1]) - (last[1] - first[1]) * (point[0] - first[0])


def crosses(a: Point, b: Point, c: Point, d: Point) -> bool:
    """Whether the way from a to b crosses the segment cd, or touches it."""
    if side(c, d, a) * side(c, d, b) > 0 or side(a, b, c) * side(a, b, d) > 0:
        return False
    # Of segments on one straight line no point lies to any side: only their extents tell.
    return all(max(min(a[i], b[i]), min(c[i], d[i])) <= min(max(a[i], b[i]), max(c[i], d[i])) for i in (0, 1))


def union(one: Box, other: Box) -> Box:
    """The smallest box around both."""
    return (min(one[0], other[0]), min(one[1], other[1]), max(one[2], other[2]), max(one[3], other[3]))


def shared(one: Box, other: Box) -> float:
    """The area that lies in both."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(width, 0.0) * max(height, 0.0)


def area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])
