"""Step 1 of docs/first-hour.md as a reader types it, on a bare Debian 12: packages, then `make run`, as any user.

The packages that the pages name for cameras are not installed, but apt is asked how it would. The service that comes
with the package mosquitto is not started: in a folder there is no systemd.
"""

from __future__ import annotations

import re
import shlex
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.slow.install import root as bare
from tests.support.pages import BLOCKS, commands, written
from tests.support.shell_words import PACKAGES
from tests.support.shown import missing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.slow.install.root import Root

READER = "reader"
(STEP,) = [block.text for block in BLOCKS if block.page == "docs/first-hour.md" and "make run" in block.text]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Root]:
    if why := bare.missing():
        pytest.skip(why)
    folder = tmp_path_factory.mktemp("root")
    root = bare.unpack("bookworm", folder, tmp_path_factory.mktemp("work"))
    root.run("useradd", "--create-home", READER)
    root.run("chown", "-R", READER, bare.CHECKOUT)
    yield root
    shutil.rmtree(folder)


def test_the_first_step_ends_with_people_in_a_street(root: Root) -> None:
    packages, shown = STEP.splitlines()
    for words in commands(packages):
        root.run("env", "DEBIAN_FRONTEND=noninteractive", *words, "-y", seconds=600)
    done = root.run("runuser", "-u", READER, "--", "sh", "-c", f"cd {bare.CHECKOUT} && {shown}", seconds=900)
    assert missing("vedette demo", done.stdout) == []
    counted = re.search(r"^(\d+) detections messages, (\d+) x person", done.stdout, re.MULTILINE)
    assert counted is not None, done.stdout
    print(f"\n{counted[0]}")
    assert int(counted[2]) > 0


def test_apt_finds_what_the_pages_have_it_install(root: Root) -> None:
    """After the first step, which has brought the lists."""
    known = [words for words in written("apt") if words[1] == "install" and words[2:] and set(words[2:]) <= PACKAGES]
    assert len(known) >= 3
    for words in known:
        said = root.run("apt-get", "--simulate", *words[1:]).stdout
        assert re.search(r"^\d+ upgraded, \d+ newly installed", said, re.MULTILINE), shlex.join(words)
