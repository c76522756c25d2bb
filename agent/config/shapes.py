"""Polygons and lines as the YAML has them: lists of points [x, y] in 0..1 of the picture."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import hypot
from typing import TYPE_CHECKING, Any

from agent.config.kinds import shown
from agent.config.nodes import Scalar, Sequence
from agent.config.problems import InvalidError
from agent.config.units import number

if TYPE_CHECKING:
    from agent.config.model import Point, Polygon
    from agent.config.nodes import Node

MOST_CORNERS = 32
_SMALLEST_AREA = 1e-5
"""0..1 of the picture: about three pixels by three of a picture of 1000 by 1000."""
_SHORTEST = 0.005
_GRID = 64
_SLIVERS = 0.005
_PIXELS = 2.0
_PIXELS_HINT = "looks like pixels"
_EXAMPLE = "[[0.1, 0.5], [0.9, 0.5], [0.9, 1.0], [0.1, 1.0]]"


@dataclass(frozen=True, slots=True)
class PolygonKind:
    """Three corners or more, that do not cross themselves; the first may be repeated as the last."""

    wanted: str = f"a polygon, such as {_EXAMPLE},"

    def read(self, node: Node) -> Polygon:
        """Raises InvalidError at the place of the mistake."""
        points = _points(node, self.wanted)
        if len(points) > 1 and points[0] == points[-1]:
            points = points[:-1]
        if len(points) < 3:
            raise InvalidError(f"a polygon of {len(points)} point{'s'[: len(points) != 1]}; it needs at least 3")
        if len(points) > MOST_CORNERS:
            raise InvalidError(f"a polygon of {len(points)} points; at most {MOST_CORNERS} are allowed")
        for i, point in enumerate(points):
            if point in points[:i]:
                raise InvalidError(f"the point {list(point)} stands in the polygon twice; remove one")
        if not any(_turn(points[0], points[1], point) for point in points):
            raise InvalidError("the polygon has no area, for all its points lie on one line; add one beside it")
        if crossing := _first_crossing(points):
            one, other = crossing
            raise InvalidError(
                f"the polygon crosses itself: side {one} and side {other} meet; give its corners in order"
            )
        if abs(_area(points)) < _SMALLEST_AREA:
            raise InvalidError("the polygon is smaller than about 0.003 x 0.003 of the picture; make it larger")
        return points

    def schema(self) -> dict[str, Any]:
        return _schema(3, MOST_CORNERS + 1)


@dataclass(frozen=True, slots=True)
class LineKind:
    """Two different points: where the arrow begins and where it ends."""

    wanted: str = "two points, such as [[0.2, 0.8], [0.8, 0.8]],"

    def read(self, node: Node) -> tuple[Point, Point]:
        """Raises InvalidError at the place of the mistake."""
        points = _points(node, self.wanted)
        if len(points) != 2:
            raise InvalidError(f"a line has two points, its beginning and its end, not {len(points)}")
        first, last = points
        if hypot(last[0] - first[0], last[1] - first[1]) < _SHORTEST:
            raise InvalidError(f"the line has no length: its points are less than {_SHORTEST} of the picture apart")
        return first, last

    def schema(self) -> dict[str, Any]:
        return _schema(2, 2)


def check_masks(node: Node) -> None:
    """Raises InvalidError for a list of points where a list of polygons is wanted."""
    if isinstance(node, Sequence) and node.items and all(_is_point(item) for item in node.items):
        raise InvalidError(
            "this is one polygon; a list of polygons is wanted: put it into another pair of brackets", node
        )


def _is_point(node: Node) -> bool:
    return isinstance(node, Sequence) and bool(node.items) and all(isinstance(item, Scalar) for item in node.items)


def cover_all(polygons: tuple[Polygon, ...]) -> bool:
    """Whether nothing of the picture is left, but for half a percent."""
    if sum(abs(_area(polygon)) for polygon in polygons) < 1 - 2 * _SLIVERS:
        return False
    covered = 0
    for polygon in polygons:
        covered |= _covered(polygon)
    return _GRID * _GRID - covered.bit_count() <= _GRID * _GRID * _SLIVERS


@lru_cache(maxsize=1024)
def _covered(polygon: Polygon) -> int:
    """A bit for each of _GRID x _GRID places of the picture. Many cameras may have the same mask."""
    middles = [(i + 0.5) / _GRID for i in range(_GRID)]
    places = [(x, y) for y in middles for x in middles]
    return sum(1 << n for n, (x, y) in enumerate(places) if _inside(polygon, x, y))


def _schema(least: int, most: int) -> dict[str, Any]:
    coordinate = {"type": "number", "minimum": 0, "maximum": 1}
    point = {"type": "array", "items": coordinate, "minItems": 2, "maxItems": 2}
    return {"type": ["array", "null"], "items": point, "minItems": least, "maxItems": most}


def _points(node: Node, wanted: str) -> Polygon:
    if not isinstance(node, Sequence) or node.tag:
        raise InvalidError(f"{wanted} is wanted here", node)
    if node.items and all(isinstance(item, Scalar) for item in node.items):
        raise InvalidError(f"{wanted} is wanted here; each point is a list of its own: [x, y]", node)
    if len(node.items) == 1 and isinstance(node.items[0], Sequence) and all(map(_is_point, node.items[0].items)):
        raise InvalidError(f"{wanted} is wanted here; remove one of the pairs of brackets around it", node)
    mistakes: list[InvalidError] = []
    points = tuple(_point(item, mistakes) for item in node.items)
    if mistakes:
        first, *others = mistakes
        raise InvalidError(first.message, first.place, tuple(others))
    return points


def _point(node: Node, mistakes: list[InvalidError]) -> Point:
    if not isinstance(node, Sequence) or node.tag or len(node.items) != 2:
        mistakes.append(InvalidError("a point is wanted here: [x, y], two numbers from 0 to 1", node))
        return 0.0, 0.0
    x, y = node.items
    return _coordinate(x, "width", mistakes), _coordinate(y, "height", mistakes)


def _coordinate(node: Node, side: str, mistakes: list[InvalidError]) -> float:
    value = number(node.text) if isinstance(node, Scalar) and node.plain and not node.tag else None
    if value is not None and 0 <= value <= 1:
        return value
    if not isinstance(node, Scalar):
        message = "a number from 0 to 1 is wanted here; a point is [x, y]"
    elif value is None:
        quoted = not node.plain and number(node.text) is not None
        message = f"{shown(node)} is not a number from 0 to 1{'; remove the quotes' if quoted else ''}"
    elif value < _PIXELS:
        message = f"{shown(node)} is outside 0 to 1"
    elif any(_PIXELS_HINT in mistake.message for mistake in mistakes):
        return 0.0  # said once, it holds for all of them
    else:
        message = f"{shown(node)} {_PIXELS_HINT}: coordinates are 0..1 of the picture, so divide by its {side}"
    mistakes.append(InvalidError(message, node))
    return 0.0


def _area(points: Polygon) -> float:
    """With its sign, by the shoelace formula."""
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in _sides(points)) / 2


def _sides(points: Polygon) -> list[tuple[Point, Point]]:
    return list(zip(points, [*points[1:], points[0]], strict=True))


def _first_crossing(points: Polygon) -> tuple[int, int] | None:
    """The numbers of two sides that meet though they are no neighbours, counted from 1."""
    sides = _sides(points)
    for i, one in enumerate(sides):
        for j in range(i + 2, len(sides)):
            if (i, j) != (0, len(sides) - 1) and _meet(*one, *sides[j]):
                return i + 1, j + 1
    return None


def _meet(a: Point, b: Point, c: Point, d: Point) -> bool:
    """Whether the segments ab and cd have a point in common."""
    abc, abd, cda, cdb = _turn(a, b, c), _turn(a, b, d), _turn(c, d, a), _turn(c, d, b)
    if abc * abd < 0 and cda * cdb < 0:
        return True
    on = ((abc, a, b, c), (abd, a, b, d), (cda, c, d, a), (cdb, c, d, b))
    return any(turn == 0 and _between(p, q, r) for turn, p, q, r in on)


def _turn(a: Point, b: Point, c: Point) -> int:
    cross = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
    return 0 if abs(cross) < 1e-12 else 1 if cross > 0 else -1


def _between(a: Point, b: Point, p: Point) -> bool:
    return min(a[0], b[0]) <= p[0] <= max(a[0], b[0]) and min(a[1], b[1]) <= p[1] <= max(a[1], b[1])


def _inside(polygon: Polygon, x: float, y: float) -> bool:
    """By how often a ray to the right crosses its sides."""
    odd = False
    for (ax, ay), (bx, by) in _sides(polygon):
        if (ay > y) != (by > y) and x < ax + (y - ay) * (bx - ax) / (by - ay):
            odd = not odd
    return odd
