"""What every task's file has to do."""

import json
from functools import partial

import keras
import numpy as np
import pytest
import tensorflow as tf

from src.analysis.sections import Examples, Plot, Section
from src.settings import catalogue
from src.settings.contract import unexplained
from src.settings.knobs import shown
from src.signatures import predictor
from src.sources.memory import InMemory
from src.specs import Images, NextToken, Text, Vector, from_json, to_json
from src.training.keep import Recorder
from tests.samples import NEEDS, SPECS, features, judge, painter, predictions, targets, writer

TASKS = list(catalogue.tasks().values())


@pytest.fixture(params=TASKS, ids=lambda file: file.name)
def file(request):
    return request.param


@pytest.fixture
def adapted(file):
    """The output spec with the statistics of a training split."""
    target = targets(SPECS[file.spec], 50)
    source = InMemory.of({"x": np.zeros(50, "float32")}, target)
    return catalogue.load(file).adapt(SPECS[file.spec], source), target


@pytest.fixture
def task(file, adapted):
    outputs, target = adapted
    made = catalogue.load(file).Task(outputs)
    if made.is_judged:
        batches = tf.data.Dataset.from_tensors((given(outputs, count(target)), target))
        made.compare_with(judge(outputs), batches.map(made.supervise))
    return made


def given(outputs, examples):
    """Features from which the task can make what is trained on."""
    return features(SPECS[NEEDS.get(type(outputs), Vector)], examples)


def count(target):
    """How many examples these targets are of: an array, or arrays by name."""
    return len(keras.tree.flatten(target)[0])


def tensors(target):
    return keras.tree.map_structure(tf.constant, target)


def predict(outputs):
    """A model that knows nothing."""
    match outputs:
        case Images():
            return predictor(painter(outputs))
        case Text():
            return predictor(*writer(outputs))
    ask = partial(_predict, outputs)
    ask.input_signature = ask.steps = None
    return ask


def _predict(outputs, x):
    return predictions(outputs, len(x))


def test_statistics_survive_json(file, adapted):
    kept = from_json(to_json(adapted[0]))
    what = f"{adapted[0]} is {kept} after JSON: its fields have to be texts, numbers, and tuples of them"
    assert kept == adapted[0], f"src/specs.py: {what}"


def test_adapting_forgets_the_statistics_of_other_splits(file, adapted):
    target = adapted[1]
    source = InMemory.of({"x": np.zeros(50, "float32")}, target)
    again = catalogue.load(file).adapt(adapted[0], source)
    what = f"adapt gives {again} for a spec that it adapted to these targets before, {adapted[0]}"
    assert again == adapted[0], f"{shown(file.path)}: {what}: its statistics have to follow from the targets alone"


def test_loss_is_one_number_an_example_and_can_be_learnt(file, task, adapted):
    outputs, target = adapted
    if task.loss is None:
        pytest.skip("its models have losses of their own")
    _, y, *_ = task.supervise(given(outputs, count(target)), tensors(target))
    prediction = tf.Variable(np.zeros_like(predictions(outputs, count(target))))
    optimizer = keras.optimizers.SGD(0.1)
    first = task.loss(y, prediction)
    shape = tuple(first.shape)
    what = f"the loss of {count(target)} examples has the shape {shape}"
    assert shape == (count(target),), f"{shown(file.path)}: {what}: give one number an example, (batch,)"
    for _ in range(20):
        with tf.GradientTape() as tape:
            loss = task.loss(y, prediction)
        optimizer.apply([tape.gradient(loss, prediction)], [prediction])
    before, after = np.mean(first), np.mean(task.loss(y, prediction))
    what = f"20 steps along the gradient bring the loss from {before:.3g} to {after:.3g}, and it has to fall"
    assert after < before, f"{shown(file.path)}: {what}: see that target and prediction are compared by TensorFlow ops"


def test_the_monitored_figure_is_measured(file, task, adapted):
    names = {"loss"} | {metric.name for metric in task.metrics()}
    outputs, target = adapted
    batches = tf.data.Dataset.from_tensors((given(outputs, count(target)), target)).map(task.supervise)
    watched = task.watch(predict(outputs), batches)
    others = {name: value for name, value in watched.items() if not isinstance(value, float)}
    assert not others, f"{shown(file.path)}: watch has to give Python floats, not {others}"
    names |= set(watched)
    measured = {f"val_{name}" for name in names}
    what = f"monitor is {task.monitor!r}: make it one of what is measured, {', '.join(sorted(measured))}"
    assert task.monitor in measured, f"{shown(file.path)}: {what}"
    assert task.direction in ("min", "max"), f'{shown(file.path)}: direction has to be "min" or "max"'


def test_answers_are_named_and_keep_the_batch(file, task, adapted):
    made = predictions(adapted[0], 7)
    one_step = isinstance(adapted[0], NextToken)  # of a text, which has many
    answers = task.answers(tf.constant(made[:, -1] if one_step else made))
    shapes = {name: tuple(column.shape) for name, column in answers.items()}
    kept = answers and all(shape[:1] == (7,) for shape in shapes.values())
    what = f"answers makes {shapes} of 7 predictions: give {{name: tensor}}, an answer for each example first"
    assert kept, f"{shown(file.path)}: {what}"


def test_figures_stand_beside_a_baseline_and_are_drawn(file, task, adapted, tmp_path):
    outputs, target = adapted
    dataset = tf.data.Dataset.from_tensor_slices((given(outputs, 50), target)).batch(20)
    batches = dataset.map(task.supervise)
    figures = task.figures(predict(outputs), batches)
    if simple := task.simple(batches, batches):
        figures["baseline"] = simple
    monitored = task.monitor.removeprefix("val_")
    for name, found in (("figures", figures), ('the "baseline" of figures', figures.get("baseline", {}))):
        value = found.get(monitored, np.nan)
        assert np.isfinite(value), f"{shown(file.path)}: {name} needs a finite {monitored!r}, which is monitored"
    kept = json.loads(json.dumps(figures))
    for name, drawing in task.draw(kept).items():
        drawing.savefig(tmp_path / f"{name}.png")
    for section in task.sections(kept):
        assert isinstance(section, Section), f"{shown(file.path)}: sections gives {section!r:.60}, no section"


def test_errors_are_sections_that_can_be_shown(file, task, adapted, tmp_path):
    outputs, target = adapted
    if task.loss is None:
        pytest.skip("its models have losses of their own: nothing is kept")
    batches = tf.data.Dataset.from_tensor_slices((given(outputs, 50), target)).batch(20).map(task.supervise)
    recorder = Recorder(task, predict(outputs), batches, "test", 50)
    task.figures(recorder, recorder)
    kept = recorder.predictions
    what = "keep gives nothing, or figures doesn't ask for the prediction of each batch once, as it comes"
    assert kept, f"{shown(file.path)}: {what}"
    for section in task.errors(kept):
        assert isinstance(section, Section), f"{shown(file.path)}: errors gives {section!r:.60}, no section"
        if isinstance(section, Plot):
            section.figure.savefig(tmp_path / "plot.svg")
        if isinstance(section, Examples):
            assert set(section.captions) <= set(range(50)), f"{shown(file.path)}: there is no such example"
    captions = task.captions(kept, np.array([3, 0]))
    assert len(captions) == 2 and all(isinstance(caption, str) for caption in captions), f"{shown(file.path)}: captions"
    if scores := task.scores(kept):
        assert len(scores.values) == 50 and np.isfinite([scores.mean, *scores.interval]).all()


def test_evidence_is_one_number_a_prediction_with_a_gradient(file, task, adapted):
    if task.evidence is None:
        pytest.skip("there is none")
    made = tf.constant(predictions(adapted[0], 7))
    with tf.GradientTape() as tape:
        tape.watch(made)
        evidence = task.evidence(made, made[:1])
    what = f"{shown(file.path)}: evidence of 7 predictions for the answer of one"
    assert (evidence.shape, evidence.dtype) == ((7,), tf.float32), f"{what} has to be float32 (7,), not {evidence}"
    assert tape.gradient(evidence, made) is not None, f"{what} has no gradient: make it by TensorFlow ops"


def test_every_knob_is_explained(file):
    assert not unexplained(file), "\n".join(unexplained(file))


def test_summaries_are_plain_data(file, task, adapted):
    found = json.loads(json.dumps(task.summarize(iter([adapted[1]]))))
    assert found, f"{shown(file.path)}: summarize gives nothing for the manifest, such as mean, least and largest"
    parts = [
        keras.tree.map_structure(lambda column, part=part: column[part], adapted[1])
        for part in (slice(3), slice(3, None))
    ]
    in_parts = keras.tree.flatten(task.summarize(parts))
    what = f"{shown(file.path)}: summarize gives other numbers where the same targets come in other batches"
    np.testing.assert_allclose(keras.tree.flatten(found), in_parts, err_msg=what)
