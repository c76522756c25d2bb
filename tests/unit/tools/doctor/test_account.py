"""Who may open what, by real files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent.config import parse
from agent.tools.doctor import access, account
from agent.tools.doctor.account import Account
from agent.tools.doctor.finding import Finding
from tests.support.stranger import holds_outside

NOBODY = Account("nobody", 65534, 65534, (65534,))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where others may go: pytest's own folders are closed to them."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder.owner() == Path(tmp_path).owner() and folder != Path("/"):
            try:
                folder.chmod(folder.stat().st_mode | 0o011)
            except OSError:
                break
        if folder.name.startswith("pytest-of-"):
            break
    path = tmp_path / "camera"
    path.touch()
    return path


@pytest.mark.parametrize(
    ("mode", "groups", "may"),
    [
        (0o666, (), True),
        (0o660, (), False),
        (0o660, "its", True),
        (0o606, "its", False),  # the group's word counts for its members, though others may more
        (0o640, "its", False),
    ],
)
def test_by_the_modes(file: Path, mode: int, groups: str | tuple[int, ...], may: bool) -> None:
    file.chmod(mode)
    ids = (file.stat().st_gid,) if groups == "its" else ()
    assert Account("other", 65533, 65533, ids).may(file, os.R_OK | os.W_OK) is may


def test_a_folder_that_is_closed_closes_what_is_in_it(file: Path) -> None:
    file.chmod(0o666)
    assert NOBODY.may(file, os.R_OK)
    file.parent.chmod(0o700)
    assert not NOBODY.may(file, os.R_OK)
    assert account.own().may(file, os.R_OK)
    assert not account.own().may(file.with_name("missing"), os.R_OK)


def test_who_we_are() -> None:
    us = account.own()
    assert us.own
    assert (us.uid, us.gid) == (os.geteuid(), os.getegid())
    assert account.environment(us) == dict(os.environ)
    given = account.environment(Account("other", us.uid + 1, 1, ()))
    assert given["USER"] == "other"


def found(root: Path, source: str) -> list[Finding]:
    config = parse(f"cameras: {{gate: {{source: {source}}}}}", "test.yaml", root)
    return [finding for finding in access.access(config, root=root) if finding.state == "failed"]


def test_a_camera_that_the_service_may_not_open(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    node = file.parent / "dev/video0"
    node.parent.mkdir()
    node.parent.chmod(0o755)  # whatever the umask
    node.touch()
    monkeypatch.setattr(account, "service", lambda: NOBODY)
    node.chmod(0o666)
    assert found(file.parent, "/dev/video0") == []
    node.chmod(0o660)
    (finding,) = found(file.parent, "/dev/video0")
    assert finding.text == f"nobody may not open {node}"
    assert "udev" in finding.fix or f"usermod -aG {node.group()} nobody" in finding.fix
    assert found(file.parent, "rtsp://10.0.0.7/") == [], "nobody asks for it"


def test_a_clip_that_the_service_may_not_read(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(account, "service", lambda: NOBODY)
    file.chmod(0o644)
    assert found(file.parent, str(file)) == []
    file.chmod(0o600)
    assert [finding.text for finding in found(file.parent, str(file))] == [f"nobody may not read {file}"]


def test_a_clip_in_a_folder_that_nobody_may_look_into(tmp_path: Path) -> None:
    """As the check is made by the service's user itself."""
    folder = tmp_path / "closed"
    clip = folder / "clip.mp4"
    config = parse(f"cameras: {{gate: {{source: {clip}}}}}", "test.yaml", tmp_path)

    def told() -> bool:
        texts = [finding.text for finding in access.access(config, root=tmp_path) if finding.state == "failed"]
        return texts == [f"{account.own().name} may not read {clip}"]

    assert holds_outside(folder, told)
