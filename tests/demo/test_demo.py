"""The command: what it needs, what it refuses, how it starts and ends. Gradio isn't needed for it."""

import os
import socket
import time

import pytest

from src.demo import demo as command
from src.demo.demo import HOST, demo
from src.errors import UserError


@pytest.fixture
def started(monkeypatch, tmp_path):
    """What is started instead of a page: the versions of exports and ports. Ctrl-C comes at once."""
    (tmp_path / "saved_models/cnn-digits/2").mkdir(parents=True)
    (tmp_path / "saved_models/cnn-digits/1").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "environ", dict(os.environ))
    monkeypatch.setattr(command, "find_spec", lambda name: True)
    calls = []
    monkeypatch.setattr(command, "start", lambda version, port: [calls.append((version.name, port)), calls.clear][1])
    yield calls


def free_port():
    with socket.create_server((HOST, 0)) as server:
        return server.getsockname()[1]


def test_without_gradio_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setattr(command, "find_spec", lambda name: None)
    with pytest.raises(
        UserError, match=r"^The page needs Gradio, which isn't installed: make setup EXTRA=demo, or .*$"
    ):
        demo(model="cnn")


def test_it_shows_the_newest_version_until_ctrl_c(started, monkeypatch, capsys):
    port, seen = free_port(), []

    def interrupted(seconds):
        seen.extend(started)
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", interrupted)
    monkeypatch.setattr(command.webbrowser, "open", seen.append)  # not where the screen is no terminal
    demo(model="cnn", port=port)
    assert seen == [("2", port)]
    assert not started  # it was stopped
    lines = capsys.readouterr().out.split("\n")
    assert lines[0].startswith(f"cnn-digits is at http://127.0.0.1:{port}, for this machine alone.")
    assert lines[1:] == ["", "stopped", ""]
    assert os.environ["GRADIO_ANALYTICS_ENABLED"] == "False"
    assert not os.path.exists(os.environ["GRADIO_TEMP_DIR"])  # with what people have uploaded


def test_what_it_can_not_show_is_refused(started):
    with pytest.raises(UserError, match="has no export 'rnn'"):
        demo(model="rnn")
    with pytest.raises(UserError, match=r"A page shows one export: MODEL=NAME\."):
        demo(model="all")
    with pytest.raises(UserError, match="port has to be 1 to 65535, not 0"):
        demo(model="cnn", port=0)
    with socket.create_server((HOST, 0)) as server, pytest.raises(UserError, match=r"can't be used .*another one"):
        demo(model="cnn", port=server.getsockname()[1])
