"""The near miss behind an unknown word."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

WORDS: Mapping[str, str] = {
    **dict.fromkeys(("host", "port", "server", "broker", "address"), "url"),
    **dict.fromkeys(("ffmpeg", "inputs", "path", "stream", "url", "device"), "source"),
    **dict.fromkeys(("objects", "track", "classes"), "labels"),
    **dict.fromkeys(("min_score", "threshold"), "confidence"),
    "detectors": "backend",
    "detect": "fps",
    "coordinates": "polygon",
    "loitering_time": "dwell",
    "topic_prefix": "prefix",
    "user": "username",
}
"""Keys of Frigate's config, or that people try, and what we call the same."""


def did_you_mean(word: str, known: Iterable[str], words: Mapping[str, str] | None = None) -> str:
    """`; did you mean "rotate"?`, or nothing when no known word is near. words: what others call known ones."""
    from difflib import get_close_matches

    listed, lower = list(known), word[:64].lower()
    near = get_close_matches(lower, listed, n=1, cutoff=0.6)
    if not near and words is not None and (ours := words.get(lower)) in listed:
        near = [ours]
    return f'; did you mean "{near[0]}"?' if near else ""
