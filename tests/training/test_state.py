"""States on disk: damaged ones, and those that can't be written."""

import os
import random

import numpy as np
import pytest

from src.errors import UserError
from src.training import state
from src.training.state import State
from tests.training.kills import states


def test_a_damaged_state_falls_back_to_the_one_before(tmp_path):
    for number in range(4):
        state.write(tmp_path / "state", State({"x": np.full(100, number)}, {"number": number}))
    old, new = states(tmp_path)
    whole = new.read_bytes()
    chance = random.Random(0)
    for length in [0, 1, len(whole) - 1, *(chance.randrange(len(whole)) for _ in range(50))]:
        new.write_bytes(whole[:length])
        told = []
        assert state.newest(tmp_path / "state", told.append).facts == {"number": 2}
        assert str(new) in told[0]
    for _ in range(50):
        position = chance.randrange(len(whole))
        new.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        assert state.newest(tmp_path / "state", told.append).facts == {"number": 2}
    new.write_bytes(whole)
    assert state.newest(tmp_path / "state", told.append).facts == {"number": 3}
    old.write_bytes(b"")
    new.write_bytes(b"")
    with pytest.raises(UserError, match=r"Every state in .* is damaged"):
        state.newest(tmp_path / "state", told.append)
    (tmp_path / "state/copy of 8.state").write_bytes(b"")
    state.write(tmp_path / "state", State({}, {"number": 4}))
    assert state.newest(tmp_path / "state", told.append).facts == {"number": 4}


def test_a_state_that_can_not_be_written_leaves_the_others(tmp_path, monkeypatch):
    state.write(tmp_path / "state", State({"x": np.zeros(3)}, {"number": 0}))

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="space"):
        state.write(tmp_path / "state", State({"x": np.ones(3)}, {"number": 1}))
    assert state.newest(tmp_path / "state", print).facts == {"number": 0}
    assert len(list((tmp_path / "state").iterdir())) == 1
