"""What a unit's text names as secrets."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent.tools.doctor import credentials


def test_files_and_values(tmp_path: Path) -> None:
    (tmp_path / "gate").write_text("open-sesame\n")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    unit = f"""\
# /etc/systemd/system/vedette.service
[Service]
LoadCredential=gate_password:{tmp_path}/gate
# LoadCredential=comment:{tmp_path}/gate
LoadCredential=missing:{tmp_path}/missing
LoadCredential=folder:{tmp_path}/folder
LoadCredential=pipe:{tmp_path}/pipe
LoadCredentialEncrypted=closed:{tmp_path}/gate
SetCredential=mqtt_password:a value: with a colon
Restart=always
"""
    assert list(credentials.named(unit)) == [
        ("gate_password", "open-sesame"),
        ("mqtt_password", "a value: with a colon"),
    ]


def test_the_running_service_s_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "mine")
    credentials.borrow()
    assert os.environ["CREDENTIALS_DIRECTORY"] == "mine"
    monkeypatch.delenv("CREDENTIALS_DIRECTORY")
    monkeypatch.setattr(credentials, "FOLDER", tmp_path)
    credentials.borrow()
    assert os.environ["CREDENTIALS_DIRECTORY"] == str(tmp_path)


def test_root_reads_what_the_unit_of_a_service_that_is_down_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = tmp_path / "systemctl"
    tool.write_text("#!/bin/sh\necho SetCredential=gate-password:open-sesame\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("VEDETTE_SECRET_GATE_PASSWORD", "")  # so that it is taken away in the end
    monkeypatch.delenv("VEDETTE_SECRET_GATE_PASSWORD")
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    monkeypatch.setattr(credentials, "FOLDER", tmp_path / "none")
    for uid, found in ((1000, None), (0, "open-sesame")):
        monkeypatch.setattr(os, "geteuid", lambda uid=uid: uid)
        credentials.borrow()
        assert os.environ.get("VEDETTE_SECRET_GATE_PASSWORD") == found
