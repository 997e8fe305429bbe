"""Shared by all tests: a quiet start of TensorFlow, short runs, and how many examples property tests try."""

from functools import cache

import pytest
from hypothesis import settings

from src.quiet import import_tensorflow

import_tensorflow()

FEW = {"epochs": 2, "limit": 80, "verbose": False}


@pytest.fixture(scope="session")
def short_run(tmp_path_factory):
    """From the names of a model and a data set to a short training of them, exported; each pair is trained once."""
    from src.train import train

    folder = tmp_path_factory.mktemp("train")  # one for all: a judge is trained once

    @cache
    def trained(model, data):
        return train(model, data=data, **FEW, runs_dir=str(folder / "runs"), exports_dir=str(folder / "saved_models"))

    return trained


settings.register_profile("short", max_examples=25, deadline=None, derandomize=True)
settings.register_profile("long", max_examples=500, deadline=None)


def pytest_configure(config):
    settings.load_profile("short" if "not long" in config.option.markexpr else "long")
