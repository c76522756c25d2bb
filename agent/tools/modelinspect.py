"""All that is known of a model, its twins, and which backends here run which file (`vedette models inspect`)."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from backends import registry
from backends.contract import ArtifactError
from backends.formats.sniff import read_model
from backends.models import speeds, store, twins
from backends.registry import order

if TYPE_CHECKING:
    from collections.abc import Mapping

    from backends.artifact import Artifact
    from backends.formats.modelfile import ModelFile
    from backends.models.speeds import Speed
    from backends.registry import Survey

_FOR_WORKERS = {"content", "files"}


@dataclass(frozen=True, slots=True)
class Member:
    """One file of a model: what we make of it, and what it says itself."""

    artifact: Artifact
    file: ModelFile


@dataclass(frozen=True, slots=True)
class Inspection:
    """members: the model itself, then its twins. problems: why a file beside it is none.

    surveys: of each installed backend, asked about the members' files in their order.
    """

    members: tuple[Member, ...]
    problems: tuple[str, ...]
    surveys: tuple[Survey, ...]
    speeds: Mapping[str, Speed]

    def to_json(self) -> dict[str, Any]:
        """The model's own facts at the top, as `Artifact.to_json` has them."""
        main, *others = map(_facts, self.members)
        return {
            **main,
            "twins": others,
            "problems": list(self.problems),
            "backends": [{**s.report.to_json(), "runs": runs(self, s)} for s in self.surveys],
            "speeds": [asdict(speed) for speed in self.speeds.values()],
        }


def inspect(name_or_path: str) -> Inspection:
    """Raises ArtifactError where the model itself cannot be used; a twin's is part of the answer."""
    main = store.find(name_or_path)
    ladder, problems = [main], []
    try:
        paths = twins.files(main.path)
    except ArtifactError as error:
        paths, problems = (), [str(error)]
    for path in paths:
        try:
            ladder.append(twins.open_twin(path, main))
        except ArtifactError as error:
            problems.append(str(error))
    known = registry.discover()
    names = [*order.automatic(known), *(name for name in known if known[name].error)]
    return Inspection(
        tuple(Member(artifact, read_model(artifact.path)) for artifact in ladder),
        tuple(problems),
        tuple(registry.survey_all([known[name] for name in names], ladder)),
        speeds.measured(main),
    )


def runs(value: Inspection, survey: Survey) -> dict[str, str | None]:
    """By file, None or why the backend cannot run it; {} for a backend that could not be asked."""
    return {member.artifact.path.name: why for member, why in zip(value.members, survey.refusals, strict=False)}


def _facts(member: Member) -> dict[str, Any]:
    return {
        **{key: value for key, value in json.loads(member.artifact.to_json()).items() if key not in _FOR_WORKERS},
        "inputs": [asdict(tensor) for tensor in member.file.inputs],
        "outputs": [asdict(tensor) for tensor in member.file.outputs],
        "metadata": dict(member.file.metadata),
    }
