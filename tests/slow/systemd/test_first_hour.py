"""docs/first-hour.md followed on an installed device, from step 3 on: its files, then its commands, as root types them.

The editor is left out: what the page has a user write is written. The broker and the camera are those of the test.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.support.brokers import HOST, wait_for
from tests.support.clips import scene, write_clip
from tests.support.pages import BLOCKS, commands, written
from tests.support.servers import RTSP_URL, rtsp_missing, rtsp_server, serve
from tests.support.service import CONFIG, PASSWORD
from tests.support.shown import missing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.service import Service

pytestmark = pytest.mark.rooted

PAGE = [block for block in BLOCKS if block.page == "docs/first-hour.md"]
TYPED = [words for block in PAGE if block.language == "sh" for words in commands(block.text)]
FILES = {block.mark: block.text for block in PAGE if block.language == "yaml"}
SECRETS = CONFIG.replace("vedette.yaml", "secrets.yaml")


@pytest.fixture
def camera(tmp_path: Path) -> Iterator[str]:
    """The URL of one that wants the login of the page."""
    if rtsp_missing():
        pytest.skip(rtsp_missing())
    clip = write_clip(tmp_path / "clip.mp4", scene(320, 240), frames=75)
    login = ("--user", "viewer", "--password", yaml.safe_load(FILES["secrets.yaml"])["gate_password"])
    with serve(rtsp_server(clip, *login, fps=25), RTSP_URL) as server:
        yield server.url


def test_the_page_leads_to_a_device_that_watches(service: Service, camera: str) -> None:
    run = service.container.run
    service.systemctl("stop")
    broker = f"mqtt://{HOST}:{service.port}\n  username: gate\n  password: !secret mqtt_password"
    config = re.sub(r"mqtt://localhost:1883", broker, FILES[""]).replace("rtsp://10.0.0.7/stream2", camera)
    run("tee", CONFIG, stdin=config.encode())
    run("tee", SECRETS, stdin=f"{FILES['secrets.yaml']}mqtt_password: {PASSWORD}\n".encode())
    for words in TYPED:
        if words[0] in {"chown", "chmod"}:
            run(*words)
    assert run("stat", "-c", "%a %U %G", SECRETS).stdout == "640 root vedette\n"

    for words in (
        ["vedette", "check"],
        ["systemctl", "start", "vedette"],
        ["vedette", "status"],
        ["vedette", "doctor"],
    ):
        assert words in TYPED
    assert run("vedette", "check").stdout == f"{CONFIG}: ok\n"
    run("systemctl", "start", "vedette")
    wait_for(lambda: not missing("vedette status", run("vedette", "status").stdout), 40, service.journal)
    told = run("vedette", "doctor", check=False).stdout
    assert re.search(r"^ok +cameras +gate: 320x240, ", told, re.MULTILINE), told
    assert re.search(r"^ok +broker ", told, re.MULTILINE), told
    assert "online, 320x240" in run("journalctl", "-u", "vedette", "--no-pager").stdout


@pytest.mark.parametrize("program", ["systemctl", "journalctl"])
def test_what_else_the_pages_have_typed_is_taken(service: Service, program: str) -> None:
    """An editor wants a terminal, and leaves a line here; what follows the journal is ended after a second."""
    editor = 'SYSTEMD_EDITOR=sh -c \'echo [Unit] >"$1"; echo Documentation=man:systemd >>"$1"\' edit'
    typed = written(program)
    assert len(typed) >= 4
    for words in typed:
        command = ["script", "-qec", shlex.join(words), "/dev/null"] if "edit" in words else [*words]
        ended = ["timeout", "-s", "INT", "--preserve-status", "1"] if "-f" in words else []
        done = service.container.run("env", editor, *ended, *command, check=False)
        assert done.returncode == (130 if ended else 0), (words, done.stdout, done.stderr)
