"""`vedette models ...`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from agent.cli.exits import FAILED, OK, fail, print_json

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable


def add(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)

    def verb(name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        added = verbs.add_parser(name, help=text, description=text)
        added.set_defaults(run=run)
        added.add_argument("--json", action="store_true", help="for programs")
        return added

    verb("list", _list, "the catalog, and what is installed")
    verb("pull", _pull, "download a model of the catalog").add_argument("name", nargs="+")
    adding = verb("add", _add, "install a model file of your own")
    adding.add_argument("file", type=Path)
    adding.add_argument("--name", help="default: the file's name")
    adding.add_argument(
        "--twin", action="append", default=[], metavar="FILE", help="the same model for another engine; repeatable"
    )
    verb("inspect", _inspect, "what is known of a model and its twins, from where, and what runs them").add_argument(
        "model"
    )
    bench = verb("bench", _bench, "measure a model on this machine, on every engine that runs it")
    bench.add_argument("model")


def _list(arguments: argparse.Namespace) -> int:
    from agent.runtime import show
    from backends import store

    rows = store.listing()
    if arguments.json:
        return print_json(rows)
    print(show.models(rows))
    return OK


def _pull(arguments: argparse.Namespace) -> int:
    from agent.runtime.modelbench import prepare
    from agent.runtime.progress import Progress
    from backends import store
    from backends.contract import BackendError

    for name in arguments.name:
        try:
            with Progress(f"pull {name}") as progress:
                path = store.pull(name, progress)
        except (BackendError, OSError) as e:
            return fail(e)
        print(f"{name}: {path}")
        try:
            with Progress(f"prepare {name}") as progress:
                prepare(name, progress)
        except BackendError as e:
            print(f"vedette: {name} is here, but no engine could be tried with it: {e}", file=sys.stderr)
    return OK


def _add(arguments: argparse.Namespace) -> int:
    from backends import store
    from backends.contract import BackendError

    try:
        print(*store.add(arguments.file, arguments.name, arguments.twin), sep="\n")
    except (BackendError, OSError) as e:
        return fail(e)
    return OK


def _inspect(arguments: argparse.Namespace) -> int:
    from agent.runtime import show_models
    from agent.runtime.modelinspect import inspect
    from backends.contract import BackendError

    try:
        found = inspect(arguments.model)
    except BackendError as e:
        return fail(e)
    if arguments.json:
        print_json(found.to_json())
    else:
        print(show_models.inspection(found))
    return FAILED if found.problems else OK


def _bench(arguments: argparse.Namespace) -> int:
    from agent.runtime import show_models
    from agent.runtime.modelbench import measure
    from agent.runtime.progress import Progress
    from backends.contract import BackendError

    try:
        found = measure(arguments.model, Progress)
    except BackendError as e:
        return fail(e)
    if arguments.json:
        return print_json(found.to_json())
    print(show_models.bench(found))
    return OK
