"""Beam search beside a search through all texts, on a step that is small enough for it."""

from itertools import product

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from src.generation.beams import search
from src.generation.sampling import Drawing, sample

END, VOCABULARY, LENGTH, UNITS = 2, 5, 4, 6
TEXTS = 1 + 2 + 4 + 8 + 16  # of at most LENGTH tokens, those that are cut off among them


@pytest.fixture(scope="module")
def step():
    """A recurrent step of random weights that also looks at where it is, and at what was read and stays the same."""
    keras.utils.set_random_seed(3)
    token, position = (keras.Input((), dtype="int32", name=name) for name in ("token", "position"))
    state, source = keras.Input((UNITS,), name="state"), keras.Input((UNITS,), name="source")
    x = keras.layers.Embedding(VOCABULARY, UNITS, embeddings_initializer="random_normal")(token) * 40 + state
    x = ops.tanh(keras.layers.Dense(UNITS)(x) + source + 0.1 * ops.cast(position, "float32")[:, None])
    inputs = {"token": token, "position": position, "state": state, "source": source}
    return keras.Model(inputs, {"logits": keras.layers.Dense(VOCABULARY)(x) * 2, "state": x, "source": source})


@pytest.fixture
def start():
    random = np.random.default_rng(0)
    return {name: tf.constant(random.normal(size=(7, UNITS)), tf.float32) for name in ("state", "source")}


def graph(step, **knobs):
    """A search that is traced for batches of any size, as in an export."""
    spec = {name: tf.TensorSpec([None, UNITS]) for name in ("state", "source")}
    return tf.function(lambda start: search(step, start, LENGTH, END, **knobs), input_signature=[spec])


def ask(step, start, **knobs):
    return [part.numpy() for part in graph(step, **knobs)(start)]


def every_text(step, start, row, penalty):
    """All texts of a row, best first: tokens, padded, and score."""
    found = []
    for size in range(1, LENGTH + 1):
        for body in product([3, 4], repeat=size - 1):
            found += [[*body, last] for last in ([END] if size < LENGTH else [END, 3, 4])]
    found = np.array([text + [0] * (LENGTH - len(text)) for text in found], "int32")
    states = {name: tf.repeat(tensor[row : row + 1], len(found), axis=0) for name, tensor in start.items()}
    nats, last = np.zeros(len(found)), np.zeros(len(found), "int32")
    for time in range(LENGTH):
        states = step({"token": tf.constant(last), "position": tf.fill([len(found)], time), **states})
        likely = tf.nn.log_softmax(states.pop("logits")[:, 2:]).numpy()
        last = found[:, time]
        nats += np.where(last > 0, likely[np.arange(len(found)), np.maximum(last - 2, 0)], 0)
    scores = nats / ((5 + (found > 0).sum(axis=1)) / 6) ** penalty
    order = np.argsort(-scores)
    return found[order], scores[order]


@pytest.mark.parametrize("penalty", [0.0, 0.6, 2.0])
def test_a_beam_as_wide_as_all_texts_finds_the_best(step, start, penalty):
    tokens, scores = ask(step, start, width=TEXTS, best=TEXTS, penalty=penalty)
    for row in range(7):
        expected, expected_scores = every_text(step, start, row, penalty)
        np.testing.assert_allclose(scores[row], expected_scores, rtol=1e-4)
        np.testing.assert_array_equal(tokens[row], expected)


@pytest.mark.parametrize("best", [1, 2])
def test_it_ends_early_only_where_that_changes_nothing(step, start, best):
    tokens, scores = ask(step, start, width=TEXTS, best=best, penalty=1.0)
    whole, whole_scores = ask(step, start, width=TEXTS, best=TEXTS, penalty=1.0)
    np.testing.assert_array_equal(tokens, whole[:, :best])
    np.testing.assert_allclose(scores, whole_scores[:, :best], rtol=1e-5)


@pytest.mark.parametrize("penalty", [0.0, 0.6])
def test_a_width_of_one_takes_the_likeliest_token_each_time(step, start, penalty):
    tokens, _ = ask(step, start, width=1, penalty=penalty)
    whole, number = tf.zeros([7], tf.int32), tf.zeros([7])
    greedy = Drawing(whole + LENGTH, whole, number, whole, number + 1)
    drawn = sample(step, tf.zeros([7, 1], tf.int32), LENGTH, greedy, start).numpy()
    ended = np.cumsum(drawn == END, axis=1) - (drawn == END) > 0
    np.testing.assert_array_equal(tokens[:, 0], np.where(ended, 0, drawn))
    assert ended.any()


@pytest.mark.parametrize("width", [1, 2, 5])
def test_a_text_does_not_depend_on_its_neighbours(step, start, width):
    ask = graph(step, width=width, best=width)
    tokens, scores = ask(start)
    for row in range(7):
        alone, score = ask({name: tensor[row : row + 1] for name, tensor in start.items()})
        np.testing.assert_array_equal(alone[0], tokens[row])
        np.testing.assert_allclose(score[0], scores[row], rtol=1e-5)
    assert (np.diff(scores, axis=1) <= 0).all()
    assert ask({name: tensor[:0] for name, tensor in start.items()})[0].shape == (0, width, LENGTH)


def scripted(shares):
    """A step that writes token 3 or ends, with a share of the probability for the end at each place; 0 and 1 tempt."""
    token, position = (keras.Input((), dtype="int32", name=name) for name in ("token", "position"))
    count = keras.Input((1,), name="count")
    ends = ops.take(ops.convert_to_tensor(shares, "float32"), position)
    logits = ops.stack([9 + 0 * ends, 9 + 0 * ends, ops.log(ends), ops.log(1 - ends)], axis=1)
    inputs = {"token": token, "position": position, "count": count}
    return keras.Model(inputs, {"logits": logits, "count": count + 1})


def test_the_length_penalty_is_that_of_the_paper():
    step, start = scripted([0.5, 0.01, 0.9, 0.5]), {"count": tf.zeros([1, 1])}
    likely = {1: 0.5, 3: 0.5 * 0.99 * 0.9}  # texts of so many tokens
    for penalty in (0.0, 1.0):
        tokens, scores = search(step, start, 4, END, width=4, best=2, penalty=penalty)
        expected = {size: np.log(share) / ((5 + size) / 6) ** penalty for size, share in likely.items()}
        order = sorted(expected, key=expected.get, reverse=True)
        assert order == ([1, 3] if penalty == 0 else [3, 1])
        assert [(row > 0).sum() for row in tokens[0].numpy()] == order
        np.testing.assert_allclose(scores[0], [expected[size] for size in order], rtol=1e-5)


def test_it_ends_when_nothing_better_can_come():
    steps = []

    def count(x):
        tf.py_function(lambda: steps.append(1), [], [])
        return x

    step = scripted([0.9] * 50)
    counted = keras.Model(step.input, {**step.output, "count": keras.layers.Lambda(count)(step.output["count"])})
    tokens, scores = search(counted, {"count": tf.zeros([3, 1])}, 50, END, width=4)
    assert tokens.shape == (3, 1, 50)
    assert tokens[:, 0, 0].numpy().tolist() == [END] * 3
    np.testing.assert_allclose(scores, np.log(0.9), rtol=1e-5)
    assert len(steps) < 5


def test_there_may_be_fewer_texts_than_are_asked_for():
    tokens, scores = search(scripted([0.5]), {"count": tf.zeros([2, 1])}, 1, END, width=3, best=3)
    assert np.sort(tokens[0, :, 0]).tolist() == [0, END, 3]
    assert np.isneginf(scores[:, 2]).all()


@pytest.mark.parametrize("knobs", [{"width": 0}, {"best": 5}, {"penalty": -1.0}])
def test_numbers_that_can_not_be_are_refused(knobs):
    with pytest.raises(ValueError, match="has to be from 1 to width"):
        search(scripted([0.5]), {"count": tf.zeros([2, 1])}, 1, END, **knobs)
