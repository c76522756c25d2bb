"""The verbs of the command `vedette`. No logic: each asks a room, and prints."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from agent.cli import doctor, fleet, models, tail, watch
from agent.cli.exits import HELD, OK, USAGE, fail, leave, print_json, usage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_CONFIG = Path("/etc/vedette/vedette.yaml")


def perform(argv: Sequence[str] | None) -> int:
    """Returns the exit code."""
    parser = _parser()
    arguments, unknown = parser.parse_known_args(argv)
    if unknown:
        hint = (
            "; name the config with -c FILE" if hasattr(arguments, "config") and not unknown[0].startswith("-") else ""
        )
        parser.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")
    run: Callable[[argparse.Namespace], int] = arguments.run
    return run(arguments)


def _file(name: str) -> Path:
    """Raises OSError where the current folder, which a relative name begins in, is gone."""
    path = Path(name)
    if not path.is_absolute():
        Path.cwd()
    return path


def _parser() -> argparse.ArgumentParser:
    from agent import __version__

    parser = argparse.ArgumentParser(
        prog="vedette",
        description="Watches cameras on a small computer and publishes what it sees over MQTT.",
        epilog="Exit codes: 0 ended as asked, 1 failure, 2 bad config or usage, 75 another daemon holds the state "
        "directory.",
    )
    parser.add_argument("--version", action="version", version=f"vedette {__version__}")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)

    def verb(
        name: str, run: Callable[[argparse.Namespace], int], text: str, *, config: bool = False, report: bool = False
    ) -> argparse.ArgumentParser:
        added = verbs.add_parser(name, help=text, description=text)
        added.set_defaults(run=run)
        if config:
            added.add_argument(
                "-c", "--config", type=_file, default=_CONFIG, metavar="FILE", help=f"default: {_CONFIG}"
            )
        if report:
            added.add_argument("--json", action="store_true", help="for programs")
        return added

    verb("run", _run, "run the daemon until it is stopped, or all files have been played", config=True)
    verb("check", _check, "check the config and what it names, and report every error", config=True, report=True)
    demo = verb("demo", _demo, "play a street clip through a real model and a real broker, and show what arrives")
    demo.add_argument("--pace", choices=("realtime", "max"), default="realtime")
    verb("status", _status, "show the state of the running daemon", report=True)
    verb("reload", _reload, "have the running daemon reload its config, and report the result", report=True)
    verb("backends", _backends, "the installed backends: their devices, or why they cannot be used", report=True)
    bench = verb("bench", _bench, "measure the pipeline against the bare engine on this machine", report=True)
    bench.add_argument("--model", default="person", help="a catalog name or a path")
    bench.add_argument("--clip", type=Path, help="a video file; default: the demo's")
    bench.add_argument("--only", action="append", choices=("throughput", "latency", "start", "scene"), help="a part")
    bench.add_argument(
        "--scene", dest="only", action="append_const", const="scene", help="what tracks, zones and events cost"
    )
    models.add(verb("models", usage, "list, pull, add, inspect and measure models"))
    watch.add(verb("watch", watch.run, "a live table of any device, read over MQTT", report=True))
    doctor.add(verb("doctor", doctor.run, "find out what is wrong, and how to fix it", config=True, report=True))
    tail.add(verb("tail", tail.run, "the log of a device, live, read over MQTT", report=True))
    fleet.add(verb("fleet", fleet.run, "list all devices of a broker, from its retained messages", report=True))
    return parser


def _run(arguments: argparse.Namespace) -> int:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until the daemon takes it, what it asks for is done anyway

    from agent.config import ConfigError
    from agent.runtime.paths import Held
    from agent.runtime.startup import Unusable, run, run_anew

    try:
        again = run(arguments.config, complain=lambda e: fail(e, USAGE))
    except Held as e:
        return fail(e, HELD)
    except Unusable as e:
        return fail(e)
    except ConfigError:
        return USAGE
    if again:
        run_anew()
    return leave(OK)


def _check(arguments: argparse.Namespace) -> int:
    from dataclasses import asdict

    from agent.tools.check import as_the_service, check

    as_the_service(arguments.config)
    errors, warnings = check(arguments.config)
    if arguments.json:
        print_json({"ok": not errors, "errors": [*map(asdict, errors)], "warnings": [*map(asdict, warnings)]})
    else:
        for line in [*errors, *(f"{warning} (warning)" for warning in warnings)]:
            print(line)
        count = "ok" if not errors else "1 error" if len(errors) == 1 else f"{len(errors)} errors"
        print(f"{arguments.config}: {count}")
    return USAGE if errors else OK


def _demo(arguments: argparse.Namespace) -> int:
    from agent.tools.demo import DemoError, demo

    try:
        demo(arguments.pace, print)
    except DemoError as e:
        return fail(e)
    return OK


def _status(arguments: argparse.Namespace) -> int:
    from agent.runtime.running import UNLIKE, SilentError, running, strange
    from agent.tools import show

    try:
        status = running()
    except SilentError as e:
        return fail(e)
    if arguments.json:
        return print_json(status)
    try:
        text = show.status(status)
    except UNLIKE:
        return fail(strange(status))
    print(text)
    return OK


def _reload(arguments: argparse.Namespace) -> int:
    from agent.runtime.reload.ask import ask
    from agent.runtime.running import UNLIKE, SilentError, strange
    from agent.tools import show

    try:
        told = ask()
        text = show.config(told)
    except SilentError as e:
        return fail(e)
    except UNLIKE:
        return fail(strange())
    if arguments.json:
        print_json(told)
    else:
        print(text)
    return USAGE if told["state"] == "rejected" else OK


def _backends(arguments: argparse.Namespace) -> int:
    from agent.tools import show
    from backends import registry

    reports = [found.report for found in registry.survey_all(registry.discover().values())]
    if arguments.json:
        return print_json([report.to_json() for report in reports])
    print(show.backends(reports))
    return OK


def _bench(arguments: argparse.Namespace) -> int:
    from agent.tools.bench import BenchError, bench

    try:
        figures = bench(arguments.model, arguments.clip, arguments.only, lambda line: print(line, file=sys.stderr))
    except BenchError as e:
        return fail(e)
    if arguments.json:
        return print_json(figures)
    from agent.tools import show

    print(show.bench(figures))
    return OK
