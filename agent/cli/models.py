"""`vedette models ...`."""

from __future__ import annotations

import argparse
import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.cli.exits import FAILED, OK, USAGE, fail, print_json

if TYPE_CHECKING:
    from collections.abc import Callable

_LONGEST_S = 86_400.0


def add(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)

    def verb(name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        added = verbs.add_parser(name, help=text, description=text)
        added.set_defaults(run=run)
        added.add_argument("--json", action="store_true", help="for programs")
        return added

    verb("list", _list, "list the catalog and the installed models")
    verb("pull", _pull, "download a model of the catalog").add_argument("name", nargs="+")
    adding = verb("add", _add, "install a model file of your own")
    adding.add_argument("file", type=Path)
    adding.add_argument("--name", help="default: the file's name")
    adding.add_argument(
        "--twin", action="append", default=[], metavar="FILE", help="the same model for another engine; repeatable"
    )
    verb(
        "inspect",
        _inspect,
        "show what is known about a model and its twins, where each fact comes from, and what runs them",
    ).add_argument("model")
    _add_export(
        verb("export", _export, "export Ultralytics YOLO weights to a checked file for a Jetson, a Coral or a CPU")
    )
    comparing = verb(
        "compare", _compare, "compare on pictures: whether model B finds what model A finds, and how fast both are"
    )
    comparing.add_argument("a", help="the reference model: a name or a path")
    comparing.add_argument("b", help="the model to replace it, such as its INT8 version")
    comparing.add_argument(
        "--images", type=Path, required=True, metavar="DIR", help="a folder of pictures to compare on"
    )
    _agreement(comparing)
    bench = verb("bench", _bench, "measure a model on this machine, on every engine that runs it")
    bench.add_argument("model")


def _add_export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("weights", type=Path, help="a .pt file that you trust: loading it can run code")
    parser.add_argument(
        "--for", dest="target", choices=("jetson", "coral", "cpu"), required=True, help="the target it will run on"
    )
    parser.add_argument(
        "--imgsz", type=int, metavar="N", help="input size in pixels; default: the trained size; Coral: 320"
    )
    parser.add_argument("--int8", action="store_true", help="quantise for a CPU; for a Coral this is always done")
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="a folder of pictures to calibrate INT8 on, like those of your cameras"
    )
    parser.add_argument(
        "--images", type=Path, metavar="DIR", help="a folder of pictures to compare the INT8 file on; default: --data"
    )
    parser.add_argument(
        "--output", type=Path, metavar="DIR", help="folder for the result; default: that of the weights"
    )
    parser.add_argument("--python", metavar="PATH", help="a Python interpreter with Ultralytics; default: this one")
    parser.add_argument(
        "--timeout", type=_seconds, default=1800, metavar="S", help="seconds the export may take; default: 1800"
    )
    _agreement(parser)


def _agreement(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--at-least",
        type=_share,
        default=0.9,
        metavar="SHARE",
        help="share of the boxes that must agree, both ways; default: 0.9",
    )
    parser.add_argument(
        "--confidence",
        type=_share,
        default=0.5,
        metavar="C",
        help="compare boxes from this confidence on; default: 0.5, as for a camera",
    )


def _share(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0 <= (value := float(text)) <= 1:
            return value
    raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 1")


def _seconds(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0 < (value := float(text)) <= _LONGEST_S:
            return value
    raise argparse.ArgumentTypeError(f"{text!r} is not a time; give seconds, {_LONGEST_S:g} at most")


def _list(arguments: argparse.Namespace) -> int:
    from agent.tools import show
    from backends.models.listing import listing

    rows = listing()
    if arguments.json:
        return print_json(rows)
    print(show.models(rows))
    return OK


def _pull(arguments: argparse.Namespace) -> int:
    from agent.tools.modelbench import prepare
    from agent.tools.progress import Progress
    from backends.contract import BackendError
    from backends.models import store

    pulled = []
    for name in arguments.name:
        try:
            with Progress(f"pull {name}") as progress:
                path = store.pull(name, progress)
        except (BackendError, OSError) as e:
            return fail(e)
        pulled.append({"name": name, "files": [str(path)]})
        if not arguments.json:
            print(f"{name}: {path}")
        try:
            with Progress(f"prepare {name}") as progress:
                prepare(name, progress)
        except BackendError as e:
            print(f"vedette: {name} is here, but no engine could be tried with it: {e}", file=sys.stderr)
    return print_json(pulled) if arguments.json else OK


def _add(arguments: argparse.Namespace) -> int:
    from backends.contract import BackendError
    from backends.models import store

    before = store.names()
    try:
        files = store.add(arguments.file, arguments.name, arguments.twin)
    except (BackendError, OSError) as e:
        return fail(e)
    name = files[0].parent.name
    if arguments.json:
        print_json({"name": name, "files": [*map(str, files)]})
    else:
        print(*files, sep="\n")
    if name in before:
        print(f"vedette: {name} was replaced; a running daemon takes it at: vedette reload", file=sys.stderr)
    return OK


def _inspect(arguments: argparse.Namespace) -> int:
    from agent.tools import show_models
    from agent.tools.modelinspect import inspect
    from backends.contract import BackendError

    try:
        found = inspect(arguments.model)
    except BackendError as e:
        return fail(e)
    _show(arguments, found, show_models.inspection)
    return FAILED if found.problems else OK


def _export(arguments: argparse.Namespace) -> int:
    from agent.tools import show_models
    from agent.tools.comparison.pictures import NoPictures
    from agent.tools.exporting.export import ExportJob, export
    from agent.tools.exporting.target import Unfit, target
    from agent.tools.progress import Progress
    from backends.contract import BackendError

    _quiet()
    try:
        wanted = target(arguments.target, int8=arguments.int8, data=arguments.data, imgsz=arguments.imgsz)
        named = ("weights", "data", "images", "output", "python", "timeout", "confidence", "at_least")
        found = export(ExportJob(wanted, **{name: getattr(arguments, name) for name in named}), Progress)
    except (Unfit, NoPictures) as e:
        return fail(e, USAGE)
    except BackendError as e:
        return fail(e)
    _show(arguments, found, show_models.exported)
    return OK if found.good else FAILED


def _compare(arguments: argparse.Namespace) -> int:
    from agent.tools import show_models
    from agent.tools.comparison.compare import OtherLabels, compare
    from agent.tools.comparison.pictures import NoPictures, pictures
    from agent.tools.progress import Progress
    from backends.contract import BackendError
    from backends.models import store

    _quiet()
    try:
        paths = pictures(arguments.images)
        a, b = store.find(arguments.a), store.find(arguments.b)
        found = compare(a, b, paths, Progress, arguments.confidence, arguments.at_least)
    except (NoPictures, OtherLabels) as e:
        return fail(e, USAGE)
    except BackendError as e:
        return fail(e)
    _show(arguments, found, show_models.comparison)
    return OK if found.agrees else FAILED


def _show(arguments: argparse.Namespace, found: Any, text: Callable[[Any], str]) -> None:
    """For programs or for people."""
    if arguments.json:
        print_json(found.to_json())
    else:
        print(text(found))


def _quiet() -> None:
    """What an engine logs while it starts is told by the verb itself, once, where it matters."""
    import logging

    logging.getLogger("vedette").addHandler(logging.NullHandler())


def _bench(arguments: argparse.Namespace) -> int:
    from agent.tools import show_models
    from agent.tools.modelbench import measure
    from agent.tools.progress import Progress
    from backends.contract import BackendError

    try:
        found = measure(arguments.model, Progress)
    except BackendError as e:
        return fail(e)
    _show(arguments, found, show_models.bench)
    return OK
