"""Every key of the config that is about MQTT."""

from __future__ import annotations

from typing import get_args

from agent.config import model
from agent.config.kinds import Choice, FilePath, Flag, Number, Password, Text
from agent.config.names import BROKER_URL_SCHEMA, PREFIX, PREFIX_RULE
from agent.config.sections import Field, Listing, Section

_MQTT = model.MqttConfig()
_HOMEASSISTANT = model.HomeAssistantConfig()
_OUTBOX = model.OutboxConfig()
_REMOTE = model.RemoteConfig()

USER = Text("a user name", numbers=True)


TLS = Section(
    (
        Field("ca", FilePath(), None, "PEM file of the CAs to trust; without it the system's"),
        Field("cert", FilePath(), None, "PEM file of this device's own certificate"),
        Field("key", FilePath(), None, "PEM file of that certificate's key, if it is not in the same file"),
        Field("insecure", Flag(), _MQTT.tls.insecure, "accept any certificate; anybody can then be the broker"),
    )
)

DETECTIONS = Section(
    (
        Field(
            "publish",
            Choice.of(model.Publish),
            _MQTT.detections.publish,
            "whether to publish what each frame shows; leased: only while somebody asks for it",
        ),
        Field(
            "max_rate",
            Number(0, 1000),
            _MQTT.detections.max_rate,
            "messages a second and camera at most, 0 for every inferred frame",
        ),
    )
)

MQTT = Section(
    (
        Field(
            "url",
            Text("a broker's URL", schema_pattern=BROKER_URL_SCHEMA),
            _MQTT.url,
            "the broker; mqtt is plain (port 1883), mqtts is verified TLS (port 8883)",
        ),
        Field("username", USER, None, "the broker's user for this device"),
        Field("password", Password(), None, "the broker's password, best as !secret NAME"),
        Field("tls", TLS, None, "certificates, for mqtts:// only"),
        Field(
            "prefix",
            Text("a topic prefix", longest=128, pattern=PREFIX, rule=PREFIX_RULE, empty=True),
            _MQTT.prefix,
            "topic levels before vedette/1/...",
        ),
        Field("detections", DETECTIONS, None, "the topic cam/<id>/detections"),
        Field(
            "reconnect_max",
            Number(0.5, 3600, "seconds"),
            _MQTT.reconnect_max,
            "the longest wait between two attempts to reach the broker",
        ),
        Field(
            "drain_rate",
            Number(0, 100_000),
            _MQTT.drain_rate,
            "late events a second after an outage, 0 for as fast as it goes",
        ),
    ),
)

HOMEASSISTANT = Section(
    (
        Field("enabled", Flag(), _HOMEASSISTANT.enabled, "whether to announce this device to Home Assistant"),
        Field(
            "prefix",
            Text("a topic prefix", longest=128, pattern=PREFIX, rule=PREFIX_RULE),
            _HOMEASSISTANT.prefix,
            "the discovery prefix that Home Assistant is set to",
        ),
        Field(
            "discovery",
            Choice.of(model.Discovery),
            _HOMEASSISTANT.discovery,
            "one document a device, or an entity: for a Home Assistant before 2024.11",
        ),
    )
)

OUTBOX = Section(
    (
        Field(
            "max_bytes",
            Number(4_000_000, 1 << 40, "bytes", whole=True),
            _OUTBOX.max_bytes,
            "the most it takes on the disk; then the least needed goes first, and is told as a gap",
        ),
        Field("max_age", Number(60, 366 * 86400, "seconds"), _OUTBOX.max_age, "what is older is not sent any more"),
        Field(
            "durability",
            Choice.of(model.Durability),
            _OUTBOX.durability,
            "what takes no event away: crash, or power cuts too, which wears the disk more",
        ),
    )
)

REMOTE = Section(
    (
        Field(
            "commands",
            Listing(Choice.of(model.Command), most=len(get_args(model.Command))),
            _REMOTE.commands,
            "commands over MQTT beside those that are always allowed (ping, info, log.tail, replay, stream.lease)",
        ),
        Field(
            "config",
            Choice.of(model.RemoteConfigScope),
            _REMOTE.config,
            "whether a config that comes over MQTT may name files, pipelines and other hosts for secrets",
        ),
    )
)
