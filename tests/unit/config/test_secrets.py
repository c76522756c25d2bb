"""Where secrets come from, and that they stay there."""

from __future__ import annotations

import copy
import json
import os
import pickle
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config import Config, ConfigError, Secret, load, parse
from agent.config.redact import redact, redact_url

if TYPE_CHECKING:
    from collections.abc import Callable

VALUE = "hunter2-hunter2"
CONFIG = """
mqtt: {username: u, password: !secret mqtt-password}
cameras: {gate: {source: clip.mp4}}
"""


def read(folder: Path, text: str = CONFIG) -> Config:
    file = folder / "vedette.yaml"
    file.write_text(text)
    return load(file)


def password(config: Config) -> str:
    assert config.mqtt.password is not None
    return config.mqtt.password.reveal()


def test_the_nearest_place_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VEDETTE_SECRET_MQTT_PASSWORD", "from-env")
    assert password(read(tmp_path)) == "from-env"

    (tmp_path / "secrets.yaml").write_text("mqtt-password: from-file\n")
    (tmp_path / "secrets.yaml").chmod(0o640)
    config = read(tmp_path)
    assert (password(config), config.warnings) == ("from-file", ())

    credentials = tmp_path / "credentials"
    credentials.mkdir()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    assert password(read(tmp_path)) == "from-file"
    (credentials / "mqtt-password").write_text("from-systemd\n")
    assert password(read(tmp_path)) == "from-systemd"


def test_a_password_that_is_no_utf8_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VEDETTE_SECRET_MQTT_PASSWORD", os.fsdecode(b"hunter\xe4"))
    with pytest.raises(ConfigError, match=r"mqtt\.password: is not text; write it in UTF-8") as error:
        read(tmp_path)
    assert "hunter" not in str(error.value)


def test_env_takes_any_variable_and_may_be_a_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THREADS", "3")
    assert read(tmp_path, CONFIG.replace("mqtt:", "engine: {threads: !env THREADS}\n#")).engine.threads == 3


def test_a_secrets_file_open_to_everybody_is_a_warning(tmp_path: Path) -> None:
    file = tmp_path / "secrets.yaml"
    file.write_text("mqtt-password: abcd\n")
    file.chmod(0o644)
    assert [str(warning) for warning in read(tmp_path).warnings] == [
        f"{file}: everybody on this machine may read it; chmod 640"
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- hunter2-hunter2", "1:1: needs lines of `name: value`"),
        ("mqtt-password: [hunter2-hunter2]", "1:16: a secret is one text"),
        ("mqtt-password: hunter2-hunter2: x", "1:31: not valid YAML"),
        ("mqtt-password: ''", "is empty"),
        ("mqtt-password: a1b2\nmqtt-password: hunter2-hunter2", "2:1: this name stands in the file twice"),
        ("mqtt-password: *hunter2-hunter2", "an alias (*) without its anchor"),
        ("other: hunter2-hunter2", "no secret mqtt-password"),
    ],
)
def test_a_bad_secrets_file_is_told_without_its_secrets(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "secrets.yaml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        read(tmp_path)
    assert words in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        f"cameras: {{g: {{source: 'rtsp://admin:{VALUE}@h/x'}}}}",
        f"cameras: {{g: {{source: 'rtsp://admin:{VALUE}/@h/x'}}}}",
        f"cameras: {{g: {{source: 'rtsp://admin:{VALUE} @h/x'}}}}",
        f"cameras: {{g: {{source: 'foo://admin:{VALUE}@h/x'}}}}",
        f"cameras: {{g: {{source: 'http://h/x y?user=a&password={VALUE}'}}}}",
        f"mqtt: {{url: 'mqtt://u:{VALUE}@h'}}",
        f"mqtt: {{url: 'tcp://u:{VALUE}@h'}}",
        f"mqtt:\n  password:{VALUE}: x",
        f"mqtt:\n  password={VALUE}: x",
        f"mqtt: {{pasword: {VALUE}}}",
        f"mqtt: {{password: {{{VALUE}: }}}}",
        f"mqtt: {{password: [{VALUE}]}}",
        f"mqtt: {{password: *{VALUE}}}",
        f"mqtt: {{password: !{VALUE} x}}",
        f"mqtt: {{password: !{VALUE}!x x}}",
        f"mqtt: {{password: %{VALUE}}}",
        f"mqtt: {{password: @{VALUE}}}",
        f"mqtt: {{password: '{VALUE}}}",
        f'mqtt: {{password: "{VALUE}\\q"}}',
        f'mqtt: {{password: "{VALUE}\\0"}}',
        f"mqtt: {{password: {VALUE * 100}}}",
        f"mqtt: {VALUE}",
        f"name: http://u:{VALUE}@h\ndevice: http://u:{VALUE}@h",
    ],
)
def test_no_error_repeats_a_password(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text, "vedette.yaml", Path("/etc"))
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "key", ["device", "model", "backend", "mqtt: {url", "mqtt: {prefix", "engine: {mode", "log: {level"]
)
def test_a_secret_in_the_wrong_key_is_not_repeated(tmp_path: Path, key: str) -> None:
    (tmp_path / "secrets.yaml").write_text("s: 'Hunter2+#'")
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, f"{key}: !secret s{'}' * key.count('{')}\n")
    assert "unter2" not in str(caught.value)


def test_a_secret_among_words_is_not_repeated(tmp_path: Path) -> None:
    (tmp_path / "secrets.yaml").write_text(f"s: {VALUE}")
    (tmp_path / "secrets.yaml").chmod(0o600)
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, CONFIG.replace("mqtt-password", "s") + "backend: [!secret s, !secret s]\n")
    assert str(caught.value).endswith("backend: *** stands in the list twice; remove one")

    camera = (
        "gate: {source: !secret s, labels: [a], zones: {z: {polygon: [[0, 0], [1, 0], [1, 1]], labels: [!secret s]}}}"
    )
    config = read(tmp_path, f"cameras: {{{camera}}}\n")
    said = [*config.warnings, config.problem("cameras.gate.source", f"there is no file {config.cameras[0].source}")]
    assert [problem.message.replace(str(tmp_path), "") for problem in said] == [
        "'***' is not among the camera's labels, so it is never seen here; add it there",
        "there is no file /***",
    ]


def test_a_secret_where_a_number_is_wanted_has_no_quotes_to_remove(tmp_path: Path) -> None:
    (tmp_path / "secrets.yaml").write_text("s: 90")
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, "cameras: {gate: {source: a.mp4, rotate: !secret s, fps: !secret s}}\n")
    assert [problem.message for problem in caught.value.problems] == [
        "the value is not one of 0, 90, 180, 270",
        "the value is not a number from 0 to 1000",
    ]


def test_a_secret_never_shows_itself() -> None:
    secret = Secret(VALUE)
    assert {repr(secret), str(secret), f"{secret}", f"{secret:s}", format(secret)} == {"***"}
    assert secret.reveal() == VALUE
    assert copy.deepcopy(secret) == secret == Secret(VALUE)
    assert secret != Secret("other")
    assert secret != VALUE
    assert hash(secret) == hash(Secret(VALUE))
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(secret)


def test_a_config_shows_no_password(tmp_path: Path) -> None:
    config = read(tmp_path, f"mqtt: {{username: u, password: {VALUE}}}\ncameras: {{g: {{source: a.mp4}}}}")
    assert password(config) == VALUE
    assert VALUE not in repr(config) + str(asdict(config)) + json.dumps(asdict(config), default=str)
    assert replace(config, name="x").mqtt == config.mqtt


# Any text a password may be; from 4 characters on it is searched for. A star is what the mask is made of.
passwords = st.text(st.characters(blacklist_categories=["Cc", "Cs"], blacklist_characters="*"), min_size=8)


@given(passwords, st.text(max_size=20), st.text(max_size=20))
def test_redact_finds_a_secret_in_every_spelling(value: str, before: str, after: str) -> None:
    Secret(value)
    for spelling in (
        value,
        quote(value),
        quote(value, safe=""),
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        repr(value)[1:-1],
    ):
        assert spelling not in redact(f"{before}{spelling}{after}")


@given(st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.text(st.characters(categories=["L", "N"]), min_size=6))
def test_redact_finds_unknown_credentials_in_urls(user: str, value: str) -> None:
    secret = f"Q{value}/{value}@Q"
    for form in (quote(secret, safe=""), secret):
        url = f"rtsp://{user}:{form}@10.0.0.7:554/stream"
        assert redact_url(url) == "rtsp://***@10.0.0.7:554/stream"
        assert redact(f"cannot open {url}: refused") == "cannot open rtsp://***@10.0.0.7:554/stream: refused"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://h/cgi?user=admin&pwd=x&fps=5", "http://h/cgi?user=***&pwd=***&fps=5"),
        ("http://h/a?m=b@c", "http://h/a?m=b@c"),
        ("mqtt://h:1883 as a@b", "mqtt://h:1883 as a@b"),
        ("rtsp://u@h/", "rtsp://***@h/"),
        ("no address, a@b", "no address, a@b"),
        ("http://h/cgi?loginuse=a&loginpas=abc: refused", "http://h/cgi?loginuse=***&loginpas=***: refused"),
        ("(rtsp://h/a?pw=abc), and so on", "(rtsp://h/a?pw=***), and so on"),
        ("http://h/cgi?pwm=3&compass=n", "http://h/cgi?pwm=3&compass=***"),
        ("http://h/low_pass/a b_pass c", "http://h/low_pass/a b_pass c"),
        ("rtsp://h:1/user=a_password=b@c_channel=1", "rtsp://***_channel=1"),
        ("rtsp://h/user=a/password=b/live.sdp", "rtsp://h/user=***/password=***/live.sdp"),
        (
            "rtsp://h:554/user=admin&password=tlJwpbo6&channel=1&stream=0.sdp?real_stream",
            "rtsp://h:554/user=***&password=***&channel=1&stream=0.sdp?real_stream",
        ),
    ],
)
def test_redact_leaves_the_rest(text: str, shown: str) -> None:
    assert redact(text) == shown


@given(
    st.text("abyzABYZ0189!$()*+,-.:@_~/?", min_size=6),
    st.sampled_from(
        [
            ("rtsp://h/user=admin_password=", "_channel=1_stream=0.sdp?real_stream"),
            ("rtsp://h/user=admin&password=", "&channel=1&stream=0.sdp"),
            ("http://h/cgi?user=admin&psw=", "&channel=1"),
            ("http://h/cgi?usr=admin&pw=", " once more"),
            ("http://h/cgi?loginuse=admin&loginpas=", ": Connection refused"),
        ]
    ),
)
def test_redact_finds_unknown_credentials_within_addresses(value: str, form: tuple[str, str]) -> None:
    """Between two letters, else what ends it could be taken for what stands behind it."""
    before, after = form
    for show in (redact, redact_url):
        shown = show(f"{before}q{value}q{after}")
        assert value not in shown
        assert shown.endswith(f"***{after}")


@pytest.mark.parametrize(
    "unit", ["pass.", "key", "://a:", "://", "/pass=", "/pass=_a", "_", "&key=", "a@", ":", "\u017f", "é"]
)
@pytest.mark.parametrize("show", [redact, redact_url])
def test_a_long_line_is_redacted_however_much_of_it_looks_like_an_address(
    show: Callable[[str], str], unit: str
) -> None:
    """Where a unit made it try each way again from each place, this would take longer than anybody waits."""
    shown = show(f"http://h/?{unit * (500_000 // len(unit))} http://u:{VALUE}@h/?{unit}&pass={VALUE}")
    assert VALUE not in shown


def test_of_a_secret_that_begins_like_another_nothing_is_left() -> None:
    for value in ("hunter", "hunter2hunter", "hunter2"):
        Secret(value)
    assert redact("hunter2 hunter2hunter hunter") == "*** *** ***"


def test_a_short_secret_does_not_spoil_the_log() -> None:
    Secret("a")
    assert redact("camera gate") == "camera gate"
