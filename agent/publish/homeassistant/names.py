"""What entities and devices are called, where they are shown."""

from __future__ import annotations


def spoken(name: str, id_: str) -> str:
    """The name of a camera, zone or line; the id in words where the config gives none, and so has the id for it."""
    return name if name not in {"", id_} else id_.replace("_", " ").replace("-", " ").strip().capitalize() or id_


def title(*words: str) -> str:
    """These that are not empty, the first letter a capital."""
    text = " ".join(filter(None, words))
    return text[:1].upper() + text[1:]
