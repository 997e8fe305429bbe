"""What every task's file has to do."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from src import catalogue
from src.signatures import predictor
from src.sources import InMemory
from src.specs import Images, Vector, from_json, to_json
from tests.samples import MADE_OF, SPECS, features, judge, painter, predictions, targets

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
    if hasattr(made, "compare_with"):
        batches = tf.data.Dataset.from_tensors((given(outputs, len(target)), target))
        made.compare_with(judge(outputs), batches.map(made.supervise))
    return made


def given(outputs, examples):
    """Features from which the task can make what is trained on."""
    return features(SPECS[MADE_OF.get(type(outputs), Vector)], examples)


def predict(outputs):
    """A model that knows nothing."""
    return predictor(painter(outputs)) if isinstance(outputs, Images) else lambda x: predictions(outputs, len(x))


def test_statistics_survive_json(adapted):
    assert from_json(to_json(adapted[0])) == adapted[0]


def test_adapting_forgets_the_statistics_of_other_splits(file, adapted):
    target = adapted[1]
    source = InMemory.of({"x": np.zeros(50, "float32")}, target)
    assert catalogue.load(file).adapt(adapted[0], source) == adapted[0]


def test_loss_is_one_number_an_example_and_can_be_learnt(task, adapted):
    outputs, target = adapted
    if task.loss is None:
        pytest.skip("its models have losses of their own")
    _, y, *_ = task.supervise(given(outputs, len(target)), tf.constant(target))
    prediction = tf.Variable(np.zeros_like(predictions(outputs, len(target))))
    optimizer = keras.optimizers.SGD(1.0)
    first = task.loss(y, prediction)
    assert first.shape == (len(target),)
    for _ in range(20):
        with tf.GradientTape() as tape:
            loss = task.loss(y, prediction)
        optimizer.apply([tape.gradient(loss, prediction)], [prediction])
    assert np.mean(task.loss(y, prediction)) < np.mean(first)


def test_the_monitored_figure_is_measured(task, adapted):
    names = {"loss"} | {metric.name for metric in task.metrics()}
    if hasattr(task, "watch"):
        outputs, target = adapted
        watched = task.watch(predict(outputs), tf.data.Dataset.from_tensors((given(outputs, len(target)), target)))
        assert all(isinstance(value, float) for value in watched.values())
        names |= set(watched)
    assert task.monitor.startswith("val_")
    assert task.monitor.removeprefix("val_") in names
    assert task.direction in ("min", "max")


def test_answers_are_named_and_keep_the_batch(task, adapted):
    shape = adapted[0].shape[adapted[0].shape[0] is None :]  # of one step, where there are many
    answers = task.answers(tf.random.stateless_normal((7, *shape), (0, 0)))
    assert answers
    assert all(column.shape[0] == 7 for column in answers.values())


def test_figures_stand_beside_a_baseline_and_are_drawn(task, adapted, tmp_path):
    outputs, target = adapted
    dataset = tf.data.Dataset.from_tensor_slices((given(outputs, 50), target)).batch(20)
    batches = dataset.map(task.supervise)
    figures = task.figures(predict(outputs), batches)
    monitored = task.monitor.removeprefix("val_")
    assert np.isfinite(figures[monitored])
    assert np.isfinite(figures["baseline"][monitored])
    for name, drawing in task.draw(figures).items():
        drawing.savefig(tmp_path / f"{name}.png")


def test_every_knob_is_explained(file):
    assert [knob.name for knob in file.knobs if not knob.help] == []


def test_summaries_are_plain_data(task, adapted):
    import json

    found = json.loads(json.dumps(task.summarize(iter([adapted[1]]))))
    assert found
    in_parts = task.summarize(np.split(adapted[1], [3]))
    np.testing.assert_allclose(keras.tree.flatten(found), keras.tree.flatten(in_parts))
