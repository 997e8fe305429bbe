"""A search on an engine that trains nothing."""

import pytest

from src.settings import config
from tests.tuning.samples import DATA, MODEL, SIGN, Engine
from tuning.folder import Folder


@pytest.fixture
def folder(tmp_path):
    """The folder of a search, in which none has begun."""
    (tmp_path / "search").mkdir()
    return Folder(tmp_path / "search", config.resolve(MODEL, {"data": DATA, "epochs": 9}))


@pytest.fixture
def searched(folder):
    """Runs a search on an Engine, and gives back its results: from a tuner, a space and limits to the search."""
    from tuning.search import Search

    def run(tuner, space, trials=None, engine=None, minutes=None, goal=None, seeds=0):
        search = Search(folder, space, tuner, trials, engine or Engine(), lambda line: None)
        search.run(minutes, goal and SIGN * goal, keep=3, seeds=seeds)
        return search.results

    return run
