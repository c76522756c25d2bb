"""Good configs, and one case for each way a config can be wrong."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from agent.config import Config, ConfigError, load, parse
from agent.config.names import PREFIX_RULE, slugged_id
from agent.config.reading import MOST_READ

FOLDER = Path("/etc/vedette")


def read(text: str | bytes) -> Config:
    return parse(text, "vedette.yaml", FOLDER)


def mistakes(text: str | bytes) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(text)
    assert str(caught.value).splitlines() == [str(problem) for problem in caught.value.problems]
    return str(caught.value).splitlines()


def test_smallest_config_gets_every_default() -> None:
    config = read("cameras: {gate: {source: clip.mp4}}")
    camera = config.cameras[0]
    assert (camera.id, camera.name, camera.kind, camera.live) == ("gate", "gate", "file", False)
    assert camera.source == "/etc/vedette/clip.mp4"
    assert (camera.fps, camera.model, camera.backend) == (0.0, "person", ("auto",))
    assert (config.mqtt.host, config.mqtt.port, config.mqtt.tls_enabled) == ("localhost", 1883, False)
    assert config.name == config.device
    assert parse(FILE + "name: The gate", "f", Path("/nowhere")).cameras[0].name == "The gate"
    assert config.warnings == ()


def test_ten_mistakes_are_told_at_once_in_the_order_of_the_file() -> None:
    text = """\
device: All
nmae: x
threads: 4
engine: {mode: fast, threads: 1.5}
mqtt:
  url: http://h
  prefix: a/+/b
cameras:
  gate:
    source: csi:front
    rotate: 45
    fps: true
"""
    assert mistakes(text) == [
        "vedette.yaml:1:9: device: All is not an id: 1 to 32 of a-z, 0-9, _ and -",
        'vedette.yaml:2:1: nmae: unknown key; did you mean "name"?',
        "vedette.yaml:3:1: threads: unknown key; it belongs to engine.threads",
        "vedette.yaml:4:16: engine.mode: fast is not one of auto, latency, throughput",
        "vedette.yaml:4:31: engine.threads: 1.5 is not a whole number from 1 to 256",
        "vedette.yaml:6:8: mqtt.url: a broker's URL begins with mqtt:// or, for TLS, mqtts://",
        f"vedette.yaml:7:11: mqtt.prefix: a/+/b is not a topic prefix: {PREFIX_RULE}",
        "vedette.yaml:10:13: cameras.gate.source: a camera on the board's own connector is written as csi:0, or csi:1",
        "vedette.yaml:11:13: cameras.gate.rotate: 45 is not one of 0, 90, 180, 270",
        "vedette.yaml:12:10: cameras.gate.fps: true is not a number from 0 to 1000",
    ]


CAMERA = "cameras:\n  gate:\n    source: rtsp://h/x\n    "
HTTPS = "cameras:\n  gate:\n    source: https://h/x\n    "
FILE = "cameras:\n  gate:\n    source: clip.mp4\n    "
TOP = "cameras: {gate: {source: clip.mp4}}\n"


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        # the file as a whole
        ("", "vedette.yaml: ", "is empty"),
        ("# nothing\n", "vedette.yaml: ", "is empty"),
        ("just words", "1:1: ", "a config is a map"),
        ("- a", "1:1: ", "a config is a map"),
        ("a: [\n", "2:1: ", "not valid YAML"),
        ("a: b: c", "1:5: ", "not valid YAML"),
        ("a:\n\tb: 1", "2:1: ", "spaces, not tabs"),
        ("a: @home%1", "1:4: ", 'no text begins with @: put the text in "quotes"'),
        ("a: b\nc: %abc", "2:4: ", 'no text begins with %: put the text in "quotes"'),
        ("a: b: c", "1:5: ", "a colon and a space"),
        ('a: "b"c', "1:7: ", "after its closing quote"),
        ('a: "b', "1:4: ", "a quotation mark is not closed"),
        ("a: &b", "1:4: ", "put a text that begins with & in"),
        ("a: {b: c\nd: e", "2:2: ", "the brace } is missing"),
        ("a: [b}", "1:6: ", "the bracket ] is missing"),
        (r'a: "\q"', "1:5: ", "take 'single quotes'"),
        ("a\nb: c", "2:2: ", "not valid YAML"),
        ("a: 1\n---\nb: 2", "2:1: ", "second document"),
        (b"a: \xff", "1:4: ", "UTF-8"),
        (b"device: g\r\nname: \xc3\xa4\xff", "2:8: ", "UTF-8"),
        ("name: \x07", "1:7: ", "control character"),
        ("# \u00e4\u00f6\n# \U0001f600\nname: \u00fc\x07", "3:8: ", "control character"),
        (b"#" * (256 * 1024 + 1), "vedette.yaml: ", "256 KiB"),
        ("[" * 100, "1:17: ", "levels deep"),
        ("- 1\n" * 30_000, "", "more than 20000 values"),
        ("a: &a [*a]", "1:8: ", "never ends"),
        ("a: *b", "1:4: ", "alias"),
        # keys
        ("cameras:", "1:1: cameras: ", "at least one is needed"),
        ("cameras: {}", "1:10: cameras: ", "names no camera"),
        ("cameras: [a]", "1:10: cameras: ", "a map from the id of a camera to its keys, such as `gate: "),
        ("cameras: {gate: }", "1:11: cameras.gate.source: ", "is missing"),
        (TOP + "cameras: {}", "2:1: cameras: ", "twice, first on line 1"),
        (TOP + "metrics: {listen: 65536}", "2:19: metrics.listen: ", "outside 1 to 65535"),
        (TOP + "metrics: {listen: a b}", "2:19: metrics.listen: ", "such as 127.0.0.1:9464"),
        (TOP + "metrics: {listen: 'gate.lan:9464'}", "2:19: metrics.listen: ", "IP:PORT"),
        (TOP + "metrics: {listen: '10.0.0.300:9464'}", "2:19: metrics.listen: ", "IP:PORT"),
        (TOP + "mqtt: {drain_rate: -1}", "2:20: mqtt.drain_rate: ", "outside 0 to 100000"),
        (TOP + "homeassistant: {prefix: a/#}", "2:25: homeassistant.prefix: ", PREFIX_RULE),
        (TOP + "outbox: {max_bytes: 1kB}", "2:21: outbox.max_bytes: ", "outside"),
        (TOP + "outbox: {max_bytes: 256mb}", "2:21: outbox.max_bytes: ", "such as 256MB"),
        (TOP + "outbox: {max_age: 0}", "2:19: outbox.max_age: ", "outside 1m to 366d"),
        (TOP + "outbox: {max_age: week}", "2:19: outbox.max_age: ", "from 1m to 366d, such as 2m or 7d"),
        (TOP + "outbox: {durability: powr}", "2:22: outbox.durability: ", 'did you mean "power"?'),
        (TOP + "remote: {commands: [restrat]}", "2:21: remote.commands", 'did you mean "restart"?'),
        (TOP + "remote: {commands: [ping, ping]}", "2:27: remote.commands", "twice"),
        (TOP + "remote: {config: open}", "2:18: remote.config: ", "not one of restricted, full"),
        (TOP + "[a]: b", "2:1: ", "a key is a plain word"),
        (TOP + "mqtt: 5", "2:7: mqtt: ", "a map of keys and values"),
        (TOP + "log: {<<: 5}", "2:7: log.<<: ", "merges maps"),
        (FILE + "motion: {enabeld: true}", "4:14: cameras.gate.motion.enabeld: ", 'did you mean "enabled"'),
        (FILE + "zones: {Porch: {polygon: [[0, 0], [1, 0], [1, 1]]}}", "4:13: cameras.gate.zones.Porch: ", "a-z, 0-9"),
        (FILE + "zones: {all: {polygon: [[0, 0], [1, 0], [1, 1]]}}", "4:13: cameras.gate.zones.all: ", "reserved"),
        (FILE + "zones: {p: {dwell: 1}}", "4:16: cameras.gate.zones.p.polygon: ", "is missing"),
        (FILE + "zones: []", "4:12: cameras.gate.zones: ", "a map from the id of a zone"),
        (FILE + "motion: false", "4:13: cameras.gate.motion: ", "such as {enabled: false}, is wanted"),
        (FILE + "labels: {person: 0.6}", "4:22: cameras.gate.labels.person: ", "such as `person: {confidence: 0.6}`"),
        (FILE + "zones: {p: {polygon: [[0, 0], [1, 0], [1, 1]], dwell: 2h}}", "zones.p.dwell: ", "outside 0 to 3600"),
        (FILE + "lines: {d: {}}", "4:16: cameras.gate.lines.d.points: ", "is missing"),
        (FILE + "snapshots: {max_kb: 5}", "cameras.gate.snapshots.max_kb: ", "outside 20 to 1000"),
        (
            FILE + "privacy: {masks: [[[0, 0], [1, 0], [1, 1], [0, 1]]]}",
            "cameras.gate.privacy.masks: ",
            "cover the whole",
        ),
        (FILE + "motion: {masks: [[0, 0], [1, 0], [1, 1]]}", "cameras.gate.motion.masks: ", "another pair of brackets"),
        (FILE + "weight: 0", "cameras.gate.weight: ", "outside 0.1 to 10"),
        # ids
        ("cameras: {all: {source: a.mp4}}", "1:11: cameras.all: ", "reserved"),
        ("cameras: {Gate: {source: a.mp4}}", "1:11: cameras.Gate: ", "a-z"),
        (f"cameras: {{{'a' * 33}: {{source: a.mp4}}}}", "1:11: ", "1 to 32"),
        (TOP + "device: 42", "2:9: device: ", "quotes"),
        (FILE + "labels: {'': {confidence: 0.6}}", "cameras.gate.labels: ", "is empty"),
        # kinds of values
        (TOP + "model: [a]", "2:8: model: ", "not a list"),
        (TOP + "model: ''", "2:8: model: ", "is empty"),
        (TOP + "model: true", "2:8: model: ", 'put it in quotes: "true"'),
        (TOP + f"name: {'a' * 65}", "2:7: name: ", "at most 64"),
        (TOP + 'name: "a\\nb"', "2:7: name: ", "control character or line break"),
        (TOP + "engine: {threads: 0}", "2:19: engine.threads: ", "outside 1 to 256"),
        (TOP + "engine: {threads: true}", "2:19: engine.threads: ", "not a whole number"),
        (TOP + "health: {interval: 010}", "2:20: health.interval: ", "leading 0"),
        (TOP + "health: {interval: 1:30}", "2:20: health.interval: ", "2m"),
        (TOP + "health: {interval: 2d}", "2:20: health.interval: ", "outside 1 to 3600 seconds"),
        (TOP + "health: {interval: .inf}", "2:20: health.interval: ", "not a number"),
        (TOP + "health: {interval: 1e999}", "2:20: health.interval: ", "outside"),
        (TOP + "health: {interval: x}", "2:20: health.interval: ", "from 1 to 3600, such as 2m"),
        (TOP + 'homeassistant: {enabled: "true"}', "2:26: ", "true or false; remove the quotes"),
        (FILE + 'rotate: "90"', "cameras.gate.rotate: ", "0, 90, 180, 270; remove the quotes"),
        (TOP + "log: {level: inof}", "2:14: log.level: ", 'did you mean "info"?'),
        (TOP + "mqtt: {detections: {publish: true}}", "2:30: ", "not one of on, leased, off"),
        (TOP + "backend: [auto, openvino]", "2:10: backend: ", "auto is an order of its own"),
        (TOP + "backend: [a, a]", "2:14: backend: ", "twice"),
        (TOP + "backend: Open", "2:10: backend: ", "a backend's name"),
        (TOP + "name: !foo bar", "2:7: name: ", "only the tags"),
        (TOP + "name: !env NOT_SET_ANYWHERE", "2:7: name: ", "NOT_SET_ANYWHERE is not set"),
        (TOP + "name: !secret ../x", "2:7: name: ", "needs a name"),
        (TOP + "name: !secret nope", "2:7: name: ", "$VEDETTE_SECRET_NOPE"),
        (FILE + "labels: person", "4:13: cameras.gate.labels: ", "a list is wanted"),
        (FILE + "labels: {person: {confidence: 2}}", "cameras.gate.labels.person.confidence: ", "outside 0 to 1"),
        (FILE + "labels: {person: {confidnce: 1}}", "cameras.gate.labels.person.confidnce: ", "did you mean"),
        (FILE + "labels: {person: , person: }", "cameras.gate.labels.person: ", "twice"),
        (FILE + "labels: [1]", "4:14: cameras.gate.labels: ", "quotes"),
        (FILE + "loop: yes", "4:11: cameras.gate.loop: ", "yes is not true or false"),
        (FILE + 'confidence: "0.5"', "4:17: cameras.gate.confidence: ", "remove the quotes"),
        (FILE + "fps: 1\n    fps: 2", "5:5: cameras.gate.fps: ", "twice, first on line 4"),
        # the broker
        (TOP + "mqtt: {url: mqtt://h:99999}", "2:13: mqtt.url: ", "outside 1 to 65535"),
        (TOP + "mqtt: {url: mqtt://h/topic}", "2:13: mqtt.url: ", "nothing after the port"),
        (TOP + "mqtt: {url: mqtt://}", "2:13: mqtt.url: ", "mqtt://host:1883"),
        (TOP + "mqtt: {password: x}", "2:18: mqtt.password: ", "needs a username"),
        (TOP + "mqtt: {tls: {insecure: true}}", "2:24: mqtt.tls.insecure: ", "TLS is off"),
        (TOP + "mqtt: {url: mqtts://h, tls: {ca: no.pem}}", "2:34: mqtt.tls.ca: ", "no such file: /etc"),
        (TOP + "mqtt: {prefix: /a}", "2:16: mqtt.prefix: ", "topic levels"),
        # sources, and what fits them
        ("cameras: {g: {source: ftp://h/x}}", "1:23: cameras.g.source: ", "not supported"),
        ("cameras: {g: {source: file:///x}}", "1:23: cameras.g.source: ", "without file://"),
        ("cameras: {g: {source: 'rtsp:/h/x'}}", "1:23: cameras.g.source: ", "begins with rtsp://"),
        ("cameras: {g: {source: 'rtsp:///x'}}", "1:23: cameras.g.source: ", "needs a host"),
        ("cameras: {g: {source: 'rtsp://h:99999/x'}}", "1:23: cameras.g.source: ", "65535"),
        ("cameras: {g: {source: 'rtsp://h/a b'}}", "1:23: cameras.g.source: ", "%20"),
        ("cameras: {g: {source: '0'}}", "1:23: cameras.g.source: ", "/dev/video0"),
        ("cameras: {g: {source: 'gst:'}}", "1:23: cameras.g.source: ", "write gst: and a pipeline"),
        ("cameras: {g: {source: 'gst:a ! fakesink'}}", "1:23: cameras.g.source: ", "has no sink"),
        ("cameras: {g: {source: 'gst:a b=\"c'}}", "1:23: cameras.g.source: ", "quotation mark"),
        ("cameras: {g: {source: 'gst:rtspsrc location=rtsp://u:p@h'}}", "1:23: cameras.g.source: ", "process list"),
        (CAMERA + "pace: max", "4:11: cameras.gate.pace: ", "files and folders"),
        (CAMERA + "loop: true", "4:11: cameras.gate.loop: ", "files and folders"),
        (FILE + "transport: tcp", "4:16: cameras.gate.transport: ", "rtsp://"),
        (CAMERA + "tls: {insecure: true}", "4:21: cameras.gate.tls.insecure: ", "https:// and rtsps://"),
        (HTTPS + "tls: {ca: no.pem}", "4:15: cameras.gate.tls.ca: ", "no such file: /etc"),
        (HTTPS + "tls: {cert: a}", "4:11: cameras.gate.tls.cert: ", "belongs to mqtt.tls.cert"),
        (FILE + "username: u", "4:15: cameras.gate.username: ", "rtsp:// and http(s)://"),
        (CAMERA + "password: u", "4:15: cameras.gate.password: ", "needs a username"),
        (CAMERA + "confidence: 1.5", "4:17: cameras.gate.confidence: ", "outside 0 to 1"),
        (CAMERA + "timeout: 3m", "4:14: cameras.gate.timeout: ", "outside 0.5 to 120"),
    ],
)
def test_a_mistake_has_its_place_and_says_what_to_do(text: str | bytes, place: str, words: str) -> None:
    lines = mistakes(text)
    assert len(lines) == 1
    assert place in lines[0]
    assert words in lines[0]


@pytest.mark.parametrize(
    ("line", "section", "field", "value"),
    [
        ("name: no", "", "name", "no"),
        ("name: 007", "", "name", "007"),
        ("name: 2026-11-23", "", "name", "2026-11-23"),
        ("device: 'off'", "", "device", "off"),
        ("backend: openvino", "", "backend", ("openvino",)),
        ("backend: [edgetpu, openvino]", "", "backend", ("edgetpu", "openvino")),
        ("backend: []", "", "backend", ("auto",)),
        ("model: yolo.onnx", "", "model", "/etc/vedette/yolo.onnx"),
        ("model: sub/yolo", "", "model", "/etc/vedette/sub/yolo"),
        ("model: yolo11n", "", "model", "yolo11n"),
        ("engine: {threads: }", "engine", "threads", None),
        ("engine: {threads: 2.0}", "engine", "threads", 2),
        ("engine: ", "engine", "mode", "auto"),
        ("health: {interval: 5m}", "health", "interval", 300.0),
        ("outbox: {max_bytes: 64MB}", "outbox", "max_bytes", 64_000_000),
        ("outbox: {max_age: 2d}", "outbox", "max_age", 172_800.0),
        ("outbox: {durability: power}", "outbox", "durability", "power"),
        ("remote: {commands: [restart, log.level]}", "remote", "commands", ("restart", "log.level")),
        ("homeassistant: {enabled: true}", "homeassistant", "enabled", True),
        ("mqtt: {drain_rate: 200}", "mqtt", "drain_rate", 200.0),
        ("mqtt: {reconnect_max: 500ms}", "mqtt", "reconnect_max", 0.5),
        ("mqtt: {url: 'mqtt://[::1]'}", "mqtt", "host", "::1"),
        ("mqtt: {url: 'mqtt://[::1]'}", "mqtt", "url", "mqtt://[::1]:1883"),
        ("mqtt: {url: mqtts://h/}", "mqtt", "port", 8883),
        ("mqtt: {username: 1234}", "mqtt", "username", "1234"),
        ("mqtt: {prefix: a/b}", "mqtt", "prefix", "a/b"),
    ],
)
def test_values_mean_what_they_look_like(line: str, section: str, field: str, value: object) -> None:
    config: Any = read(TOP + line)
    assert getattr(getattr(config, section) if section else config, field) == value


@pytest.mark.parametrize(("word", "value"), [("on", "on"), ("off", "off"), ("'on'", "on")])
def test_publish_on_is_a_word_not_a_boolean(word: str, value: str) -> None:
    assert read(TOP + f"mqtt: {{detections: {{publish: {word}}}}}").mqtt.detections.publish == value


@pytest.mark.parametrize(
    ("source", "kind", "resolved", "fps"),
    [
        ("rtsp://h:554/a?b=c", "rtsp", "rtsp://h:554/a?b=c", 5.0),
        ("RTSPS://h/a", "rtsp", "rtsps://h/a", 5.0),
        ("https://h/a.mjpg", "http", "https://h/a.mjpg", 5.0),
        ("http://cam:8080/feed@2x", "http", "http://cam:8080/feed@2x", 5.0),
        ("/dev/video0", "v4l2", "/dev/video0", 5.0),
        ("/dev/shm/a.mp4", "file", "/dev/shm/a.mp4", 0.0),
        ("clips/a.mp4", "file", "/etc/vedette/clips/a.mp4", 0.0),
        ("frames/", "folder", "/etc/vedette/frames", 0.0),
        ("/", "folder", "/", 0.0),
    ],
)
def test_sources(source: str, kind: str, resolved: str, fps: float) -> None:
    camera = read(f"cameras: {{g: {{source: '{source}'}}}}").cameras[0]
    assert (camera.kind, camera.source, camera.fps) == (kind, resolved, fps)
    assert camera.live == (fps == 5.0)


def test_cameras_inherit_the_top_levels_model_and_backend() -> None:
    config = read("""
model: a
backend: x
cameras:
  one: &one {source: 1.mp4, labels: [cat], model: b}
  two: {<<: *one, source: 2.mp4, backend: [y, z]}
  three: {source: 3.mp4}
""")
    assert [(c.model, c.backend, tuple(rule.label for rule in c.labels)) for c in config.cameras] == [
        ("b", ("x",), ("cat",)),
        ("b", ("y", "z"), ("cat",)),
        ("a", ("x",), ()),
    ]


def test_a_file_that_only_the_daemon_may_look_at_is_not_said_to_be_missing() -> None:
    """Its name is too long to be asked for; a folder that is closed to us, root may look into."""
    assert read(TOP + f"mqtt: {{url: mqtts://h, tls: {{ca: /{'x' * 300}}}}}").warnings == ()


def test_insecure_tls_is_a_warning_with_its_place() -> None:
    warnings = read(TOP + "mqtt: {url: mqtts://h, tls: {insecure: true}}").warnings
    assert [(w.line, w.column, w.key) for w in warnings] == [(2, 40, "mqtt.tls.insecure")]


def test_insecure_tls_of_a_camera_is_a_warning_with_its_place() -> None:
    config = read(HTTPS + "tls: {insecure: true}")
    assert [(w.line, w.column, w.key) for w in config.warnings] == [(4, 21, "cameras.gate.tls.insecure")]
    assert config.cameras[0].tls.insecure


def test_too_many_problems_end_the_list() -> None:
    lines = mistakes("\n".join(f"key{i}: 1" for i in range(5000)))
    assert len(lines) == 101
    assert "more than 100 problems" in lines[-1]


def test_nested_merges_do_not_multiply() -> None:
    laughs = ["a0: &a0 {x: 1}"]
    laughs += [f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 9)}]}}" for i in range(1, 40)]
    laughs.append("mqtt: {<<: *a39}")
    assert any("mqtt.x: unknown key" in line for line in mistakes("\n".join(laughs)))


def test_aliases_do_not_multiply() -> None:
    """Eleven kilobytes that named half a million labels took seconds, and most of the memory of a small board."""
    labels = ", ".join(f"label{n:04}" for n in range(1000))
    text = (
        "cameras:\n  c0: &c\n    source: rtsp://h/s\n    zones:\n"
        f"      z0: &z {{polygon: [[0, 0], [1, 0], [1, 1]], labels: [{labels}]}}\n"
        + "".join(f"      z{n}: *z\n" for n in range(1, 16))
        + "".join(f"  c{n}: *c\n" for n in range(1, 16))
    )
    (mistake,) = mistakes(text)
    assert f"more than {MOST_READ} values" in mistake


def test_a_long_chain_of_merges_does_not_recurse() -> None:
    chain = ["a0: &a0 {x: 1}", *(f"a{i}: &a{i} {{<<: *a{i - 1}}}" for i in range(1, 3000))]
    assert len(mistakes("\n".join([*chain, "log: {<<: *a2999}"]))) == 101


@pytest.mark.parametrize(
    ("name", "words"), [("missing.yaml", "no such file"), ("", "is a folder"), ("fifo", "not a regular file")]
)
def test_what_is_no_file(tmp_path: Path, name: str, words: str) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(ConfigError, match=words):
        load(tmp_path / name)


def test_a_path_that_is_none() -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load(Path("a\0b"))


def test_paths_begin_at_the_files_folder(tmp_path: Path) -> None:
    (tmp_path / "frames").mkdir()
    (tmp_path / "ca.pem").touch()
    file = tmp_path / "v.yaml"
    file.write_text("mqtt: {url: mqtts://h, tls: {ca: ca.pem}}\ncameras: {g: {source: frames}}")
    config = load(file)
    assert config.mqtt.tls.ca == str(tmp_path / "ca.pem")
    assert (config.cameras[0].kind, config.cameras[0].source) == ("folder", str(tmp_path / "frames"))
    assert config.file == str(file)


@pytest.mark.parametrize(
    ("host", "device"),
    [("Gate Pi.local", "gate-pi"), ("ALL", "vedette"), ("...", "vedette"), ("x" * 40, "x" * 32), ("ü", "vedette")],
)
def test_device_from_the_host_name(host: str, device: str) -> None:
    assert slugged_id(host) == device


@pytest.mark.parametrize(
    ("url", "warned"),
    [
        ("mqtt://localhost", False),
        ("mqtt://127.0.0.1:1884", False),
        ("mqtt://[::1]", False),
        ("mqtts://broker.lan", False),
        ("mqtt://broker.lan", True),
        ("mqtt://192.168.1.2", True),
        ("mqtt://localhost.lan", True),
    ],
)
def test_a_plain_broker_elsewhere_is_warned_of(url: str, warned: bool) -> None:
    warnings = [str(w) for w in parse(f"{TOP}mqtt:\n  url: {url}", "f", FOLDER).warnings]
    assert [line.startswith("f:3:8: mqtt.url: ") and "mqtts://" in line for line in warnings] == [True] * warned
