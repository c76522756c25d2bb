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
        Field("confidence", _SHARE, None, "for this label, in place of the camera's"),
        Field("min_height", _SHARE, 0.0, "the least height of its box, in 0..1 of the picture"),
        Field("min_width", _SHARE, 0.0, "the least width of its box, in 0..1 of the picture"),
        Field("masks", _MASKS, (), "polygons in which this label is ignored, by the middle of its box's lower edge"),
    )
)

MOTION = Section(
    (
        Field("enabled", Flag(), None, "without it true for live sources, and false for files and folders"),
        Field("masks", _MASKS, (), "polygons in which nothing that moves counts: a clock, a tree"),
    )
)

SNAPSHOTS = Section(
    (
        Field("enabled", Flag(), _SNAPSHOTS.enabled, "publish pictures"),
        Field("crop", Flag(), _SNAPSHOTS.crop, "of the object and some room around it; false: of the whole picture"),
        Field("box", Flag(), _SNAPSHOTS.box, "draw the object's box"),
        Field("max_kb", Number(20, 1000, "kilobytes", whole=True), _SNAPSHOTS.max_kb, "the largest JPEG"),
    )
)

ZONE = Section(
    (
        Field("polygon", PolygonKind(), None, "corners [x, y] in 0..1 of the picture", required=True),
        Field("name", _NAME, "", "the name people see; without it the id"),
        Field("labels", _LABELS, (), "only these labels; without it all that are published"),
        Field("confidence", _SHARE, 0.0, "the least confidence to enter"),
        Field("min_height", _SHARE, 0.0, "the least height of the box to enter, in 0..1 of the picture"),
        Field("dwell", Number(0, 3600, "seconds"), 0.0, "who stays for less has not been in it"),
    )
)

LINE = Section(
    (
        Field(
            "points",
            LineKind(),
            None,
            "beginning and end of an arrow; who crosses it from its left to its right goes in",
            required=True,
        ),
        Field("name", _NAME, "", "the name people see; without it the id"),
        Field("reverse", Flag(), False, "who crosses it from right to left goes in"),
        Field("labels", _LABELS, (), "only these labels; without it all that are published"),
    )
)

WATCHED = (
    Field(
        "labels",
        Listing(_LABEL, most=1000, named=LABEL),
        (),
        "publish only these, without it all; a map from label to its own rules will do too",
    ),
    Field("motion", MOTION, None, "infer only where something moves"),
    Field(
        "regions",
        Section((Field("enabled", Flag(), _CAMERA.regions, "look again, closely, where something moves"),)),
        None,
        "finds what is small in a picture much larger than the model's input; up to two inferences a frame",
    ),
    Field(
        "privacy",
        Section((Field("masks", _MASKS, (), "polygons that are black before inference and in snapshots"),)),
        None,
        "what nobody may see",
    ),
    Field("snapshots", SNAPSHOTS, None, "pictures of the best view of each track"),
    Field(
        "zones",
        ById(ZONE, "zone", most=32, example="porch: {polygon: [[0, 0.5], [1, 0.5], [1, 1], [0, 1]]}"),
        (),
        "places in the picture that are watched: who enters, who leaves, how many are there",
    ),
    Field(
        "lines",
        ById(LINE, "line", most=32, example="door: {points: [[0.2, 0.8], [0.8, 0.8]]}"),
        (),
        "arrows across the picture; who crosses them is counted",
    ),
    Field(
        "weight",
        Number(0.1, 10),
        _CAMERA.weight,
        "this camera's share of a busy engine, beside the other cameras' weights",
    ),
)
