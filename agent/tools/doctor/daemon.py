"""What the running daemon has met: two of one client id are only seen by the one that loses its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agent.runtime.running import SilentError, running
from agent.tools.doctor.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from agent.config.model import Config
    from agent.tools.doctor.finding import State


_BROKERS = ("mqtt-", "certificate", "tls-")
"""How the codes of alerts begin that have to do with the broker."""


def daemon(config: Config, about: Sequence[str] = ("",)) -> Iterator[Finding]:
    """about: how the codes begin of the alerts that are looked at; default: all."""
    status = of_the_daemon()
    if status is None:
        yield Finding("daemon", "skipped", "no vedette is running here to ask")
        return
    if status.get("device") != config.device:
        text = f"the vedette that runs here is {status.get('device')}, not {config.device}"
        yield Finding("daemon", "warning", text, "give its config with -c, or restart it with this one")
        return
    mqtt = status.get("mqtt")
    mqtt = mqtt if isinstance(mqtt, dict) else {}
    told = _alerts(status, tuple(about))
    error = str(mqtt.get("last_error") or "")
    for text, (severity, hint) in told.items():
        state: State = "warning" if severity == "warning" else "failed"
        yield Finding("daemon", state, f"the running vedette says: {text}", _fix(text, error, config.device, hint))
    if error and not any(_says(error, text) for text in told):
        state = "warning" if mqtt.get("connected") else "failed"
        yield Finding("daemon", state, f"the running vedette says: {error}", _fix(error, error, config.device))
    elif not told and not mqtt.get("connected"):
        yield Finding("daemon", "warning", "the running vedette is not connected yet", "ask again in a few seconds")
    elif not told:
        yield Finding("daemon", "ok", f"the running vedette is connected ({mqtt.get('protocol')}), without a complaint")


def about_the_broker(config: Config) -> Iterator[Finding]:
    """Of what it has met, what has to do with the broker: a camera that is offline is no fault of that."""
    return daemon(config, _BROKERS)


def _alerts(status: dict[str, Any], about: tuple[str, ...]) -> dict[str, tuple[str, str]]:
    """By text, the severity and what to do about it."""
    raised = status.get("alerts")
    return {
        str(alert.get("text")): (str(alert.get("severity")), str(alert.get("hint") or ""))
        for alert in (raised if isinstance(raised, list) else [])
        if isinstance(alert, dict) and str(alert.get("code")).startswith(about)
    }


def of_the_daemon() -> dict[str, Any] | None:
    """What the daemon says of itself; None if none runs."""
    try:
        return running()
    except SilentError:
        return None


def _says(error: str, text: str) -> bool:
    """Whether the last error of the connection is what the alert says, with what to do about it behind it."""
    return error == text or error.startswith(f"{text}: ")


def _fix(text: str, error: str, device: str, hint: str = "") -> str:
    if "another client" in text:
        return f"find the other client that is called {device!r}, and give one of the two another `device`"
    if text != error and _says(error, text):
        return error.removeprefix(f"{text}: ")
    if "again and again" in text:  # not every broker says that it was another client
        return f"see whether another client is called {device!r} too, then the broker's log, and the network"
    return hint or "follow its message, or the fixes above"
