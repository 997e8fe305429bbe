"""By which command a run is asked follows from its signatures alone."""

from pathlib import Path

import pytest

from src.runs.ways import instead, ways

PREDICT, CHAT = "make predict RUN='my runs/one' INPUT=FILE", "make chat RUN='my runs/one'"
TEXT = {"text": None}


@pytest.mark.parametrize(
    ("takes", "commands"),
    [
        ({"serving_default": {"image": None}, "image_bytes": {"image_bytes": None}}, [PREDICT]),
        ({"serving_default": TEXT, "candidates": TEXT, "sample": {**TEXT, "seed": None}}, [PREDICT, CHAT]),
        ({"serving_default": {"a": None, "b": None}, "sample": {"a": None, "b": None, "seed": None}}, [PREDICT]),
        ({"serving_default": TEXT, "generate": {**TEXT, "seed": None}}, ["make generate RUN='my runs/one'"]),
        (
            {"serving_default": {"latent": None}, "generate": {"seed": None, "label": None}},
            ["""load_run('my runs/one').predict({…}, signature="generate")"""],
        ),
    ],
    ids=["pictures", "text to text", "of two texts", "language", "images"],
)
def test_a_run_is_asked_by_what_its_signatures_take(takes, commands):
    path = Path("my runs/one")
    assert [*ways(path, takes)] == commands
    assert instead(path, takes) == f"Instead: {', or '.join(commands)}"
