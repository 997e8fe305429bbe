"""What holds for all knobs, configurations, shapes and states, tried on random ones (Hypothesis)."""

import json
import tempfile
from pathlib import Path
from typing import Literal

import keras
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from src.errors import UserError
from src.preprocess.names import request_names
from src.settings import catalogue, config
from src.settings.flags import read_flags
from src.settings.knobs import Knob
from src.sources.memory import InMemory
from src.specs import Classes, Image, Vector
from src.training import plan, state
from src.training.state import State
from tests.samples import is_large

# A type of knob, and its values.
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
SCALARS = {
    int: st.integers(-(10**9), 10**9),
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
    str: TEXT.filter(lambda text: not text.startswith("-") and text),
    Literal["slow", "fast"]: st.sampled_from(["slow", "fast"]),
}
TYPES = {
    **SCALARS,
    tuple[int, ...]: st.lists(SCALARS[int], min_size=1, max_size=4).map(tuple),
    tuple[float, ...]: st.lists(SCALARS[float], min_size=1, max_size=4).map(tuple),
    int | None: st.none() | SCALARS[int],
    tuple[int, ...] | None: st.none() | st.lists(SCALARS[int], min_size=1, max_size=4).map(tuple),
}
KNOBS = st.sampled_from(list(TYPES)).flatmap(lambda kind: st.tuples(st.just(kind), TYPES[kind]))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(KNOBS)
def test_a_value_survives_json_and_the_command_line(knob):
    kind, value = knob
    given_knob = Knob("width", kind, value, "", "models/some.py:1")
    assert given_knob.check(json.loads(json.dumps(value))) == value
    assume(value is not None)  # which is what a flag that isn't given means
    values = value if isinstance(value, tuple) else (value,)
    if kind is bool:
        words = ["--width" if value else "--no-width"]
    else:
        words = ["--width", *(repr(item) if isinstance(item, float) else str(item) for item in values)]
    assert read_flags("test", "", {"group": (given_knob,)}, words) == {"width": value}


KEYS = ("model", "data", "task", "knobs", "format", "epochs", "seed", "tag", "optimizer", "learning_rate", "epoch")
NAMED = st.dictionaries(st.sampled_from(KEYS), JSON | st.dictionaries(st.sampled_from(KEYS), JSON, max_size=3))


@given(JSON | NAMED)
def test_any_json_is_a_configuration_or_refused(content):
    model = next(iter(catalogue.models()), None)
    if model is None:
        pytest.skip("no models")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mine.json"
        path.write_text(json.dumps(content), encoding="utf-8")
        try:
            settings = config.resolve(model, {"config": str(path)})
        except UserError as error:
            assert "Traceback" not in str(error)
        else:
            assert set(settings.values) == set(settings.choices.knobs)


@given(st.text(max_size=20))
def test_any_name_becomes_one_that_a_server_takes(name):
    found = request_names([name, name, f"{name}_2"])
    assert all(name.isidentifier() and name.isascii() for name in found)
    assert len(set(found)) == 3
    assert request_names(found) == found


MODEL = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])


@given(st.integers(1, 10**6), st.integers(1, 2000), st.none() | st.integers(1, 500))
def test_executions_divide_an_epoch(examples, batch, execution):
    chosen = plan.plan(MODEL, Vector(4), examples, True, batch=batch, steps_per_execution=execution)
    assert chosen.batch * chosen.steps <= examples
    assert chosen.steps % chosen.steps_per_execution == 0
    assert chosen.steps_per_execution <= (execution or plan.EXECUTION)


@given(st.integers(2, 30), st.integers(1, 5), st.integers(0, 2**31), st.integers(0, 40))
def test_batches_from_a_step_on_are_those_of_the_whole_training(size, batch, seed, base):
    assume(batch <= size)
    steps = size // batch
    source = InMemory.of({"x": np.arange(size)}, np.arange(size))
    whole = [list(x["x"]) for x, _ in source.shuffled(seed, batch, steps).take(base + 3).as_numpy_iterator()]
    rest = [list(x["x"]) for x, _ in source.shuffled(seed, batch, steps, base).take(3).as_numpy_iterator()]
    assert rest == whole[base:]
    epoch = [row for rows in whole[:steps] for row in rows]
    assert len(set(epoch)) == len(epoch)


ARRAYS = st.dictionaries(
    st.text("abcdef/0123", min_size=1, max_size=8),
    st.lists(st.floats(width=32), max_size=5).map(lambda numbers: np.array(numbers, "float32")),
    max_size=4,
)


@given(ARRAYS, st.dictionaries(st.text(max_size=5), JSON, max_size=3), st.data())
def test_a_state_is_read_as_it_was_written_or_not_at_all(arrays, facts, data):
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder) / "state"
        state.write(folder, State({}, {"older": True}))
        state.write(folder, State(arrays, facts))
        found = state.newest(folder, print)
        assert json.dumps(found.facts) == json.dumps(facts)
        assert set(found.arrays) == set(arrays)
        for name, array in arrays.items():
            np.testing.assert_array_equal(found.arrays[name], array)
        path = sorted(folder.glob("*.state"))[-1]
        content = path.read_bytes()
        path.write_bytes(content[: data.draw(st.integers(0, len(content) - 1), "length")])
        assert state.newest(folder, lambda text: None).facts == {"older": True}


IMAGE_MODELS = [  # those with published weights are large: tests/models/test_pretrained.py builds them for some sizes
    file
    for file in catalogue.models().values()
    if Image in file.takes and Classes in file.gives and not is_large(file.name)
]


@pytest.mark.parametrize("file", IMAGE_MODELS, ids=lambda file: file.name)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 4), st.integers(2, 7))
def test_a_model_of_images_takes_any_size(file, height, width, channels, classes):
    outputs = Classes(tuple(map(str, range(classes))))
    model = catalogue.load(file).build(Image(height, width, channels), outputs)
    assert model(np.zeros((2, height, width, channels), "float32")).shape == (2, classes)
