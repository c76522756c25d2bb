"""The verbs of the command `vedette`. No logic: each asks a room, and prints."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

OK, FAILED, USAGE, HELD = 0, 1, 2, 75
_CONFIG = Path("/etc/vedette/vedette.yaml")


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit code: 0 ended as asked, 1 failure, 2 bad config or usage, 75 another daemon holds the state."""
    arguments = _parser().parse_args(argv)
    run: Callable[[argparse.Namespace], int] = arguments.run
    try:
        return run(arguments)
    except BrokenPipeError:  # `vedette models list | head`
        sys.stderr.close()
        return OK
    except KeyboardInterrupt:
        return FAILED


def _parser() -> argparse.ArgumentParser:
    from agent import __version__

    parser = argparse.ArgumentParser(
        prog="vedette",
        description="Watches cameras on a small computer and publishes what it sees over MQTT.",
    )
    parser.add_argument("--version", action="version", version=f"vedette {__version__}")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)

    def verb(
        name: str,
        run: Callable[[argparse.Namespace], int],
        text: str,
        *,
        config: bool = False,
        report: bool = False,
    ) -> argparse.ArgumentParser:
        added = verbs.add_parser(name, help=text, description=text)
        added.set_defaults(run=run)
        if config:
            added.add_argument("-c", "--config", type=Path, default=_CONFIG, metavar="FILE", help=f"default: {_CONFIG}")
        if report:
            added.add_argument("--json", action="store_true", help="for programs")
        return added

    verb("run", _run, "run the daemon until it is stopped, or all files have been played", config=True)
    verb(
        "check",
        _check,
        "check the config and what it names; say everything that is wrong",
        config=True,
        report=True,
    )
    demo = verb("demo", _demo, "play a street clip through a real model and a real broker, and show what arrives")
    demo.add_argument("--pace", choices=("realtime", "max"), default="realtime")
    verb("status", _status, "what the running daemon says of itself", report=True)
    verb(
        "backends",
        _backends,
        "the installed backends: their devices, or why they cannot be used",
        report=True,
    )
    bench = verb("bench", _bench, "measure the pipeline against the bare engine on this machine", report=True)
    bench.add_argument("--model", default="person", help="a catalog name or a path")
    bench.add_argument("--clip", type=Path, help="a video file; default: the demo's")
    bench.add_argument("--only", action="append", choices=("throughput", "latency", "start", "scene"), help="a part")
    bench.add_argument(
        "--scene", dest="only", action="append_const", const="scene", help="what tracks, zones and events cost"
    )
    _models(verb("models", _usage, "list, pull, add, inspect and measure models"))
    return parser


def _models(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)

    def verb(name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        added = verbs.add_parser(name, help=text, description=text)
        added.set_defaults(run=run)
        added.add_argument("--json", action="store_true", help="for programs")
        return added

    verb("list", _models_list, "the catalog, and what is installed")
    verb("pull", _models_pull, "download a model of the catalog").add_argument("name", nargs="+")
    add = verb("add", _models_add, "install a model file of your own")
    add.add_argument("file", type=Path)
    add.add_argument("--name", help="default: the file's name")
    add.add_argument(
        "--twin", action="append", default=[], metavar="FILE", help="the same model for another engine; repeatable"
    )
    verb(
        "inspect", _models_inspect, "what is known of a model and its twins, from where, and what runs them"
    ).add_argument("model")
    bench = verb("bench", _models_bench, "measure a model on this machine, on every engine that runs it")
    bench.add_argument("model")


def _usage(_: argparse.Namespace) -> int:
    return USAGE


def _fail(text: object, code: int = FAILED) -> int:
    print(f"vedette: {text}", file=sys.stderr)
    return code


def _print_json(value: Any) -> int:
    print(json.dumps(value, indent=2, default=str))
    return OK


def _run(arguments: argparse.Namespace) -> int:
    from agent.config import ConfigError, load
    from agent.runtime import log, paths
    from agent.runtime.daemon import Daemon
    from agent.runtime.plan import plan

    try:
        config = load(arguments.config)
        found = plan(config)
    except ConfigError as e:
        return _fail(e, USAGE)
    log.set_up(config.log.level)
    log.show_warnings((*config.warnings, *found.warnings))
    try:
        held = paths.lock(paths.state_directory())
    except paths.Held as e:
        return _fail(e, HELD)
    except OSError as e:
        return _fail(f"cannot use the state directory: {e}")
    with held:
        Daemon(config, found).run()
    return OK


def _check(arguments: argparse.Namespace) -> int:
    from dataclasses import asdict

    from agent.runtime.check import check

    errors, warnings = check(arguments.config)
    if arguments.json:
        _print_json({"ok": not errors, "errors": [*map(asdict, errors)], "warnings": [*map(asdict, warnings)]})
    else:
        for line in [*errors, *(f"{warning} (warning)" for warning in warnings)]:
            print(line)
        count = "ok" if not errors else "1 error" if len(errors) == 1 else f"{len(errors)} errors"
        print(f"{arguments.config}: {count}")
    return USAGE if errors else OK


def _demo(arguments: argparse.Namespace) -> int:
    from agent.runtime.demo import DemoError, demo

    try:
        demo(arguments.pace, print)
    except DemoError as e:
        return _fail(e)
    return OK


def _status(arguments: argparse.Namespace) -> int:
    from agent.runtime import show
    from agent.runtime.paths import lives, status_file

    try:
        status = json.loads(status_file().read_text())
    except FileNotFoundError:
        return _fail("no vedette is running here (no status file)")
    except (OSError, ValueError) as e:
        return _fail(f"cannot read the status file: {e}")
    if not lives(status["pid"]):
        return _fail(f"no vedette is running here; the last one, pid {status['pid']}, did not end cleanly")
    if arguments.json:
        return _print_json(status)
    print(show.status(status))
    return OK


def _backends(arguments: argparse.Namespace) -> int:
    from agent.runtime import show
    from backends import registry

    reports = [found.report for found in registry.survey_all(registry.discover().values())]
    if arguments.json:
        return _print_json([report.to_json() for report in reports])
    print(show.backends(reports))
    return OK


def _bench(arguments: argparse.Namespace) -> int:
    from agent.runtime.bench import BenchError, bench

    try:
        figures = bench(arguments.model, arguments.clip, arguments.only, lambda line: print(line, file=sys.stderr))
    except BenchError as e:
        return _fail(e)
    if arguments.json:
        return _print_json(figures)
    from agent.runtime import show

    print(show.bench(figures))
    return OK


def _models_list(arguments: argparse.Namespace) -> int:
    from agent.runtime import show
    from backends import store

    rows = store.listing()
    if arguments.json:
        return _print_json(rows)
    print(show.models(rows))
    return OK


def _models_pull(arguments: argparse.Namespace) -> int:
    from agent.runtime.modelbench import prepare
    from agent.runtime.progress import Progress
    from backends import store
    from backends.contract import BackendError

    for name in arguments.name:
        try:
            with Progress(f"pull {name}") as progress:
                path = store.pull(name, progress)
        except (BackendError, OSError) as e:
            return _fail(e)
        print(f"{name}: {path}")
        try:
            with Progress(f"prepare {name}") as progress:
                prepare(name, progress)
        except BackendError as e:
            print(f"vedette: {name} is here, but no engine could be tried with it: {e}", file=sys.stderr)
    return OK


def _models_add(arguments: argparse.Namespace) -> int:
    from backends import store
    from backends.contract import BackendError

    try:
        print(*store.add(arguments.file, arguments.name, arguments.twin), sep="\n")
    except (BackendError, OSError) as e:
        return _fail(e)
    return OK


def _models_inspect(arguments: argparse.Namespace) -> int:
    from agent.runtime import show_models
    from agent.runtime.modelinspect import inspect
    from backends.contract import BackendError

    try:
        found = inspect(arguments.model)
    except BackendError as e:
        return _fail(e)
    if arguments.json:
        _print_json(found.to_json())
    else:
        print(show_models.inspection(found))
    return FAILED if found.problems else OK


def _models_bench(arguments: argparse.Namespace) -> int:
    from agent.runtime import show_models
    from agent.runtime.modelbench import measure
    from agent.runtime.progress import Progress
    from backends.contract import BackendError

    try:
        found = measure(arguments.model, Progress)
    except BackendError as e:
        return _fail(e)
    if arguments.json:
        return _print_json(found.to_json())
    print(show_models.bench(found))
    return OK


if __name__ == "__main__":
    sys.exit(main())
