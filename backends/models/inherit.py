"""What a twin may take over from its main model: labels always, the rest as far as both files mean the same by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backends.models.facts import Fact, Facts

if TYPE_CHECKING:
    from backends.artifact import Artifact
    from backends.formats.modelfile import ModelFile

TFLITE = ("tflite", "edgetpu")
_INTEGERS = ("uint8", "int8")
# A conversion to TFLite may change the unit of boxes, the numbering of classes and the order of outputs.
_OF_THE_FILE = ("units", "label_offset", "outputs")
_WHATEVER_THE_HEAD = ("labels", "name", "licence", "precision", "input.height", "input.width")


def facts(main: Artifact, model: ModelFile) -> Facts:
    """All that `model`, a twin of `main`, takes over where it says nothing itself."""
    spec = main.input
    found = {
        "name": main.name,
        "licence": main.licence,
        "precision": main.precision,
        "labels": main.labels,
        "family": main.family,
        "input.height": spec.height,
        "input.width": spec.width,
        "input.color": spec.color,
        "input.resize": spec.resize,
        "input.pad": spec.pad,
    }
    if all((tensor.dtype in _INTEGERS) == (spec.dtype in _INTEGERS) for tensor in model.inputs):
        found |= {"input.mean": spec.mean, "input.std": spec.std}
    foreign = crosses(main, model.format)
    found |= {f"head.{key}": value for key, value in main.head.items() if not (foreign and key in _OF_THE_FILE)}
    return {key: Fact(value, f"as {main.path.name}, whose twin this is") for key, value in found.items()}


def without_head(inherited: Facts) -> Facts:
    """What stays for a twin whose outputs are made for another head than those of its main model."""
    return {key: inherited[key] for key in _WHATEVER_THE_HEAD if key in inherited}


def crosses(main: Artifact, format_of_twin: str) -> bool:
    """Whether one of the two went through a conversion to TFLite, and the other did not."""
    return (main.format in TFLITE) != (format_of_twin in TFLITE)
