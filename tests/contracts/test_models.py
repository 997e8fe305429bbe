"""What every model file has to do. A new file is tested as soon as it is there."""

import ast
import contextlib
import json
import subprocess
import sys
from collections import Counter
from functools import cache
from types import SimpleNamespace
from typing import Literal, get_args, get_origin

import keras
import numpy as np
import pytest
import tensorflow as tf

from src import layers
from src.runs.save import answering
from src.settings import catalogue, config
from src.settings.contract import check_model, unexplained
from src.settings.knobs import shown
from src.settings.mistakes import mistakes_in
from src.specs import Classes, NextToken, Text, Tokens, Vector
from src.training.optimizers import USUAL_RATE
from tests.samples import MADE_OF, SPECS, features, inputs, is_large, predictions, short, targets

MODELS = list(catalogue.models().values())
CASES = [
    pytest.param(file, takes, gives, id=f"{file.name}-{takes.__name__}-{gives.__name__}")
    for file in MODELS
    for takes in file.takes
    for gives in file.gives
    if MADE_OF.get(gives, takes) is takes
]
STEPWISE = {NextToken, Text}
STEPS = 20  # of training, after which a model may have learnt its batch
each_model = pytest.mark.parametrize("file", MODELS, ids=lambda file: file.name)
each_case = pytest.mark.parametrize(("file", "takes", "gives"), CASES)


def build(file, takes, gives, **knobs) -> keras.Model:
    keras.backend.clear_session()  # names of layers are counted anew
    keras.utils.set_random_seed(1)
    return catalogue.load(file).build(SPECS[takes], SPECS[gives], **knobs)


def task_of(gives):
    file = next((task for task in catalogue.tasks().values() if task.spec is gives), None)
    if file is None:
        pytest.skip(f"no task serves {gives.__name__}")
    return catalogue.load(file).Task(SPECS[gives])


@each_case
def test_gives_one_float32_number_for_each_output(file, takes, gives):
    with mistakes_in(file):
        model = build(file, takes, gives)
    check_model(file, model, SPECS[gives])
    prediction = model(inputs(model, SPECS[takes], 3))
    as_long = predictions(SPECS[gives], 3).shape  # as the text, where it predicts each next token
    sizes = as_long if gives in STEPWISE else (3, *SPECS[gives].shape)
    found, shape = (prediction.dtype.name, tuple(prediction.shape)), tf.TensorShape(sizes)
    what = f"for {takes.__name__} and {gives.__name__} it predicts {found}, not {('float32', shape)}"
    fits = prediction.dtype == tf.float32 and shape.is_compatible_with(prediction.shape)
    assert fits, f"{shown(file.path)}: {what}: end build with head(outputs) of src/layers.py"


@each_case
def test_is_pure(file, takes, gives):
    one, other = build(file, takes, gives), build(file, takes, gives)
    where = f"{shown(file.path)}: build gives two models for the same arguments and seed"
    cure = "take random numbers from Keras' initialisers, and keep nothing outside of build"
    assert described(one) == described(other), f"{where}: their layers differ; {cure}"
    for first, second in zip(one.weights, other.weights, strict=True):
        np.testing.assert_array_equal(first, second, f"{where}: {first.path} differs; {cure}")
    shared = [one for one in one.weights if any(one is weight for weight in other.weights)]
    assert not shared, f"{where} that share {shared[0].path}: training one changes the other; make layers in build"
    x = inputs(one, SPECS[takes], 3)
    np.testing.assert_array_equal(one(x), other(x), f"{where}: they predict other numbers; {cure}")


@pytest.mark.parametrize(
    ("file", "takes", "gives"),
    short(CASES, lambda file, takes, gives: set() if is_large(file.name) else {(file.name, takes), gives}),
)
def test_learns_one_batch(file, takes, gives):
    model, task = build(file, takes, gives), task_of(gives)
    batch = features(SPECS[takes], 16), targets(SPECS[gives], 16)
    x, y = task.supervise(*keras.tree.map_structure(tf.constant, batch))
    rate = file.fit.get("learning_rate", USUAL_RATE["adam"])
    model.compile(keras.optimizers.Adam(rate), loss=task.loss)
    whose = "of its FIT" if "learning_rate" in file.fit else "the default, as it has no FIT for it"
    where = f"{shown(file.path)}: with Adam's learning rate {rate} ({whose}), of 16 examples of {takes.__name__}"
    if task.loss is None:  # its losses pull against each other, but something has to move
        before = model(inputs(model, SPECS[takes], 16))
        figures = model.fit(tf.data.Dataset.from_tensors((x, y)).repeat(20), shuffle=False, verbose=0).history
        tested = model.evaluate(x, y, verbose=0, return_dict=True)
        assert np.isfinite(list(figures.values())).all(), f"{where}: a figure isn't finite: {figures}"
        what = f"train_step returns {', '.join(figures)}, and test_step {', '.join(tested)}"
        assert set(figures) == set(tested), f"{where}: {what}: they have to return the same figures"
        moved = np.abs(before - model(inputs(model, SPECS[takes], 16))).max()
        assert moved > 0.01, f"{where}: 20 steps change what it makes by {moved:.2g} at most: does train_step apply?"
        return
    before = after = np.mean(task.loss(y, model(x)))
    model.optimizer.build(model.trainable_variables)
    step, steps = tf.function(lambda: model.train_step((x, y))), 0  # fit traces large models for three times as long
    while after >= 0.7 * before and steps < 1000:  # a small model takes long
        for _ in range(STEPS):
            step()
        after, steps = np.mean(task.loss(y, model(x))), steps + STEPS
    what = f"{steps} steps bring the loss of {gives.__name__} from {before:.3g} to {after:.3g}, which is too little"
    cure = 'set another FIT = {"learning_rate": …}, and make sure every layer contributes to the prediction'
    assert after < 0.7 * before, f"{where}: {what}: {cure}"


@pytest.mark.filterwarnings("ignore:The model does not have any trainable weights")
@pytest.mark.parametrize("trainable", [True, False])
def test_a_small_model_learns_its_batch_and_one_that_can_not_learn_fails(monkeypatch, trainable):
    def small(inputs, outputs):
        tensors = layers.features(inputs)
        hidden = keras.layers.Dense(8, "relu", trainable=trainable)(tensors)
        last = layers.head(outputs)
        last.trainable = trainable
        return keras.Model(tensors, last(hidden))

    file = catalogue.ModelFile("small", catalogue.ROOT / "models/small.py", "", (), (), "", {}, {}, {}, ())
    load = catalogue.load
    monkeypatch.setattr(catalogue, "load", lambda asked: SimpleNamespace(build=small) if asked is file else load(asked))
    told = pytest.raises(
        AssertionError, match=r"small.py: with Adam's learning rate 0.001 \(the default, .*: 1000 steps"
    )
    with contextlib.nullcontext() if trainable else told:
        test_learns_one_batch(file, Vector, Classes)


@each_case
def test_predicts_float32_in_half_precision(file, takes, gives):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build(file, takes, gives)
    finally:
        keras.config.set_dtype_policy("float32")
    found = model(inputs(model, SPECS[takes], 2)).dtype
    what = f"under --mixed-precision it predicts {found}"
    assert found == "float32", f'{shown(file.path)}: {what}: give the last layer dtype="float32", as head(outputs) has'


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
@each_model
def test_its_steps_say_what_it_says_of_the_whole_sequence(file, precision, tmp_path):
    gives = next((kind for kind in STEPWISE if kind in file.gives), None)
    if gives is None:
        pytest.skip("it doesn't predict step by step")
    keras.config.set_dtype_policy(precision)
    try:
        build(file, Tokens, gives).save(tmp_path / "model.keras")
        keras.backend.clear_session()  # as a new process, which counts the names of operations anew
        model = keras.models.load_model(tmp_path / "model.keras")
        step, begun = steps(file, model)
    finally:
        keras.config.set_dtype_policy("float32")
    x = inputs(model, SPECS[Tokens], 3)
    if isinstance(x, dict):
        x["tokens"][1, 2:] = 0  # a short source
    tokens, whole = x["written"] if isinstance(x, dict) else x, model(x)
    states = dict(begun(x["tokens"])) if begun else {}
    others = {name: state for name, state in step.input.items() if len(state.shape) > 1 and name not in states}
    states |= {name: tf.zeros([3, *state.shape[1:]], state.dtype) for name, state in others.items()}
    for time in range(tokens.shape[1]):
        now = {"token": tf.constant(tokens[:, time]), "position": tf.fill([3], time)}
        answer = step({**{name: now[name] for name in now if name in step.input}, **states})
        states = {name: answer[name] for name in states}
        tolerance = 1e-5 if precision == "float32" else 5e-2
        what = f"{shown(file.path)}: step's logits at token {time} aren't those of build's model for the whole text"
        np.testing.assert_allclose(answer["logits"], whole[:, time], tolerance, tolerance, err_msg=what)
        if "attention" in answer:
            what = f"{shown(file.path)}: step's attention isn't a share of each token of the source"
            np.testing.assert_allclose(tf.reduce_sum(answer["attention"], axis=1), 1, tolerance, err_msg=what)
            np.testing.assert_array_equal(answer["attention"][x["tokens"] == 0], 0, err_msg=what)


def steps(file, model):
    """The model's single step, and what makes its first states; None where these are zeros."""
    module = catalogue.load(file)
    return module.step(model, SPECS[Tokens]), module.start(model, SPECS[Tokens]) if file.has_start else None


@each_model
def test_builds_at_the_corners_of_its_space(file):
    for name, values in file.space.items():
        for value in values.corners():
            with mistakes_in(file):
                build(file, file.takes[0], file.gives[0], **{name: value})
                for gives in STEPWISE & {*file.gives}:
                    steps(file, build(file, Tokens, gives, **{name: value}))


@each_model
def test_every_knob_changes_the_model(file):
    layers = cache(lambda takes, gives, **knobs: described(build(file, takes, gives, **knobs)))
    for knob in file.knobs:
        tried = other_values(knob.type, knob.default)
        values = " and ".join(map(str, [knob.default, *tried]))
        what = f"the knob {knob.name!r} has no effect: {values} give the same model, or are refused"
        assert not tried or any(changes(layers, file, knob, tried)), f"{knob.where}: {what}: use it, or leave it out"


def changes(layers, file, knob, tried):
    """Whether each value changes the model: one of each kind of features, or with another choice of another knob."""
    cases = [(takes, file.gives[0], {}) for takes in file.takes]
    others = [other for other in file.knobs if other is not knob and get_origin(other.type) is Literal]
    cases += [(*cases[0][:2], {other.name: choice}) for other in others for choice in get_args(other.type)]
    for takes, gives, chosen in cases:
        for value in tried:
            with contextlib.suppress(ValueError):  # out of the knob's range
                yield layers(takes, gives, **chosen, **{knob.name: value}) != layers(takes, gives, **chosen)


def described(model):
    """Its layers, those of the models that train it, and its numbers."""
    parts = {name: part for name, part in vars(model).items() if not name.startswith("_")}
    models = {name: json.loads(part.to_json()) for name, part in parts.items() if isinstance(part, keras.Model)}
    numbers = {name: part for name, part in parts.items() if isinstance(part, (int, float, str))}
    return {"": json.loads(answering(model).to_json()), **models, **numbers}


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
        size = default if isinstance(default, (int, float)) and default else 1
        numbers = {int: (1, 2, 3, 2 * size), float: (0.01, 0.25, 0.5, 2 * size)}
        values = {bool: (not default,), **numbers}.get(kind, ())
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
    assert other_values(kind, default), f"other_values, above, has none for {kind}: add some"


OPEN = """
import json, sys, keras, numpy as np
for name in sys.argv[2:]:
    try:
        parts = {key[1:]: part for key, part in np.load(f"{sys.argv[1]}/{name}.npz").items()}
        model = keras.models.load_model(f"{sys.argv[1]}/{name}.keras")
        answer = np.asarray(model(parts.get("", parts))).tolist()
    except Exception as error:
        answer = f"{type(error).__name__}: {error}"
    print(json.dumps([name, answer]))
"""


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """What each saved model answers here, and in a process in which nothing of this project can be imported.

    What a model's file does wrong takes the place of its answers.
    """
    folder, expected, answers = tmp_path_factory.mktemp("plain"), {}, {}
    for file in MODELS:
        for takes in file.takes:
            name = f"{file.name}-{takes.__name__}"
            try:
                model = answering(build(file, takes, file.gives[0]))
                x = inputs(model, SPECS[takes], 2)
                expected[name] = np.asarray(model(x))
                model.save(folder / f"{name}.keras")
            except Exception as error:
                answers[name] = f"{type(error).__name__}: {error}"
                continue
            parts = x if isinstance(x, dict) else {"": x}
            np.savez(folder / f"{name}.npz", **{f"x{key}": part for key, part in parts.items()})
    command = [sys.executable, "-I", "-c", OPEN, folder, *(expected.keys() - answers.keys())]
    said = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder).stdout
    answers |= map(json.loads, said.splitlines())
    return {name: (expected.get(name), answer) for name, answer in answers.items()}


@each_model
def test_plain_keras_opens_what_is_saved(file, opened):
    for takes in file.takes:
        expected, answer = opened[f"{file.name}-{takes.__name__}"]
        where = f"{shown(file.path)}: its model of {takes.__name__}"
        cure = "build it of Keras' own layers and keras.ops, without classes or Lambdas of this project"
        assert not isinstance(answer, str), f"{where}, saved and opened by plain Keras, ends in {answer}\n{cure}"
        what = f"{where}, saved and opened by plain Keras, predicts other numbers: {cure}"
        np.testing.assert_allclose(answer, expected, rtol=1e-5, atol=1e-6, err_msg=what)


@each_model
def test_imports_only_keras_and_the_specs(file):
    nodes = list(ast.walk(ast.parse(file.path.read_text(encoding="utf-8"))))
    imported = {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    imported |= {name.name for node in nodes if isinstance(node, ast.Import) for name in node.names}
    allowed = {"keras", "numpy", "models", *sys.stdlib_module_names}
    if any(isinstance(node, ast.FunctionDef) and node.name == "train_step" for node in nodes):
        allowed.add("tensorflow")  # which takes its gradients
    others = {name for name in imported if name.split(".")[0] not in allowed} - {"src.specs", "src.layers"}
    what = f"it imports {', '.join(sorted(others))}; a model takes keras, numpy, src.specs and src.layers alone"
    assert not others, f"{shown(file.path)}: {what}, so that plain Keras opens what is saved"


@each_model
def test_explains_every_knob(file):
    assert not unexplained(file), "\n".join(unexplained(file))


@each_model
def test_names_a_data_set_that_needs_no_download(file):
    if file.data not in catalogue.datasets():
        pytest.skip(f"the data set {file.data!r} was deleted")
    data = catalogue.dataset(file.data)
    where = f"{shown(file.path)}: DATA = {file.data!r}"
    assert not data.download, f"{where} needs a download of {data.download}: name a set that needs none"
    assert catalogue.tasks_of(file, data), f"{where} has no features or no target that it is for: see TAKES and GIVES"


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
            names = Counter(knob.name for group in groups.values() for knob in group)
            twice = [name for name, count in names.items() if count > 1]
            assert not twice, f"{shown(file.path)}, on {data.name}: two knobs are called {twice[0]}: rename one"
