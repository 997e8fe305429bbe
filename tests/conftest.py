"""Shared by all tests: TensorFlow starts once, quietly; how many examples property tests try."""

from hypothesis import settings

from src.quiet import import_tensorflow

import_tensorflow()

settings.register_profile("short", max_examples=25, deadline=None, derandomize=True)
settings.register_profile("long", max_examples=500, deadline=None)


def pytest_configure(config):
    settings.load_profile("short" if "not long" in config.option.markexpr else "long")
