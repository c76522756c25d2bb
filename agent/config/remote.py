"""What a config that comes over MQTT may not do unless `remote.config: full` stands in the device's own. Pure."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from agent.config.redact import MASK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.config.lookup import Tagged
    from agent.config.model import CameraConfig, Config, MqttConfig
    from agent.config.problems import Problem

_WITH_HOME_ASSISTANT = frozenset({"camera.set", "snapshot"})
_FULL = "; only `remote.config: full` on the device allows it"


def remote_problems(wanted: Config, running: Config) -> tuple[Problem, ...]:
    """Whoever may send a config shall not read the device's files with it, be sent its passwords, or gain rights.

    A password may only go where it goes now; that of a new camera is given on the device.
    """
    masked = tuple(_masked(wanted))
    return masked if masked or running.remote.config == "full" else tuple(_problems(wanted, running))


def _masked(wanted: Config) -> Iterator[Problem]:
    """What `config.get` shows in place of a credential is none; taken for one it would lock the device out."""
    parts: list[tuple[str, MqttConfig | CameraConfig, str]] = [("mqtt", wanted.mqtt, "")]
    parts += [(f"cameras.{camera.id}", camera, camera.source) for camera in wanted.cameras]
    for key, part, source in parts:
        password = None if part.password is None else part.password.reveal()
        said = {"source": MASK if MASK in source else source, "username": part.username, "password": password}
        for word, value in said.items():
            if value == MASK:
                message = f"{MASK} stands for what config.get does not show: write it out, a password as !secret NAME"
                yield wanted.problem(f"{key}.{word}", message)


def granted(running: Config) -> frozenset[Tagged] | None:
    """What of `!secret` and `!env` it may look up beside passwords, as `parse` wants it: no more than runs."""
    return None if running.remote.config == "full" else running.tagged


def model_problem(model: str, running: Config) -> str | None:
    """Why a command may not select this model, None if it may."""
    if running.remote.config == "full" or "/" not in model or model in _models(running):
        return None
    return "a command may not name a file of the device as a model" + _FULL


def _models(config: Config) -> set[str]:
    return {config.model, *(camera.model for camera in config.cameras)}


def _problems(wanted: Config, running: Config) -> Iterator[Problem]:
    if wanted.remote != running.remote:
        yield wanted.problem("remote", "a config sent over MQTT may not change what is allowed over MQTT" + _FULL)
    if wanted.metrics != running.metrics:
        yield wanted.problem("metrics", "a config sent over MQTT may not change where this device listens" + _FULL)
    more = wanted.homeassistant.enabled and not running.homeassistant.enabled
    if more and not set(running.remote.commands) >= _WITH_HOME_ASSISTANT:
        names = " and ".join(sorted(_WITH_HOME_ASSISTANT))
        message = f"a config sent over MQTT may not allow commands, and this allows {names}" + _FULL
        yield wanted.problem("homeassistant.enabled", message)
    yield from _broker(wanted, running.mqtt)
    before = {camera.source for camera in running.cameras}
    models = _models(running)
    if _path(wanted.model) and wanted.model not in models:
        yield wanted.problem("model", "a config sent over MQTT may not name a file of the device as a model" + _FULL)
    for camera in wanted.cameras:
        key = f"cameras.{camera.id}"
        if camera.kind in {"file", "folder", "gst"} and camera.source not in before:
            what = "pipelines" if camera.kind == "gst" else "files"
            yield wanted.problem(f"{key}.source", f"a config sent over MQTT may not add {what} as sources" + _FULL)
        if _path(camera.model) and camera.model not in {*models, wanted.model}:
            yield wanted.problem(f"{key}.model", "a config sent over MQTT may not name a file as a model" + _FULL)
        for word in ("username", "password"):
            if _secret(word, camera, wanted) and not _goes_there(word, camera, running):
                message = "a config sent over MQTT may not send a secret to another host" + _FULL
                yield wanted.problem(f"{key}.{word}", message)


def _broker(wanted: Config, running: MqttConfig) -> Iterator[Problem]:
    mqtt = wanted.mqtt
    if (mqtt.host, mqtt.port, mqtt.tls_enabled) != (running.host, running.port, running.tls_enabled):
        yield wanted.problem("mqtt.url", "a config sent over MQTT may not switch to another broker" + _FULL)
    if mqtt.tls != running.tls:
        yield wanted.problem("mqtt.tls", "a config sent over MQTT may not change how the broker is verified" + _FULL)
    if mqtt.password not in {None, running.password}:
        yield wanted.problem(
            "mqtt.password", "a config sent over MQTT may not send another secret to the broker" + _FULL
        )


def _secret(word: str, camera: CameraConfig, wanted: Config) -> bool:
    """Whether it is one: a password always, a user name where the device looks it up."""
    if word == "password":
        return camera.password is not None
    return f"cameras.{camera.id}.{word}" in {key for key, _, _ in wanted.tagged}


def _goes_there(word: str, camera: CameraConfig, running: Config) -> bool:
    """Whether what the camera has for `word` goes to this very host already, as well protected."""

    def way(camera: CameraConfig) -> tuple[object, ...]:
        return getattr(camera, word), _host(camera), camera.encrypted, camera.tls

    return way(camera) in {way(other) for other in running.cameras}


def _host(camera: CameraConfig) -> str | None:
    return urlsplit(camera.source).netloc


def _path(model: str) -> bool:
    return PurePath(model).is_absolute()
