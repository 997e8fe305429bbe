"""Generation: which token is drawn, and what a text does not depend on."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from src.generation.sampling import START, UNKNOWN, Drawing, choose, sample

VOCABULARY = 7


def counter() -> keras.Model:
    """A step whose likeliest token is the next number, whatever came before."""
    token = keras.Input((), dtype="int32", name="token")
    state = keras.Input((1,), name="state")
    logits = ops.one_hot(ops.maximum((token + 1) % VOCABULARY, 2), VOCABULARY) * 3.0
    return keras.Model({"token": token, "state": state}, {"logits": logits, "state": state + 1})


def reader(context: int) -> keras.Model:
    """A step that remembers the tokens at each position below `context`, and predicts the remainder of their sum."""
    token, position = (keras.Input((), dtype="int32", name=name) for name in ("token", "position"))
    text = keras.Input((context,), dtype="int32", name="text_so_far")
    here = ops.equal(ops.arange(context)[None, :], position[:, None])
    new = ops.where(here, token[:, None], text)
    logits = ops.one_hot(2 + ops.sum(new, axis=1) % (VOCABULARY - 2), VOCABULARY) * 50.0
    inputs = {"token": token, "position": position, "text_so_far": text}
    return keras.Model(inputs, {"logits": logits, "text_so_far": new})


def draw(step, prompts, context=8, **knobs):
    rows = len(prompts)
    usual = {"length": 5, "seed": 0, "temperature": 1.0, "top_k": 0, "top_p": 1.0}
    kinds = {"temperature": tf.float32, "top_p": tf.float32}
    columns = {
        name: tf.constant(np.broadcast_to(knobs.get(name, value), rows), kinds.get(name, tf.int32))
        for name, value in usual.items()
    }
    width = max(map(len, prompts))
    padded = [[*prompt, *[0] * (width - len(prompt))] for prompt in prompts]
    spec = {name: tf.TensorSpec((None,), column.dtype) for name, column in columns.items()}
    graph = tf.function(  # as in an export
        lambda prompts, columns: sample(step, prompts, context, Drawing(**columns)),
        input_signature=[tf.TensorSpec((None, None), tf.int32), spec],
    )
    return graph(tf.constant(padded, tf.int32, shape=(rows, width)), columns).numpy()


def test_the_likeliest_tokens_follow_the_prompt():
    np.testing.assert_array_equal(
        draw(counter(), [[2, 3], [6], []], temperature=0.0)[:, :3], [[4, 5, 6], [2, 3, 4], [2, 3, 4]]
    )


def test_a_text_does_not_depend_on_its_neighbours():
    prompts, seeds, lengths = [[2, 3], [6, 5, 4, 3], [], [2]], [4, 1, 1, 9], [3, 9, 70, 1]
    together = draw(counter(), prompts, seed=seeds, length=lengths)
    assert together.shape == (4, 70)
    for row, (prompt, seed, length) in enumerate(zip(prompts, seeds, lengths, strict=True)):
        alone = draw(counter(), [prompt], seed=seed, length=length)
        np.testing.assert_array_equal(together[row, :length], alone[0])
        assert not together[row, length:].any()


def test_seeds_differ_and_repeat():
    one, other = (draw(counter(), [[2]], seed=seed, length=50, temperature=3.0) for seed in (1, 2))
    assert (one != other).any()
    np.testing.assert_array_equal(one, draw(counter(), [[2]], seed=1, length=50, temperature=3.0))


def test_a_text_longer_than_the_context_goes_on_from_its_second_half():
    context, prompt = 8, [3, 4]
    found = draw(reader(context), [prompt], context, length=60, temperature=0.0)[0].tolist()
    window, expected = [], []
    for token in [START, *prompt, *found[:-1]]:
        if len(window) == context:
            window = [START, *window[-((context - 1) // 2) :]]
        window.append(token)
        expected.append(2 + sum(window) % (VOCABULARY - 2))
    assert found == expected[len(prompt) :]


@pytest.mark.parametrize(("prompts", "length"), [([[]], 0), ([[2, 3]], 0), ([[], [2]], [0, 3])])
def test_nothing_is_wanted(prompts, length):
    tokens = draw(counter(), prompts, length=length)
    assert tokens.shape == (len(prompts), np.max(length))


def chosen(logits, many=4000, **knobs):
    usual = {"temperature": 1.0, "top_k": 0, "top_p": 1.0} | knobs
    noise = tf.random.stateless_uniform([many], (0, 1))
    kinds = {"top_k": tf.int32}
    columns = {name: tf.fill([many], tf.constant(value, kinds.get(name, tf.float32))) for name, value in usual.items()}
    tokens = choose(tf.tile([tf.constant(logits, tf.float32)], (many, 1)), noise, **columns)
    return np.bincount(tokens, minlength=len(logits)) / many


LOGITS = np.log([0.3, 0.3, 0.2, 0.1, 0.06, 0.04])


def test_tokens_come_as_often_as_they_are_likely():
    shares = chosen(LOGITS)
    assert shares[START] == shares[UNKNOWN] == 0
    np.testing.assert_allclose(shares[2:], [0.5, 0.25, 0.15, 0.1], atol=0.03)


def test_temperature_top_k_and_top_p():
    np.testing.assert_allclose(chosen(LOGITS, temperature=0.0)[2:], [1, 0, 0, 0])
    np.testing.assert_allclose(chosen(LOGITS, temperature=1e3)[2:], [0.25] * 4, atol=0.03)
    np.testing.assert_allclose(chosen(LOGITS, temperature=np.inf)[2:], [0.25] * 4, atol=0.03)
    np.testing.assert_allclose(chosen(LOGITS, top_k=2)[2:], [2 / 3, 1 / 3, 0, 0], atol=0.03)
    np.testing.assert_allclose(chosen(LOGITS, top_k=99)[2:], [0.5, 0.25, 0.15, 0.1], atol=0.03)
    np.testing.assert_allclose(chosen(LOGITS, top_p=0.7)[2:], [2 / 3, 1 / 3, 0, 0], atol=0.03)
    np.testing.assert_allclose(chosen(LOGITS, top_p=1e-6)[2:], [1, 0, 0, 0])
