"""What a config that comes over MQTT may not do unless `remote.config: full` stands in the device's own. Pure."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.config.model import CameraConfig, Config, MqttConfig
    from agent.config.problems import Problem
    from agent.config.secrets import Secret

_FULL = "; only `remote.config: full` on the device allows it"


def remote_problems(wanted: Config, running: Config) -> tuple[Problem, ...]:
    """Whoever may send a config shall not read the device's files with it, be sent its passwords, or gain rights.

    A password may only go where it goes now; that of a new camera is given on the device.
    """
    if running.remote.config == "full":
        return ()
    return tuple(_problems(wanted, running))


def model_problem(model: str, running: Config) -> str | None:
    """Why a command may not select this model, None if it may."""
    if running.remote.config == "full" or "/" not in model or model in _models(running):
        return None
    return "a command may not name a file of the device as a model" + _FULL


def _models(config: Config) -> set[str]:
    return {config.model, *(camera.model for camera in config.cameras)}


def _problems(wanted: Config, running: Config) -> Iterator[Problem]:
    if wanted.remote != running.remote:
        yield wanted.problem("remote", "a config from afar may not change what is allowed from afar" + _FULL)
    if wanted.metrics != running.metrics:
        yield wanted.problem("metrics", "a config from afar may not change where this device listens" + _FULL)
    yield from _broker(wanted, running.mqtt)
    before = {camera.source for camera in running.cameras}
    models = _models(running)
    if _path(wanted.model) and wanted.model not in models:
        yield wanted.problem("model", "a config from afar may not name a file of the device as a model" + _FULL)
    for camera in wanted.cameras:
        key = f"cameras.{camera.id}"
        if camera.kind in {"file", "folder", "gst"} and camera.source not in before:
            what = "pipelines" if camera.kind == "gst" else "files"
            yield wanted.problem(f"{key}.source", f"a config from afar may not add {what} as sources" + _FULL)
        if _path(camera.model) and camera.model not in {*models, wanted.model}:
            yield wanted.problem(f"{key}.model", "a config from afar may not name a file as a model" + _FULL)
        if camera.password is not None and not _goes_there(camera, running):
            yield wanted.problem(f"{key}.password", "a config from afar may not send a secret to another host" + _FULL)


def _broker(wanted: Config, running: MqttConfig) -> Iterator[Problem]:
    mqtt = wanted.mqtt
    if (mqtt.host, mqtt.port, mqtt.tls_enabled) != (running.host, running.port, running.tls_enabled):
        yield wanted.problem("mqtt.url", "a config from afar may not lead to another broker" + _FULL)
    if mqtt.tls != running.tls:
        yield wanted.problem("mqtt.tls", "a config from afar may not change how the broker is verified" + _FULL)
    if mqtt.password not in {None, running.password}:
        yield wanted.problem("mqtt.password", "a config from afar may not send another secret to the broker" + _FULL)


def _goes_there(camera: CameraConfig, running: Config) -> bool:
    """Whether the camera's password goes to this very host already, as well protected."""
    known: set[tuple[Secret | None, str | None, bool, object]] = {
        (other.password, _host(other), other.encrypted, other.tls) for other in running.cameras
    }
    return (camera.password, _host(camera), camera.encrypted, camera.tls) in known


def _host(camera: CameraConfig) -> str | None:
    return urlsplit(camera.source).netloc


def _path(model: str) -> bool:
    return PurePath(model).is_absolute()
