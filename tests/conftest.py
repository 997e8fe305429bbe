"""Shared by all tests: a quiet start of TensorFlow, short runs, and how many examples property tests try."""

import gc
import os
import signal
from functools import cache

import pytest
from filelock import FileLock
from hypothesis import settings

from src.system.quiet import import_tensorflow

import_tensorflow()
# In a script's background jobs Ctrl-C is ignored, and so it would be by the programs that tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

FEW = {"epochs": 2, "limit": 80, "verbose": False}
BARE = {"verbose": False, "report": False, "tensorboard": False, "export": False}  # nothing is made but the run itself


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
def lasting_verifier():
    """One clean process for the exports of all trainings in this one; those of `publish` itself have their own."""
    from tests.lasting import LastingVerifier

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("src.train.Verifier", LastingVerifier)
        yield
    if process := LastingVerifier.left:
        process.kill()
        process.communicate()


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    """A folder of all processes that run these tests."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "shared"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def runs(shared):
    """A folder of runs: one for all tests, in which a judge is trained once."""
    (shared / "runs").mkdir(exist_ok=True)
    return shared / "runs"


@pytest.fixture(scope="session")
def short_run(shared, runs, lasting_verifier):
    """From the names of a model and a data set to a short training of them, exported; each pair is trained once.

    No test may change such a run, or its export: it takes a copy.
    """
    from src.runs.run import load_run
    from src.train import train

    @cache
    def trained(model, data):
        path = shared / f"{model}-{data}.txt"
        with FileLock(path.with_suffix(".lock")):
            if path.is_file():
                return load_run(path.read_text())
            run = train(model, data=data, **FEW, runs_dir=str(runs), exports_dir=str(shared / "saved_models"))
            path.write_text(str(run.path))
            return run

    return trained


settings.register_profile("short", max_examples=25, deadline=None, derandomize=True)
settings.register_profile("long", max_examples=500, deadline=None)


def pytest_configure(config):
    settings.load_profile("short" if "not long" in config.option.markexpr else "long")


def pytest_terminal_summary(terminalreporter, exitstatus):
    if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
        terminalreporter.write_line("No test has that name: -k takes part of one, such as a model's file name.")
