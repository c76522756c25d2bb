"""The keys of a camera that say what its scene watches for: a part of the table."""

from __future__ import annotations

from agent.config import model
from agent.config.kinds import Flag, Number, Text
from agent.config.sections import ById, Field, Listing, Section
from agent.config.shapes import LineKind, PolygonKind

_CAMERA = model.CameraConfig(id="", source="", kind="rtsp")
_SNAPSHOTS = model.SnapshotsConfig()
_NAME = Text(numbers=True, longest=64)
_LABEL = Text("a label", longest=100)
_LABELS = Listing(_LABEL, most=1000)
_MASKS = Listing(PolygonKind(), most=32)
_SHARE = Number(0, 1)

LABEL = Section(
    (
        Field("confidence", _SHARE, None, "minimum confidence for this label, instead of the camera's"),
        Field("min_height", _SHARE, 0.0, "minimum height of its box, in 0..1 of the picture"),
        Field("min_width", _SHARE, 0.0, "minimum width of its box, in 0..1 of the picture"),
        Field(
            "masks",
            _MASKS,
            (),
            "polygons in which this label is ignored; what counts is the middle of its box's lower edge",
        ),
    )
)

MOTION = Section(
    (
        Field("enabled", Flag(), None, "default: true for live sources, false for files and folders"),
        Field("masks", _MASKS, (), "polygons in which motion is ignored, such as a clock or a tree"),
    )
)

SNAPSHOTS = Section(
    (
        Field("enabled", Flag(), _SNAPSHOTS.enabled, "publish snapshots"),
        Field("crop", Flag(), _SNAPSHOTS.crop, "only the object and some space around it; false: the whole picture"),
        Field("box", Flag(), _SNAPSHOTS.box, "draw the object's box"),
        Field("max_kb", Number(20, 1000, "kilobytes", whole=True), _SNAPSHOTS.max_kb, "the largest JPEG"),
    )
)

ZONE = Section(
    (
        Field("polygon", PolygonKind(), None, "corners [x, y] in 0..1 of the picture", required=True),
        Field("name", _NAME, "", "the name shown to people; default: the id"),
        Field("labels", _LABELS, (), "only these labels; default: all that are published"),
        Field("confidence", _SHARE, 0.0, "minimum confidence to enter"),
        Field("min_height", _SHARE, 0.0, "minimum height of the box to enter, in 0..1 of the picture"),
        Field("dwell", Number(0, 3600, "seconds"), 0.0, "how long someone must stay before they count as inside"),
    )
)

LINE = Section(
    (
        Field(
            "points",
            LineKind(),
            None,
            "start and end of an arrow; crossing it from its left to its right counts as in",
            required=True,
        ),
        Field("name", _NAME, "", "the name shown to people; default: the id"),
        Field("reverse", Flag(), False, "crossing it from right to left counts as in"),
        Field("labels", _LABELS, (), "only these labels; default: all that are published"),
    )
)

WATCHED = (
    Field(
        "labels",
        Listing(_LABEL, most=1000, named=LABEL),
        (),
        "publish only these; default: all. Either a list, or a map from each label to its own rules",
    ),
    Field("motion", MOTION, None, "run the model only when something moves"),
    Field(
        "regions",
        Section((Field("enabled", Flag(), _CAMERA.regions, "run the model on enlarged crops around motion"),)),
        None,
        "finds small objects in pictures much larger than the model's input; up to two inferences per frame",
    ),
    Field(
        "privacy",
        Section((Field("masks", _MASKS, (), "polygons that are blacked out before inference and in snapshots"),)),
        None,
        "parts of the picture that must not be seen",
    ),
    Field("snapshots", SNAPSHOTS, None, "JPEGs of the best view of each track"),
    Field(
        "zones",
        ById(ZONE, "zone", most=32, example="porch: {polygon: [[0, 0.5], [1, 0.5], [1, 1], [0, 1]]}"),
        (),
        "areas of the picture: events when an object enters or leaves, and how many are inside",
    ),
    Field(
        "lines",
        ById(LINE, "line", most=32, example="door: {points: [[0.2, 0.8], [0.8, 0.8]]}"),
        (),
        "arrows across the picture; objects that cross them are counted",
    ),
    Field(
        "weight",
        Number(0.1, 10),
        _CAMERA.weight,
        "this camera's share of a busy engine, relative to the other cameras' weights",
    ),
)
