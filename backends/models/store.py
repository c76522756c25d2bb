"""The model folder: what `vedette models` pulls, adds and lists, and `run` finds. `run` never downloads.

<folder>/<name>/model.<ext>   the model, as an engine opens it
<folder>/<name>/model.yaml    its sidecar, with where it came from
<folder>/<name>/model_edgetpu.tflite, model.onnx, ...   its twins for other engines, each with <file>.yaml
<folder>/clips/<name>.<ext>   clips to try it on
"""

from __future__ import annotations

import os
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING, Any, NamedTuple

from backends.contract import ArtifactError
from backends.file_mode import file_mode
from backends.formats.digest import digest
from backends.formats.sniff import read_model
from backends.models import catalog, facts, sidecar
from backends.models.resolve import files_of, open_artifact
from backends.models.stamps import sources, stamp
from backends.models.twins import files, open_twin, twins

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backends.artifact import Artifact, Format
    from backends.contract import Progress

# What only pull and add need (ssl, subprocess) is imported by them: the daemon, which finds, stays small.
CLIPS = "clips"
_ENDING_OF: dict[Format, str] = {
    "openvino": ".xml",
    "onnx": ".onnx",
    "tflite": ".tflite",
    "tensorflow": ".pb",
    "tensorrt": ".engine",
    "edgetpu": "_edgetpu.tflite",
}


def folder() -> Path:
    """$VEDETTE_MODELS, else `models` in the cache folder systemd gives, else in the user's own."""
    if stated := os.environ.get("VEDETTE_MODELS"):
        return Path(stated)
    if given := os.environ.get("CACHE_DIRECTORY"):
        return Path(given.partition(":")[0]) / "models"
    return Path.home() / ".cache" / "vedette" / "models"


def find(name_or_path: str) -> Artifact:
    """An installed model by name, or any model file by path.

    Raises ArtifactError: with the exact command for a model of the catalog that is not pulled, else with what
    there is; and as `open_artifact` does.
    """
    path = model_file(name_or_path)
    if path is not None:
        return open_artifact(path)
    if name_or_path in catalog.models():
        raise ArtifactError(f"model {name_or_path!r} is not in {folder()}; get it with: {_pull_command(name_or_path)}")
    known = sorted({*catalog.models(), *names()})
    raise ArtifactError(
        f"no model {name_or_path!r}: no such file, not in {folder()}, not in the catalog ({', '.join(known)})"
        + facts.meant(name_or_path, known)
    )


def ladder(name_or_path: str) -> tuple[Artifact, ...]:
    """All files of a model, each for other engines: the one that `find` gives, then its twins.

    Raises ArtifactError as `find` does, and where a twin cannot be used or has other labels. Read again only when
    one of its files has changed: a reload of the config while frames pass must not cost their time.
    """
    path = model_file(name_or_path)
    if path is None:
        return (find(name_or_path),)
    known = _LADDERS.pop(name_or_path, None)
    if known is None or known.sources[0] != path or stamp(known.sources) != known.stamp:
        read = sources(path)
        before = stamp(read)
        main = open_artifact(path)
        known = _Ladder(read, before, (main, *twins(main)))
    while len(_LADDERS) >= _MOST_LADDERS:
        _LADDERS.pop(next(iter(_LADDERS)))
    _LADDERS[name_or_path] = known
    return known.artifacts


class _Ladder(NamedTuple):
    """stamp: of the sources, from before they were read."""

    sources: tuple[Path, ...]
    stamp: object
    artifacts: tuple[Artifact, ...]


_LADDERS: dict[str, _Ladder] = {}
_MOST_LADDERS = 32


def model_file(name_or_path: str) -> Path | None:
    """The file of an installed model or at a path, None where there is none. Raises ArtifactError."""
    try:
        return _there(name_or_path)
    except (OSError, RuntimeError) as error:  # no access, too long a name; the home of somebody who is none
        why = error.strerror if isinstance(error, OSError) else error
        raise ArtifactError(f"{name_or_path}: cannot be looked for: {why}") from error


def _there(name_or_path: str) -> Path | None:
    if _is_name(name_or_path):
        there = [
            path
            for path in (folder() / name_or_path / f"model{end}" for end in _ENDING_OF.values())
            if S_ISREG(file_mode(path))
        ]
        # Of several, those with <file>.yaml are the twins; model.yaml is the main model's.
        there.sort(key=lambda path: sidecar.own(path).is_file())
        if there:
            return there[0]
    # A folder that happens to be called "person" is not the model of that name.
    path = Path(name_or_path).expanduser()
    return path if name_or_path not in catalog.models() and file_mode(path) else None


def installed(name: str) -> bool:
    return _is_name(name) and model_file(name) is not None


def pull(name: str, progress: Progress) -> Path:
    """Downloads a model of the catalog; returns its file.

    Of one that is there already, whole, only the sidecar is brought up to date with the catalog.
    A format that is slow to load is converted to OpenVINO IR where openvino is installed.
    Raises FetchError, ArtifactError or OSError; nothing half is left behind.
    """
    from backends.models.convertible import to_ir
    from backends.models.fetch import fetch
    from backends.models.place import placed, write_sidecar

    entry = catalog.model(name)
    there = model_file(name) if installed(name) else None
    if there is not None and _is_whole(there, entry.sha256):
        write_sidecar(sidecar.beside(there), _sidecar(there, entry))
        return there
    with placed(folder(), name) as build:
        path = build / f"model{Path(entry.source).suffix}"
        fetch(entry.source, path, entry.sha256, progress, size=entry.size)
        path = to_ir(path, progress)
        write_sidecar(sidecar.beside(path), _sidecar(path, entry))
        open_artifact(path)
    return folder() / name / path.name


def add(file: str, name: str | None = None, more: Sequence[str] = ()) -> tuple[Path, ...]:
    """Copies a model file, its twins, and all that is known of them into the folder; returns the new files, main first.

    more: files of further twins, wherever they lie. Raises ArtifactError where one of them cannot be used as it is,
    two are for the same engines, or the name is taken by the catalog.
    """
    from backends.models.place import placed

    artifact = open_artifact(Path(file))
    chosen = name or artifact.name
    if not _is_name(chosen):
        raise ArtifactError(f"{chosen!r} is not a model name: letters, digits, . _ - and not {CLIPS!r}")
    if chosen in catalog.models():
        raise ArtifactError(f"{chosen!r} is a model of the catalog; add {file} under another name: --name NAME")
    others = dict.fromkeys(path.absolute() for path in (*map(Path, more), *files(artifact.path)))
    members = {_file_name(artifact): artifact}
    for twin in (open_twin(path, artifact) for path in others):
        taken = members.setdefault(_file_name(twin), twin)
        if taken is not twin:
            raise ArtifactError(f"{twin.path}: {taken.path} is for the same engines already; add one of the two")
    with placed(folder(), chosen) as build:
        for target, member in members.items():
            path = build / target
            _write_known(path, member, chosen, twin=member is not artifact)
            _copy_files(member, path)
        main, *_ = (build / target for target in members)
        twins(open_artifact(main))
    return tuple(folder() / chosen / target for target in members)


def _file_name(artifact: Artifact) -> str:
    """By what it is: `model_file` finds it by its ending, whatever its own was."""
    return f"model{_ENDING_OF[artifact.format]}"


def _write_known(path: Path, artifact: Artifact, name: str, *, twin: bool) -> None:
    from backends.models.place import write_sidecar

    write_sidecar(sidecar.own(path) if twin else path.with_suffix(".yaml"), known(artifact, name))


def known(artifact: Artifact, name: str) -> dict[str, Any]:
    """All facts of an artifact, as a sidecar says them."""
    spec = artifact.input
    fields = {key: getattr(spec, key) for key in spec.__dataclass_fields__}
    return {
        "name": name,
        "family": artifact.family,
        "licence": artifact.licence,
        "precision": artifact.precision,
        "labels": list(artifact.labels),
        "input": {key: list(v) if isinstance(v, tuple) else v for key, v in fields.items() if v is not None},
        "head": dict(artifact.head),
        "sha256": digest(*files_of(artifact.path)),
        "origin": {"source": f"file:{_readable(artifact.path)}", "sha256": artifact.sha256},
    }


def _readable(path: Path) -> str:
    """As text that YAML can hold, whatever bytes the name is of."""
    return os.fsencode(path).decode(errors="replace")


def clip(name: str, progress: Progress) -> Path:
    """The clip of the catalog; downloaded if it is not there. Raises FetchError, ArtifactError."""
    from backends.models.fetch import fetch
    from backends.models.place import make_folder

    entry = catalog.clip(name)
    path = make_folder(folder() / CLIPS) / f"{name}{Path(entry.source).suffix}"
    if not (path.is_file() and digest(path) == entry.sha256):
        fetch(entry.source, path, entry.sha256, progress, size=entry.size)
    return path


def _sidecar(path: Path, entry: catalog.Entry) -> dict[str, Any]:
    origin = {"source": entry.source, "sha256": entry.sha256}
    return {**entry.sidecar, "sha256": digest(*files_of(path)), "origin": origin}


def _pull_command(name: str) -> str:
    command = f"vedette models pull {name}"
    if os.environ.get("CACHE_DIRECTORY") and not os.environ.get("VEDETTE_MODELS"):
        return f"sudo VEDETTE_MODELS={folder()} {command}"  # the service's folder, which a shell would not choose
    return command


def _copy_files(artifact: Artifact, path: Path) -> None:
    from backends.models.fetch import fetch

    model = read_model(artifact.path)
    for source, copy in zip(model.files, model.files_at(path), strict=True):
        if copy.parent != path.parent or copy.exists():
            raise ArtifactError(
                f"{artifact.path}: its weights in {source} cannot lie in the model folder under that name; use the "
                "model by its path, or save it again with its weights in one file beside it"
            )
        fetch(source.absolute().as_uri(), copy, digest(source), lambda _phase, _done: None)


def _is_name(text: str) -> bool:
    try:
        return facts.name(text) != CLIPS
    except ValueError:
        return False


def names() -> set[str]:
    """Of what is installed, also of what we may not look into."""
    try:
        children = [child.name for child in folder().iterdir() if child.is_dir()]
    except OSError:
        return set()
    return {name for name in children if _holds_model(name)}


def _holds_model(name: str) -> bool:
    try:
        return installed(name)
    except ArtifactError:
        return True


def _is_whole(path: Path, sha256: str) -> bool:
    try:
        return open_artifact(path).sha256 == sha256
    except ArtifactError:
        return False
