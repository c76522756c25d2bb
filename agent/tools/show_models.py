"""Models as a person reads of them. Pure: values in, text out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.tools.modelinspect import runs
from agent.tools.show import table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.tools.comparison.agreement import Direction, Pair
    from agent.tools.comparison.compare import Comparison
    from agent.tools.exporting.export import Exported
    from agent.tools.modelbench import Bench
    from agent.tools.modelinspect import Inspection, Member
    from backends.registry import Survey

_WIDEST = 100


def inspection(value: Inspection) -> str:
    """What the model is, part by part, each with a headline."""
    main, *others = value.members
    parts = [table(_model(main)), _part("outputs", table(_outputs(main)))]
    if main.file.metadata:
        pairs = sorted(main.file.metadata.items())
        parts.append(_part("metadata in the file", table((key, _short(text)) for key, text in pairs)))
    if others:
        parts.append(_part("twins", "\n\n".join(_twin(member) for member in others)))
    parts += [_part("problem", problem) for problem in value.problems]
    parts.append(
        _part("backends", "\n".join(_backend(value, survey) for survey in value.surveys) or "none is installed")
    )
    if value.speeds:
        rows = [(s.backend, s.file, s.device, f"{s.fps:.1f} fps", f"{s.p50_ms:.2f} ms") for s in value.speeds.values()]
        parts.append(_part("measured here", table(rows)))
    parts.append(_part("why", "\n".join(main.artifact.why)))
    return "\n\n".join(parts)


def bench(value: Bench) -> str:
    rows: list[Sequence[object]] = [
        ("backend", "device", "file", "mode", "precision", "streams", "fps", "p50 ms", "p99 ms", "")
    ]
    for row in value.rows:
        f = row.figures
        note = "" if row.usual else "not used: the model's `precision` is another"
        cells = (f.mode or "-", f.precision, f.streams, f"{f.fps:.1f}", f"{f.p50_ms:.2f}", f"{f.p99_ms:.2f}", note)
        rows.append((row.backend, f.device, row.file, *cells))
    parts = [table(rows)]
    if value.cannot:
        parts.append(_part("cannot run it here", table(value.cannot.items())))
    if value.best == value.auto:
        parts.append(f"auto prefers {value.best}, and should")
    else:
        order = f"backend: [{value.best}, {value.auto}]"
        parts.append(f"auto should prefer {value.best}; its own order begins with {value.auto}: write {order}")
    if not value.kept:
        parts.append("the figures could not be kept beside the model: its folder takes no file")
    return "\n\n".join(parts)


def comparison(value: Comparison) -> str:
    rows: list[Sequence[object]] = [("", "file", "engine", "precision", "p50 ms")]
    rows += [
        (name, side.file, f"{side.backend} on {side.device}", side.precision, f"{side.p50_ms:.2f}")
        for name, side in (("A", value.a), ("B", value.b))
    ]
    parts = [table(rows)]
    if value.labels:
        rows = [("label", "boxes of A", "in B", "boxes of B", "in A", "IoU", "B surer by")]
        rows += [_agreement(label, pair) for label, pair in (("all", value.total), *value.labels.items())]
        parts.append(table(rows))
    said = "B sees what A sees" if value.agrees else "B cannot replace A"
    parts.append("\n".join([f"{value.pictures} pictures, confidence {value.confidence:g}: {said}", *value.notes]))
    return "\n\n".join(parts)


def exported(value: Exported) -> str:
    spec = value.artifact.input
    what = f"{value.artifact.family} {spec.width}x{spec.height}, {len(value.artifact.labels)} labels"
    ran = f"ran on {value.checked} in {value.p50_ms:.2f} ms; made by Ultralytics {value.version}"
    parts = [comparison(value.comparison)] if value.comparison else []
    if value.good:
        parts.append("\n".join(map(str, value.files)))
        parts.append("\n".join([f"{what}; {ran}", *value.notes]))
        parts.append(_part("left to do", "\n".join(value.left)))
    else:
        parts.append(
            "nothing was written: other pictures to calibrate on may help, or the file for another engine;\n"
            "--at-least and --confidence say what is good enough"
        )
    return "\n\n".join(parts)


def _agreement(label: str, pair: Pair) -> Sequence[object]:
    there, back = pair.there, pair.back

    def share(way: Direction) -> str:
        return "-" if way.share is None else f"{way.share:.3f}"

    means = (f"{there.iou / there.found:.3f}", f"{there.surer / there.found:+.3f}") if there.found else ("-", "-")
    return (label, there.boxes, share(there), back.boxes, share(back), *means)


def _model(member: Member) -> list[Sequence[object]]:
    a, spec = member.artifact, member.artifact.input
    labels = ", ".join(a.labels[:8]) + (f", ... ({len(a.labels)})" if len(a.labels) > 8 else "")
    scale, zero = a.input_quantisation
    quantised = f", stored as {scale:.6g} * (q - {zero})" if scale else ""
    return [
        ("model", a.name),
        ("file", a.path),
        ("format", a.format + "".join(f", operator {name}" for name in a.custom_ops)),
        ("rev", f"{a.rev} (sha256 {a.sha256})"),
        ("family", a.family),
        ("head", ", ".join(f"{key} {option}" for key, option in a.head.items()) or "no options"),
        ("input", f"{spec.name or '(unnamed)'} {spec.width}x{spec.height} {spec.layout} {spec.dtype}{quantised}"),
        ("picture", f"{spec.color}, {spec.resize}" + ("" if spec.resize == "stretch" else f" on {spec.pad}")),
        ("encoding", f"(pixel - {_channels(spec.mean)}) / {_channels(spec.std)}"),
        ("precision", a.precision),
        ("labels", labels),
        ("licence", a.licence),
    ]


def _outputs(member: Member) -> list[Sequence[object]]:
    return [
        (number, tensor, f"{tensor.scale:.6g} * (q - {tensor.zero_point})" if tensor.scale else "not quantised")
        for number, tensor in enumerate(member.file.outputs)
    ] or [("only the loaded engine knows them",)]


def _twin(member: Member) -> str:
    kept = {"file", "format", "rev", "family", "head", "input", "encoding"}
    rows = [row for row in _model(member) if row[0] in kept]
    outputs = [row for row in _outputs(member) if len(row) == 3]
    return table([*rows, *((f"output {number}", f"{text}, {how}") for number, text, how in outputs)])


def _backend(value: Inspection, survey: Survey) -> str:
    report = survey.report
    reason = f"{report.reason} ({report.hint})" if report.hint else report.reason
    devices = ", ".join(device.id for device in report.devices)
    files = table((file, f"no: {why}" if why else "yes") for file, why in runs(value, survey).items())
    return f"{report.name}: {report.status}: {devices or reason}\n" + "\n".join(
        f"  {row}" for row in files.splitlines()
    )


def _part(title: str, text: str) -> str:
    return f"{title}:\n" + "\n".join(f"  {line}".rstrip() for line in text.splitlines())


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _WIDEST else f"{line[:_WIDEST]}... ({len(text)} characters)"


def _channels(values: tuple[float, ...]) -> str:
    return f"{values[0]:g}" if len(set(values)) == 1 else "[" + ", ".join(f"{value:g}" for value in values) + "]"
