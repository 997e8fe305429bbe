"""What every model file has to do. A new file is tested as soon as it is there."""

import ast
import contextlib
import json
import subprocess
import sys
from typing import Literal, get_args, get_origin

import keras
import numpy as np
import pytest
import tensorflow as tf

from src import catalogue, config, runs
from src.specs import NextToken, Tokens
from tests.samples import MADE_OF, SPECS, features, inputs, predictions, short, targets

MODELS = list(catalogue.models().values())
CASES = [
    pytest.param(file, takes, gives, id=f"{file.name}-{takes.__name__}-{gives.__name__}")
    for file in MODELS
    for takes in file.takes
    for gives in file.gives
    if MADE_OF.get(gives, takes) is takes
]
each_model = pytest.mark.parametrize("file", MODELS, ids=lambda file: file.name)
each_case = pytest.mark.parametrize(("file", "takes", "gives"), CASES)


def build(file, takes, gives, **knobs) -> keras.Model:
    keras.utils.set_random_seed(1)
    return catalogue.load(file).build(SPECS[takes], SPECS[gives], **knobs)


def task_of(gives):
    file = next((task for task in catalogue.tasks().values() if task.spec is gives), None)
    if file is None:
        pytest.skip(f"no task serves {gives.__name__}")
    return catalogue.load(file).Task(SPECS[gives])


@each_case
def test_gives_one_float32_number_for_each_output(file, takes, gives):
    model = build(file, takes, gives)
    prediction = model(inputs(model, SPECS[takes], 3))
    assert prediction.shape == predictions(SPECS[gives], 3).shape
    assert prediction.dtype == "float32"


@each_case
def test_is_pure(file, takes, gives):
    one, other = build(file, takes, gives), build(file, takes, gives)
    x = inputs(one, SPECS[takes], 3)
    np.testing.assert_array_equal(one(x), other(x))


@pytest.mark.parametrize(
    ("file", "takes", "gives"), short(CASES, lambda file, takes, gives: {(file.name, takes), (file.name, gives)})
)
def test_learns_one_batch(file, takes, gives):
    model, task = build(file, takes, gives), task_of(gives)
    x, y = task.supervise(features(SPECS[takes], 16), targets(SPECS[gives], 16))
    model.compile(keras.optimizers.Adam(file.fit.get("learning_rate", 1e-3)), loss=task.loss)
    if task.loss is None:  # its losses pull against each other, but something has to move
        before = model(inputs(model, SPECS[takes], 16))
        figures = model.fit(tf.data.Dataset.from_tensors((x, y)).repeat(20), shuffle=False, verbose=0).history
        assert np.isfinite(list(figures.values())).all()
        assert set(figures) == set(model.evaluate(x, y, verbose=0, return_dict=True))
        assert np.abs(before - model(inputs(model, SPECS[takes], 16))).max() > 0.01
        return
    before = np.mean(task.loss(y, model(x)))
    model.fit(tf.data.Dataset.from_tensors((x, y)).repeat(100), shuffle=False, verbose=0)
    assert np.mean(task.loss(y, model(x))) < 0.7 * before


@each_case
def test_predicts_float32_in_half_precision(file, takes, gives):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build(file, takes, gives)
    finally:
        keras.config.set_dtype_policy("float32")
    assert model(inputs(model, SPECS[takes], 2)).dtype == "float32"


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
@each_model
def test_its_steps_say_what_it_says_of_the_whole_sequence(file, precision):
    if NextToken not in file.gives:
        pytest.skip("it doesn't predict step by step")
    keras.config.set_dtype_policy(precision)
    try:
        model = build(file, Tokens, NextToken)
        step = catalogue.load(file).step(model, SPECS[Tokens])
    finally:
        keras.config.set_dtype_policy("float32")
    tokens = features(SPECS[Tokens], 3)
    whole = model(tokens)
    states = {name: tf.zeros([3, *x.shape[1:]], x.dtype) for name, x in step.input.items() if len(x.shape) > 1}
    for time in range(tokens.shape[1]):
        now = {"token": tf.constant(tokens[:, time]), "position": tf.fill([3], time)}
        answer = step({**{name: now[name] for name in now if name in step.input}, **states})
        states = {name: answer[name] for name in states}
        tolerance = 1e-5 if precision == "float32" else 5e-2
        np.testing.assert_allclose(answer["logits"], whole[:, time], rtol=tolerance, atol=tolerance)


@each_model
def test_builds_at_the_corners_of_its_space(file):
    for name, values in file.space.items():
        for value in values.corners():
            build(file, file.takes[0], file.gives[0], **{name: value})
            if NextToken in file.gives:
                catalogue.load(file).step(build(file, Tokens, NextToken, **{name: value}), SPECS[Tokens])


@each_model
def test_every_knob_changes_the_model(file):
    """A knob that does nothing is a mistake of the file."""
    usual = described(build(file, file.takes[0], file.gives[0]))
    for knob in file.knobs:
        changed = []
        for value in other_values(knob.type, knob.default):
            with contextlib.suppress(ValueError):  # out of the knob's range
                changed.append(described(build(file, file.takes[0], file.gives[0], **{knob.name: value})))
        if changed:
            assert any(other != usual for other in changed), f"{knob.where}: {knob.name} has no effect"


def described(model):
    """Its layers, those of the models that train it, and its numbers."""
    parts = {name: part for name, part in vars(model).items() if not name.startswith("_")}
    models = {name: json.loads(part.to_json()) for name, part in parts.items() if isinstance(part, keras.Model)}
    numbers = {name: part for name, part in parts.items() if isinstance(part, (int, float, str))}
    return {"": json.loads(runs.answering(model).to_json()), **models, **numbers}


def other_values(kind, default):
    """Values of that type that a knob might take; none for a free text."""
    args = get_args(kind)
    if get_origin(kind) is Literal:
        values = args
    elif get_origin(kind) is tuple:
        values = [default + default[-1:], default[:1]] if default else [(2,), (2, 3), (0.25,)]
    elif args:
        values = [value for member in args for value in other_values(member, default)]
    else:
        values = {bool: (not default,), int: (1, 2, 3), float: (0.25, 0.5)}.get(kind, ())
    return [value for value in values if value != default]


@pytest.mark.parametrize(
    ("kind", "default"),
    [
        (int, 2),
        (float, 0.25),
        (bool, True),
        (int | None, None),
        (tuple[int, ...] | None, None),
        (Literal["a"] | None, None),
    ],
    ids=str,
)
def test_there_is_another_value_to_try(kind, default):
    assert other_values(kind, default)


OPEN = """
import json, sys, keras, numpy as np
answers = {}
for name in sys.argv[2:]:
    parts = {key[1:]: part for key, part in np.load(f"{sys.argv[1]}/{name}.npz").items()}
    model = keras.models.load_model(f"{sys.argv[1]}/{name}.keras")
    answers[name] = np.asarray(model(parts.get("", parts))).tolist()
print(json.dumps(answers))
"""


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """What each saved model answers here, and in a process in which nothing of this project can be imported."""
    folder, expected = tmp_path_factory.mktemp("plain"), {}
    for file in MODELS:
        for takes in file.takes:
            model = runs.answering(build(file, takes, file.gives[0]))
            x = inputs(model, SPECS[takes], 2)
            name = f"{file.name}-{takes.__name__}"
            model.save(folder / f"{name}.keras")
            parts = x if isinstance(x, dict) else {"": x}
            np.savez(folder / f"{name}.npz", **{f"x{key}": part for key, part in parts.items()})
            expected[name] = np.asarray(model(x))
    command = [sys.executable, "-I", "-c", OPEN, folder, *expected]
    answers = json.loads(subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder).stdout)
    return {name: (expected[name], answers[name]) for name in expected}


@each_model
def test_plain_keras_opens_what_is_saved(file, opened):
    for takes in file.takes:
        expected, answer = opened[f"{file.name}-{takes.__name__}"]
        np.testing.assert_allclose(answer, expected, rtol=1e-5, atol=1e-6)


@each_model
def test_imports_only_keras_and_the_specs(file):
    nodes = list(ast.walk(ast.parse(file.path.read_text(encoding="utf-8"))))
    imported = {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    imported |= {name.name for node in nodes if isinstance(node, ast.Import) for name in node.names}
    allowed = {"keras", "numpy", "models", *sys.stdlib_module_names}
    if any(isinstance(node, ast.FunctionDef) and node.name == "train_step" for node in nodes):
        allowed.add("tensorflow")  # which takes its gradients
    assert {name for name in imported if name.split(".")[0] not in allowed} <= {"src.specs", "src.layers"}


@each_model
def test_explains_every_knob(file):
    assert [knob.name for knob in file.knobs if not knob.help] == []


@each_model
def test_names_a_data_set_that_needs_no_download(file):
    if file.data not in catalogue.datasets():
        pytest.skip(f"the data set {file.data!r} was deleted")
    assert not catalogue.dataset(file.data).download
    assert catalogue.tasks_of(file, catalogue.dataset(file.data))


@each_model
def test_its_judge_can_be_trained_where_it_is(file):
    if not file.judge or file.data not in catalogue.datasets():
        pytest.skip("it has no judge, or its data set was deleted")
    knobs = dict(file.judge)
    if (name := knobs.pop("model")) not in catalogue.models():
        pytest.skip(f"the model {name!r} was deleted")
    config.resolve(name, {"data": file.data, **knobs})


@each_model
def test_its_defaults_are_knobs(file):
    for data in catalogue.datasets().values():
        if catalogue.tasks_of(file, data):
            config.resolve(file.name, {"data": data.name})


@each_model
def test_knobs_of_one_command_have_different_names(file):
    for data in catalogue.datasets().values():
        for task in catalogue.tasks_of(file, data):
            groups = config.Choices(file, data, (task,), data.inputs).groups
            names = [knob.name for group in groups.values() for knob in group]
            assert sorted(names) == sorted(set(names))
