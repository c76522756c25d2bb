"""Where a broker is, and who we are to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent.config.model import MqttConfig, TlsConfig
    from agent.config.secrets import Secret


@dataclass(frozen=True, slots=True)
class Endpoint:
    """tls: None for plain TCP."""

    host: str
    port: int
    username: str | None = None
    password: Secret | None = None
    tls: TlsConfig | None = None

    @classmethod
    def of(cls, config: MqttConfig) -> Endpoint:
        tls = config.tls if config.tls_enabled else None
        return cls(config.host, config.port, config.username, config.password, tls)

    @property
    def place(self) -> str:
        return f"{self.host}:{self.port}"
