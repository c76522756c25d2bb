"""Whom `watch`, `tail` and `fleet` listen to: from a config, from options, or from both."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from agent.config import ConfigError, Problem, load
from agent.config.broker import LOGIN_BESIDE, parse
from agent.config.model import MqttConfig
from agent.config.names import ID_RULE, PREFIX, PREFIX_RULE, is_id
from agent.config.problems import InvalidError
from agent.config.secrets import Secret
from agent.publish.endpoint import Endpoint
from agent.publish.topics import Topics

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_OPTIONS = {
    "mqtt.url": "--broker",
    "mqtt.username": "--username",
    "mqtt.password": "--password-file",
    "mqtt.prefix": "--prefix",
    "mqtt.tls.ca": "--ca",
    "mqtt.tls.cert": "tls.cert of a config (-c FILE)",
    "mqtt.tls.key": "tls.key there",
}


@dataclass(frozen=True, slots=True)
class Options:
    """As on the command line; what is given wins over the config. password: never from there, for all can read it.

    many: a level of the prefix may be `+`, for any.
    """

    config: Path | None = None
    device: str | None = None
    broker: str | None = None
    username: str | None = None
    password: str | None = None
    ca: str | None = None
    insecure: bool = False
    prefix: str | None = None
    many: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """device: None for all that are heard. prefix: `mqtt.prefix` of the devices, may be empty.

    options: what gives, on the command line, what a config has under these keys.
    """

    endpoint: Endpoint
    device: str | None
    prefix: str
    options: Mapping[str, str] = field(default_factory=dict)

    def words(self, text: str) -> str:
        """A fault's text, with the options in place of the keys of a config that was not given."""
        for key, option in self.options.items():
            text = text.replace(f"`{key}`", option)
        return text

    def root(self, device: str) -> str:
        """Of a device's topics; `+` for those of all."""
        return Topics(self.prefix, device).root


def target(options: Options) -> Target:
    """Raises ConfigError with all that is wrong with the options, or with the config."""
    config = load(options.config) if options.config is not None else None
    mqtt = config.mqtt if config is not None else MqttConfig()
    problems = [Problem(option, 0, 0, "", message) for option, message in _mistakes(options)]
    if options.broker is not None:
        try:
            host, port, tls, url = parse(options.broker)
        except InvalidError as e:
            message = e.message.replace(LOGIN_BESIDE, "give --username and --password-file")
            problems.append(Problem("--broker", 0, 0, "", message))
        else:  # nobody's password goes to another broker than his own
            mqtt = MqttConfig(host=host, port=port, tls_enabled=tls, url=url)
    if options.username is not None:
        password = Secret(options.password) if options.password else None
        mqtt = replace(mqtt, username=options.username, password=password)
    if options.ca is not None or options.insecure:
        if not mqtt.tls_enabled and not problems:
            option = "--ca" if options.ca is not None else "--insecure"
            problems.append(Problem(option, 0, 0, "", f"TLS is off, for the broker is {mqtt.url}; write mqtts://"))
        mqtt = replace(mqtt, tls=replace(mqtt.tls, ca=options.ca or mqtt.tls.ca, insecure=options.insecure))
    if problems:
        raise ConfigError(tuple(problems))
    device = options.device or (config.device if config is not None else None)
    prefix = options.prefix
    if prefix is None:
        prefix = config.mqtt.prefix if config is not None else ""
    return Target(Endpoint.of(mqtt), device, prefix, _instead(options))


def _instead(options: Options) -> Mapping[str, str]:
    """The options that stand in place of keys of a config."""
    if options.config is None or options.broker is not None:
        return _OPTIONS
    who = options.username
    given = {"mqtt.username": who, "mqtt.password": who, "mqtt.tls.ca": options.ca, "mqtt.prefix": options.prefix}
    return {key: _OPTIONS[key] for key, value in given.items() if value is not None}


def _mistakes(options: Options) -> Iterator[tuple[str, str]]:
    if options.device is not None and not is_id(options.device):
        yield "DEVICE", f"{options.device!r} is not a device's id: {ID_RULE}"
    levels = (options.prefix or "").split("/")
    prefix = "/".join("any" if options.many and level == "+" else level for level in levels)
    if prefix and not re.fullmatch(PREFIX.rstrip("$"), prefix):
        yield "--prefix", f"{options.prefix!r} is not a topic prefix: {PREFIX_RULE}"
    for option, text in (("--prefix", prefix), ("--username", options.username or "")):
        if any("\ud800" <= character <= "\udfff" for character in text):  # a byte of the command line, as it was
            yield option, f"{text!r} is not text: write it in UTF-8"
    if options.ca is not None and not Path(options.ca).is_file():
        yield "--ca", f"no such file: {options.ca}"
