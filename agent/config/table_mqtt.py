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
        Field("ca", FilePath(), None, "PEM file of the CAs to trust; default: the system's"),
        Field("cert", FilePath(), None, "PEM file of this device's own certificate"),
        Field("key", FilePath(), None, "PEM file of that certificate's key, if it is not in the same file"),
        Field(
            "insecure",
            Flag(),
            _MQTT.tls.insecure,
            "accept any certificate: anybody can then pose as the broker; for testing only",
        ),
    )
)

DETECTIONS = Section(
    (
        Field(
            "publish",
            Choice.of(model.Publish),
            _MQTT.detections.publish,
            "whether to publish the detections of each frame; leased: only while a client requests them",
        ),
        Field(
            "max_rate",
            Number(0, 1000),
            _MQTT.detections.max_rate,
            "messages per second and camera at most, 0 for every inferred frame",
        ),
    )
)

MQTT = Section(
    (
        Field(
            "url",
            Text("a broker's URL", schema_pattern=BROKER_URL_SCHEMA),
            _MQTT.url,
            "the broker; mqtt:// is unencrypted (port 1883), mqtts:// is verified TLS (port 8883)",
        ),
        Field("username", USER, None, "the broker's user for this device"),
        Field("password", Password(), None, "the broker's password, preferably as !secret NAME"),
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
            "delayed events sent per second after an outage, 0 for as fast as possible",
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
            "Home Assistant's discovery prefix",
        ),
        Field(
            "discovery",
            Choice.of(model.Discovery),
            _HOMEASSISTANT.discovery,
            "one discovery message per device, or per entity (for Home Assistant before 2024.11)",
        ),
    )
)

OUTBOX = Section(
    (
        Field(
            "max_bytes",
            Number(4_000_000, 1 << 40, "bytes", whole=True),
            _OUTBOX.max_bytes,
            "its size limit on disk; above it the least important events are dropped and reported as a gap",
        ),
        Field("max_age", Number(60, 366 * 86400, "seconds"), _OUTBOX.max_age, "older events are no longer sent"),
        Field(
            "durability",
            Choice.of(model.Durability),
            _OUTBOX.durability,
            "what stored events survive: crash (of the daemon), or power (a power cut too; wears the disk more)",
        ),
    )
)

REMOTE = Section(
    (
        Field(
            "commands",
            Listing(Choice.of(model.Command), most=len(get_args(model.Command))),
            _REMOTE.commands,
            "commands allowed over MQTT beside those that always are (ping, info, log.tail, replay, stream.lease)",
        ),
        Field(
            "config",
            Choice.of(model.RemoteConfigScope),
            _REMOTE.config,
            "restricted: a config sent over MQTT cannot add file or gst: sources, change the broker, or send secrets "
            "to another host; full: it can",
        ),
    )
)
