"""Which retained topics were ever published, kept over a disk that fails for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.publish.memory import MOST, MOST_LEFT, RETRY_S, Memory

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_what_could_not_be_written_is_written_once_the_disk_works(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "away" / "retained.json"
    memory = Memory(path)
    memory.add("a")
    memory.save(0.0)
    path.parent.mkdir()
    memory.save(RETRY_S / 2)
    assert not path.exists(), "not with each message"
    memory.save(RETRY_S)
    assert Memory(path).topics() == ("a",)
    assert caplog.text.count("cannot write") == 1


def test_a_broker_may_be_a_former_one_under_another_name(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "retained.json")
    memory.move("broker:1883")
    memory.add("a")
    memory.move("10.0.0.2:1883")
    assert memory.topics() == ("a",)
    memory.discard("a")
    memory.save(0.0)
    again = Memory(tmp_path / "retained.json")
    again.move("10.0.0.2:1883")
    assert again.topics() == (), "a start is no move"
    again.move("broker:1883")
    assert again.topics() == ("a",)


def test_a_file_of_a_former_version_is_of_the_broker_that_is_there(tmp_path: Path) -> None:
    path = tmp_path / "retained.json"
    path.write_text('{"version": 1, "topics": ["a"]}')
    memory = Memory(path)
    memory.move("broker:1883")
    assert memory.topics() == ("a",)
    memory.discard("a")
    memory.move("another:1883")
    assert memory.topics() == ()


def test_few_brokers_and_topics_are_remembered(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "retained.json")
    for n in range(MOST_LEFT + 3):
        memory.move(f"broker{n}:1883")
        for topic in memory.topics():
            memory.discard(topic)
        memory.add(f"t{n}")
    memory.save(0.0)
    assert len(memory.topics()) == 1
    assert (tmp_path / "retained.json").stat().st_size < 100 * MOST_LEFT
    memory.move("last:1883")
    assert set(memory.topics()) == {f"t{n}" for n in range(2, MOST_LEFT + 3)}
    for n in range(MOST):
        memory.add(f"u{n}")
    memory.move("more:1883")
    assert len(memory.topics()) == MOST


def test_a_file_that_makes_no_sense_is_told_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for text in ("[]", '{"topics": ["a"], "others": []}', "{"):
        (tmp_path / "retained.json").write_text(text)
        caplog.clear()
        Memory(tmp_path / "retained.json").move("broker:1883")
        assert "may stay on the broker" in caplog.text
