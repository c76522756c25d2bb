"""A daemon that was given secrets in every way there is, with all it wrote, said and did on the network."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.audience import TOPICS, Audience
from tests.support.brokers import HOST, free_port, wait_for
from tests.support.caller import Caller
from tests.support.daemon import VEDETTE, Daemon, config
from tests.support.processes import children

if TYPE_CHECKING:
    pass

STRACE = shutil.which("strace")
SECRETS = {
    "mqtt_password": "mq p@ss/%41:ö'x",
    "rtsp_password": "rt:sp@/?#hunter",
    "mjpeg_password": "mj\"pe'g\\\\pw",
    "inline_password": "in''line%2Fpw",
    "url_password": "ur%6Cpw",
    "query_token": "qu3ry-t0ken",
    "env_password": "3nv pass$word",
    "unused": "never-used-1",
}
USER = "viewer-77"
COMMANDS = ["config.get", "config.validate", "config.apply", "diagnostics", "log.level", "camera.set", "snapshot"]


class Run:
    """said: by a name, every text that came out. modes: of each file it wrote, by name. calls: strace's lines."""

    def __init__(self) -> None:
        self.said: dict[str, str] = {}
        self.modes: dict[str, int] = {}
        self.calls: list[str] = []
        self.wanted: set[int] = set()
        self.environments: list[bytes] = []
        self.listening: list[str] = []


def listening(pids: set[int]) -> list[str]:
    """The TCP and UDP sockets of these processes on which anybody may knock, as /proc/net has them (proc(5))."""
    inodes = set()
    for pid in pids:
        for fd in Path(f"/proc/{pid}/fd").iterdir():
            try:
                target = str(fd.readlink())
            except OSError:
                continue
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
    found = []
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            words = line.split()
            waits = words[3] == "0A" if table.startswith("tcp") else words[3] == "07"
            if waits and words[9] in inodes:
                found.append(f"{table} {words[1]}")
    return found


def _texts(cameras: dict[str, object], port: int, model: str) -> str:
    """As a person writes it: the inline password in YAML's single quotes, so twice as many of them."""
    mqtt = {"url": f"mqtt://{HOST}:{port}", "username": USER, "password": "!mqtt_password"}
    text = config(port, cameras, model=model, mqtt=mqtt, remote={"commands": COMMANDS}, health={"interval": 1})
    for name in ("rtsp_password", "mjpeg_password", "mqtt_password"):
        text = text.replace(f'"!{name}"', f"!secret {name}")
    text = text.replace(
        f'"username": "{USER}"}}, "cameras"', f'"username": "{USER}", "password": !secret mqtt_password}}, "cameras"'
    )
    text = text.replace('"!env"', "!env ANY_NAME")
    return text.replace('"!inline"', "'" + SECRETS["inline_password"].replace("'", "''") + "'")


def ran(folder: Path, broker: Any, rtsp: Any, mjpeg: Any, model: str) -> Run:  # noqa: PLR0915 - one life, step by step
    found = Run()
    nobody = free_port()
    cameras: dict[str, object] = {
        "rtsp": {"source": rtsp.url, "username": USER, "password": "!rtsp_password"},
        "mjpeg": {"source": mjpeg.url, "username": USER, "password": "!mjpeg_password"},
        "inline": {"source": rtsp.url, "username": USER, "password": "!inline"},
        "env": {"source": mjpeg.url, "username": USER, "password": "!env"},
        "query": {"source": f"http://{HOST}:{nobody}/?token={SECRETS['query_token']}"},
    }
    found.wanted = {0, broker.port, rtsp.port, mjpeg.port, nobody}
    secrets = {name: SECRETS[name] for name in ("mqtt_password", "mjpeg_password", "unused")}
    (folder / "secrets.yaml").write_text(json.dumps(secrets))
    (folder / "secrets.yaml").chmod(0o644)
    credentials = folder / "credentials"
    credentials.mkdir()
    (credentials / "rtsp_password").write_text(SECRETS["rtsp_password"] + "\n")
    environment = {"CREDENTIALS_DIRECTORY": str(credentials), "ANY_NAME": SECRETS["env_password"]}
    heard, caller = Audience(broker), Caller(broker)
    daemon = Daemon(folder, _texts(cameras, broker.port, model), environment)
    trace = folder / "strace"
    assert STRACE is not None
    wrapped = [
        STRACE,
        "-D",
        "-f",
        "--seccomp-bpf",
        "-qq",
        "-s",  # of a string; 32 cut the module off where the checkout has a long path
        "4096",
        "-e",
        "trace=connect,bind,listen,getsockname,execve",
        "-o",
        str(trace),
    ]
    log = folder / "vedette.log"
    with log.open("ab") as out:
        daemon._process = subprocess.Popen(
            [*wrapped, *VEDETTE, "run", "-c", str(daemon.file)], env=daemon.environment, stdout=out, stderr=out, umask=0
        )
    try:
        wait_for(daemon.ready, 60, daemon.log)
        for camera in ("rtsp", "mjpeg"):
            wait_for(lambda c=camera: heard.values().get(TOPICS.camera_status(c)) == b"online", 20, daemon.log)
        for camera in ("inline", "env", "query"):
            wait_for(lambda c=camera: daemon.status()["cameras"][c]["error"], 20, daemon.log)
        found.said["replies"] = _asked(caller, daemon)
        for verb in (["status"], ["status", "--json"], ["check", "-c", str(daemon.file)]):
            done = daemon.verb(*verb)
            found.said[" ".join(verb[:2])] = done.stdout + done.stderr
        bundle = folder / "bundle.tar.gz"
        only = [word for group in ("config", "cameras", "broker", "daemon", "access") for word in ("--only", group)]
        done = daemon.verb("doctor", "-c", str(daemon.file), "-v", *only, "--bundle", str(bundle))
        found.said["doctor"] = done.stdout + done.stderr
        with tarfile.open(bundle) as archive:
            files = [archive.extractfile(member) for member in archive.getmembers() if member.isfile()]
            found.said["bundle"] = "\n".join(file.read().decode("utf-8", "replace") for file in files if file)
        found.modes["bundle"] = bundle.stat().st_mode & 0o777
        pids = set(children(daemon.pid))
        found.environments = [Path(f"/proc/{pid}/environ").read_bytes() for pid in pids]
        found.said["process list"] = "\n".join(
            Path(f"/proc/{pid}/cmdline").read_text(errors="replace") for pid in (daemon.pid, *pids)
        )
        found.listening = listening({daemon.pid, *pids})
        found.modes["status.json"] = (daemon.state / "status.json").stat().st_mode & 0o777
        # The config itself, wrong from now on in every place a secret stands.
        daemon.file.write_text(daemon.file.read_text().replace('"password":', '"pasword":'))
        found.said["reload"] = str(daemon.verb("reload"))
        broker.kill()
        wait_for(lambda: not daemon.status()["mqtt"]["connected"], 20)
        broker.start()
        wait_for(lambda: daemon.status()["mqtt"]["connected"], 30)
        daemon.process.terminate()
        daemon.wait(20)
    finally:
        daemon.end()
        caller.subscriber.stop()
        heard.subscriber.stop()
    found.said["log"] = daemon.log()
    said = [(topic, payload) for topic, payload in heard.heard() if "/cmd/" not in topic]  # the rest is the test's
    found.said["mqtt"] = "\n".join(f"{topic} {payload.decode('utf-8', 'replace')}" for topic, payload in said)
    kept = {"last_good.json"}
    for path in daemon.state.rglob("*"):
        found.modes[path.name] = path.stat().st_mode & 0o777
        if path.is_file() and path.name not in kept:
            found.said[f"state/{path.name}"] = path.read_bytes().decode("utf-8", "replace")
    found.said["kept config"] = (daemon.state / "last_good.json").read_text()
    found.calls = trace.read_text(errors="replace").splitlines()
    return found


def _asked(caller: Caller, daemon: Daemon) -> str:
    text = daemon.file.read_text()
    wrong = text.replace('"password":', '"pasword":')
    asked: list[tuple[str, object]] = [
        ("info", {}),
        ("log.tail", {"level": "debug", "ttl": 5}),
        ("config.get", {}),
        ("config.validate", {"yaml": text}),
        ("config.validate", {"yaml": wrong}),
        ("config.validate", {"yaml": wrong.replace('"cameras"', '"cameras')}),
        ("config.apply", {"yaml": wrong}),
        ("config.validate", {"yaml": text.replace("?token", f":{SECRETS['url_password']}@h/?token")}),
        ("config.validate", {"yaml": f"cameras: {{a: {{source: 'rtsp://{USER}:{SECRETS['url_password']}@h/'}}}}"}),
        ("diagnostics", {}),
        ("camera.set", {"camera": "rtsp", "enabled": SECRETS["rtsp_password"]}),
        ("ping", SECRETS["rtsp_password"]),
        ("nonsense", {"x": SECRETS["mqtt_password"]}),
    ]
    answers = []
    for name, body in asked:
        answers.append(json.dumps(caller.ask(name, body), ensure_ascii=False))
    return "\n".join(answers)
