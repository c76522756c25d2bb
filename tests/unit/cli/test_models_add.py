from __future__ import annotations

from agent import cli
from backends.testing.model import boxes_model


def test_who_replaces_a_model_is_told_how_a_running_daemon_takes_it(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("VEDETTE_MODELS", str(tmp_path / "store"))
    path = str(boxes_model(tmp_path).path)
    assert cli.main(["models", "add", path, "--name", "gate"]) == 0
    out, err = capsys.readouterr()
    assert (out, err) == (f"{tmp_path}/store/gate/model.onnx\n", "")
    assert cli.main(["models", "add", path, "--name", "gate"]) == 0
    again, err = capsys.readouterr()
    assert again == out
    assert err == "vedette: gate was replaced; a running daemon takes it at: vedette reload\n"
