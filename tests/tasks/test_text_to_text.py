"""Text to text: what is learnt, what is right, and what a trained model writes."""

from functools import partial

import keras
import numpy as np
import pytest
import tensorflow as tf

from src.data import Data
from src.generation.tokens import examples
from src.preprocess.subwords import BYTES, END, SPECIAL, subwords, token_counts
from src.runs.run import load_run
from src.signatures import predictor, traced
from src.sources.memory import InMemory
from src.specs import OR, Text
from src.tasks.text_to_text import Task, adapt
from src.train import train

TOKENS = (*SPECIAL, *map(chr, range(256)), "ab")
OF = {text: number for number, text in enumerate(TOKENS) if text}


@pytest.fixture
def task():
    return Task(Text(4, len(TOKENS), TOKENS))


def supervised(task, *targets):
    texts = tf.constant([target.encode() for target in targets])
    features, right = task.supervise(tf.ones([len(targets), 2], tf.int32), texts)
    return features["written"].numpy().tolist(), right


def test_what_is_written_is_a_token_behind_the_first_right_text(task):
    written, right = supervised(task, "abc", f"c{OR}abab", "")
    assert written == [[0, OF["ab"], OF["c"]], [0, OF["c"], END], [0, END, 0]]  # behind the end, nothing is learnt
    (first, second, third) = examples(tf.ones([3, 1], tf.int32), right)
    assert [text.tolist() for text in first.right] == [[OF["ab"], OF["c"], END]]
    assert [text.tolist() for text in second.right] == [[OF["c"], END], [OF["ab"], OF["ab"], END]]
    assert [text.tolist() for text in third.right] == [[END]]


def test_a_text_that_is_cut_off_has_no_end_and_does_not_run_into_the_next(task):
    written, right = supervised(task, f"cccccc{OR}ab")
    (example,) = examples(tf.ones([1, 1], tf.int32), right)
    assert [text.tolist() for text in example.right] == [[OF["c"]] * 4, [OF["ab"], END]]
    assert written == [[0, *[OF["c"]] * 3]]


def test_a_token_counts_as_much_in_a_short_batch_as_in_a_long_one(task):
    (_, short), (_, long) = supervised(task, "a"), supervised(task, "ccc")
    logits = tf.random.stateless_normal([2, 4, len(TOKENS)], (0, 1))
    _, together = supervised(task, "a", "ccc")
    for apart, at_once in zip(task.metrics(), task.metrics(), strict=True):
        apart.update_state(short, logits[:1, :2])
        apart.update_state(long, logits[1:])
        at_once.update_state(together, logits)
        np.testing.assert_allclose(apart.result(), at_once.result(), rtol=1e-6)


def test_other_right_texts_are_not_learnt(task):
    _, alone = supervised(task, "c")
    _, beside = supervised(task, f"c{OR}abab")
    logits = tf.random.stateless_normal([1, 2, len(TOKENS)], (0, 1))
    np.testing.assert_allclose(task.loss(alone, logits), task.loss(beside, logits), rtol=1e-6)
    for one, other in zip(task.metrics(), task.metrics(), strict=True):
        one.update_state(alone, logits)
        other.update_state(beside, logits)
        np.testing.assert_allclose(one.result(), other.result(), rtol=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_label_smoothing_is_that_of_keras(smoothing):
    task = Task(Text(4, len(TOKENS), TOKENS), label_smoothing=smoothing)
    logits = tf.random.stateless_normal([3, 4, len(TOKENS)], (0, 1))
    right = tf.random.stateless_uniform([3, 4], (0, 2), 1, len(TOKENS), tf.int32)
    usual = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=smoothing, reduction=None)
    expected = usual(tf.one_hot(right, len(TOKENS)), logits).numpy().mean(axis=1)
    np.testing.assert_allclose(task.loss(right, logits), expected, rtol=1e-5)


@pytest.mark.parametrize("target", [np.array([1, 2]), np.array([[b"a"], [b"b"]], object)])
def test_targets_that_are_no_texts_are_refused(target):
    with pytest.raises(ValueError, match="a target has to be a text"):
        adapt(Text(4, 300), InMemory.of({"x": np.zeros(len(target))}, target))


@pytest.mark.parametrize("knobs", [{"label_smoothing": 1.0}, {"beam": 0}, {"written": 0}, {"length_penalty": -1.0}])
def test_numbers_that_can_not_be_are_refused(knobs):
    with pytest.raises(ValueError, match="label_smoothing has to be in"):
        Task(Text(4, 300), **knobs)


def letters(size):
    """Letters, and the same in capitals; an emoji stays what it is."""
    random = np.random.default_rng(0)
    texts = ["".join(random.choice(list("abc😀"), random.integers(1, 4))) for _ in range(size)]
    return np.array([text.encode() for text in texts], object), np.array(
        [text.upper().encode() for text in texts], object
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A small model that has learnt to write capitals."""
    (source, target), parts = letters(700), (slice(600), slice(600, 650), slice(650, 700))
    lengths = partial(token_counts, vocabulary=265, length=6)
    made = [InMemory.of({"text": source[part]}, target[part], lengths) for part in parts]
    inputs, preprocess = subwords(made[0], 265, 6)  # learns the emoji's bytes as one token
    data = Data(*made, inputs, Text(6, 265), preprocess)
    knobs = {"units": 64, "embedding": 32, "dropout": 0.0, "epochs": 25, "batch": 32, "learning_rate": 0.01}
    folder = tmp_path_factory.mktemp("runs")
    quiet = {"verbose": False, "tensorboard": False, "export": False}
    return train("seq2seq", data=data, **knobs, **quiet, runs_dir=str(folder))


def test_it_learns_what_texts_become(run):
    test = run.metrics["test"]
    assert test["exact_match"] > 0.9
    assert test["chrf"] > run.metrics["baseline"]["chrf"]
    assert run.predict({"text": np.array(["cab"], object)})["text"].tolist() == ["CAB"]


def test_a_text_is_answered_alike_alone_and_in_a_batch_after_loading(run):
    texts = np.array(["a", "cab", "", "😀b", "zebra"], object)
    again = load_run(run.path)
    together = run.predict({"text": texts})
    for number, text in enumerate(texts):
        alone = again.predict({"text": np.array([text], object)})
        assert alone["text"][0] == together["text"][number]
        np.testing.assert_allclose(alone["score"][0], together["score"][number], rtol=1e-4)


def test_candidates_begin_with_the_best_text_and_samples_follow_their_seed(run):
    texts = np.array(["cab", "bba"], object)
    best, several = run.predict({"text": texts}), run.predict({"text": texts}, signature="candidates")
    assert several["texts"].shape == (2, 4)
    assert several["texts"][:, 0].tolist() == best["text"].tolist()
    assert (np.diff(several["scores"], axis=1) <= 0).all()
    knobs = {"temperature": np.full(2, 3.0, "float32"), "top_k": np.zeros(2, "int32"), "top_p": np.ones(2, "float32")}
    draws = [run.predict({"text": texts, "seed": np.full(2, seed, "int32"), **knobs}, "sample") for seed in (1, 1, 2)]
    assert draws[0]["text"].tolist() == draws[1]["text"].tolist() != draws[2]["text"].tolist()


def test_nothing_but_text_is_written(run):
    """Neither padding nor the unknown token, even where all is likely."""
    ask = traced(run.signatures)["sample"]
    knobs = {"temperature": tf.fill([50], 50.0), "top_k": tf.zeros([50], tf.int32), "top_p": tf.ones([50])}
    texts = ask({"text": tf.fill([50], "cab"), "seed": tf.range(50), **knobs})["text"].numpy()
    assert all(text.decode() is not None for text in texts)


def test_the_report_shows_texts_beside_right_ones_and_where_the_model_looked(run):
    page = (run.path / "report.html").read_text(encoding="utf-8")
    for heading in ("As they come", "Attention", "Least expected", "BLEU nrefs:1"):
        assert heading in page


def test_a_text_that_is_right_is_not_among_those_least_like_one(run):
    predict = predictor(run.model, run.steps)
    row = {"tokens": tf.constant([[BYTES + ord("a")], [BYTES + ord("b")]])}
    _, right = run.task.supervise(row["tokens"], tf.constant(["A", "c"]))
    detailed = run.task._beside_right_ones(predict.steps, examples(row["tokens"], right))
    assert [row["written"] for row in detailed["first"]] == ["A", "B"]
    assert [row["right"] for row in detailed["worst"]] == ["c"]
    assert [section.title for section in run.task.sections(detailed)] == ["Least like a right text", "As they come"]
    assert [section.title for section in run.task.sections({**detailed, "worst": []})] == ["As they come"]
