"""Ctrl-C, SIGTERM and pauses: a training ends with its state saved, and goes on as if it had not ended."""

import os
import signal
import sys
import time

import numpy as np
import pytest

from src.runs.run import read_history
from src.system.signals import Stop, Stopped
from src.train import train
from tests.samples import PAIRS
from tests.training.kills import SHORT, in_the_middle, states


@pytest.fixture(scope="module")
def unstopped(tmp_path_factory):
    model, data = PAIRS[0]
    return train(model, data=data, **SHORT, runs_dir=str(tmp_path_factory.mktemp("unstopped")))


# Every place at which a signal can be obeyed, in an epoch of 5 steps: after each step, in validation, at the end.
@pytest.mark.parametrize("moment", [1, 8, *(pytest.param(n, marks=pytest.mark.long) for n in (5, 6, 7, 14, 15))])
def test_a_training_that_was_stopped_goes_on_as_if_it_was_not(tmp_path, monkeypatch, unstopped, moment):
    model, data = PAIRS[0]
    calls, obey = [], Stop.obey

    def stopping(self):
        calls.append(None)
        self.wanted = signal.SIGINT if len(calls) == moment else self.wanted
        obey(self)

    monkeypatch.setattr(Stop, "obey", stopping)
    with pytest.raises(Stopped, match="RESUME="):
        train(model, data=data, **SHORT, runs_dir=str(tmp_path / "runs"))
    (path,) = (tmp_path / "runs").iterdir()
    assert len(states(path)) == 1
    resumed = train(model, resume=str(path), report=False, runs_dir=str(tmp_path / "runs"))
    history, expected = read_history(path), read_history(unstopped.path)
    for name in expected:
        np.testing.assert_allclose(history[name], expected[name], rtol=1e-5, err_msg=name)
    for one, other in zip(resumed.model.get_weights(), unstopped.model.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)


def test_a_training_that_pauses_goes_on_as_if_it_did_not(tmp_path, unstopped):
    model, data = PAIRS[0]
    with pytest.raises(Stopped, match="RESUME="):
        train(model, data=data, **SHORT, pause=1, runs_dir=str(tmp_path))
    (path,) = tmp_path.iterdir()
    assert len(read_history(path)["epoch"]) == 1
    resumed = train(model, resume=str(path), report=False, runs_dir=str(tmp_path))
    for one, other in zip(resumed.model.get_weights(), unstopped.model.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)


def test_a_second_signal_leaves_at_once(tmp_path):
    stop = Stop("go on")
    stop.waits = True
    with stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.wanted == signal.SIGINT
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)


def test_the_first_signal_takes_the_place_of_the_bar(capfd, monkeypatch):
    stop = Stop("go on")
    stop.waits = True
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    with stop:
        os.kill(os.getpid(), signal.SIGINT)
    assert capfd.readouterr().out.startswith("\r\x1b[2KFinishing the current steps; press Ctrl-C again")


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), pytest.param(signal.SIGINT, 130, marks=pytest.mark.long)]
)
def test_a_signal_saves_and_says_how_to_go_on(tmp_path, number, code):
    folder, process = in_the_middle(tmp_path)
    process.send_signal(number)
    assert process.wait(30) == code
    (run,) = folder.glob("*-*")
    assert states(run)
    log = folder.with_suffix(".log").read_text()
    assert f"RESUME={run}" in log
    assert "Traceback" not in log
