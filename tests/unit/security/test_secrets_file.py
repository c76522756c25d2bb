"""Who else may read secrets.yaml, and that it is told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent.config import parse

CONFIG = "mqtt: {username: gate, password: !secret mqtt}\ncameras: {gate: {source: clip.mp4}}"


def told(folder: Path) -> list[str]:
    return [warning.message for warning in parse(CONFIG, "vedette.yaml", folder).warnings if "secrets" in warning.file]


@pytest.mark.parametrize(
    ("mode", "says"),
    [
        (0o600, None),
        (0o640, None),
        (0o400, None),
        (0o644, "everybody on this machine may read it; chmod 640"),
        (0o602, "everybody"),
        (0o660, "its group may change it; chmod 640"),
    ],
)
def test_modes(tmp_path: Path, mode: int, says: str | None) -> None:
    file = tmp_path / "secrets.yaml"
    file.write_text("mqtt: hunter2-hunter2")
    file.chmod(mode)
    found = told(tmp_path)
    assert (found == []) if says is None else found[0].startswith(says)


def test_a_group_that_is_not_ours(tmp_path: Path) -> None:
    if os.geteuid():
        pytest.skip("only root can give a file to another group")
    file = tmp_path / "secrets.yaml"
    file.write_text("mqtt: hunter2-hunter2")
    file.chmod(0o640)
    os.chown(file, -1, 12345)
    assert told(tmp_path) == []  # root looks after other users' files: doctor
    child = os.fork()
    if not child:  # another user: ids of this process itself cannot be given back
        fault = 1
        try:
            os.chown(file, 4242, 12345)
            for folder in (tmp_path, *tmp_path.parents[:3]):
                folder.chmod(0o755)
            os.setgroups([])
            os.setgid(4242)
            os.setuid(4242)
            fault = 0 if told(tmp_path)[0].startswith("the group 12345 may read it") else 2
        finally:
            os._exit(fault)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
