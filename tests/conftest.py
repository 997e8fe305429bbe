"""Shared by all tests: a quiet start of TensorFlow, short runs, and how many examples property tests try."""

import gc
import signal
from functools import cache

import pytest
from hypothesis import settings

from src.system.quiet import import_tensorflow

import_tensorflow()
# In a script's background jobs Ctrl-C is ignored, and so it would be by the programs that tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

FEW = {"epochs": 2, "limit": 80, "verbose": False}


def pytest_collection_finish(session):
    """Leaves what was imported out of every later search for garbage, which makes Keras' own take a second each."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module", autouse=True)
def _frozen():
    """Leaves what a file's tests have left out of it, too."""
    yield
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    """A folder of runs: one for all tests, in which a judge is trained once."""
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="session")
def short_run(runs, tmp_path_factory):
    """From the names of a model and a data set to a short training of them, exported; each pair is trained once."""
    from src.train import train

    exports = tmp_path_factory.mktemp("saved_models")

    @cache
    def trained(model, data):
        return train(model, data=data, **FEW, runs_dir=str(runs), exports_dir=str(exports))

    return trained


settings.register_profile("short", max_examples=25, deadline=None, derandomize=True)
settings.register_profile("long", max_examples=500, deadline=None)


def pytest_configure(config):
    settings.load_profile("short" if "not long" in config.option.markexpr else "long")


def pytest_terminal_summary(terminalreporter, exitstatus):
    if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
        terminalreporter.write_line("No test has that name: -k takes part of one, such as a model's file name.")
