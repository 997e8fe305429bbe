"""Language models over words: of texts that have classes, too; and classifiers that begin with them."""

import math

import numpy as np
import pytest
import tensorflow as tf

from src import specs
from src.settings import catalogue
from src.specs import Classes, NextToken, Tokens
from src.tasks.language import Task
from src.train import train
from tests.conftest import BARE

MODELS = [
    file.name for file in catalogue.models().values() if Tokens in file.takes and {NextToken, Classes} <= {*file.gives}
]
if not MODELS or "text" not in catalogue.datasets():
    pytest.skip("no model of words learns the next one and classes", allow_module_level=True)
MODEL, LENGTH = MODELS[0], 8
TEXTS = ["good", "a good film, a very good film indeed", "bad it was, as bad as a film can be, and bad again"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("language") / "opinions"
    folder.mkdir()
    catalogue.load(catalogue.dataset("text")).sample(folder)
    return folder


def learnt(folder, **knobs):
    short = {"epochs": 1, **BARE, "length": LENGTH, "runs_dir": str(folder.parent)}
    return train(MODEL, data="text", path=str(folder), **{**short, **knobs})


@pytest.fixture(scope="module")
def writer(folder, lasting_verifier):
    return learnt(folder, task="language", export=True, exports_dir=str(folder.parent / "exports"))


def asked(texts, length=5):
    usual = {"length": length, "seed": 3, "temperature": 1.0, "top_k": 0, "top_p": 1.0}
    return {"text": np.array(texts, object)} | {name: np.full(len(texts), value) for name, value in usual.items()}


def test_words_are_written_with_blanks_between(writer):
    texts = writer.predict(asked(TEXTS), signature="generate")["text"]
    words = set(writer.task.outputs.tokens[2:])
    for text, prompt in zip(texts, TEXTS, strict=True):
        assert text.startswith(prompt + " ")
        new = text.removeprefix(prompt).split(" ")[1:]
        assert len(new) == 5 and set(new) <= words
        assert writer.predict(asked([prompt]), signature="generate")["text"][0] == text
    exported = tf.saved_model.load(str(folder_of(writer))).signatures["generate"]
    kinds = {name: spec.dtype for name, spec in exported.structured_input_signature[1].items()}
    served = exported(**{name: tf.constant(column, kinds[name]) for name, column in asked(TEXTS).items()})["text"]
    assert [text.decode() for text in served.numpy()] == texts.tolist()


def folder_of(run):
    return next(path for path in (run.path.parent / "exports").glob("*/1"))


def test_the_next_word_is_the_same_alone_and_beside_longer_texts(writer):
    together = writer.predict(np.array(TEXTS, object))["probabilities"]
    for text, row in zip(TEXTS, together, strict=True):
        np.testing.assert_allclose(writer.predict(np.array([text], object))["probabilities"][0], row, atol=1e-5)


def test_it_is_not_published_as_a_version_of_the_classifier(writer, folder):
    assert writer.config["data_name"] == f"{folder.name}-language" == folder_of(writer).parent.name.partition("-")[2]


def test_a_classifier_takes_over_all_but_the_head(writer, folder):
    run = learnt(folder, init=writer.path, freeze=1)
    facts = run.config["init"]
    assert facts["new"] == ["head"]
    assert facts["left_out"].keys() == {"head/kernel", "head/bias"}
    for layer in run.model.layers:
        if layer.name.split("/")[0] in facts["taken"]:
            for mine, theirs in zip(layer.get_weights(), writer.model.get_layer(layer.name).get_weights(), strict=True):
                np.testing.assert_array_equal(mine, theirs)


def test_a_character_is_one_of_a_word_or_the_blank_before_it():
    task = Task(NextToken.of(Tokens(4, 4, ("", "[UNK]", "of", "film")), Classes(("a", "b"))))
    metric, target = task.metrics()[0], tf.constant([[2, 3, 1, 0]])
    metric.update_state(target, tf.zeros((1, 4, 4)))
    assert float(metric.result()) == pytest.approx(3 * math.log2(4) / (3 + 5 + 2))


def test_a_token_counts_as_much_in_a_short_batch_as_in_a_long_one():
    task = Task(NextToken(("", "\ufffd", "a", "bc")))
    logits = tf.random.stateless_normal([2, 5, 4], (0, 1))
    text = tf.constant([[2, 0, 0, 0, 0], [3, 2, 3, 3, 2]])
    for apart, at_once in zip(task.metrics(), task.metrics(), strict=True):
        apart.update_state(text[:1, :2], logits[:1, :2])
        apart.update_state(text[1:], logits[1:])
        at_once.update_state(text, logits)
        np.testing.assert_allclose(apart.result(), at_once.result(), rtol=1e-6)


def test_what_has_no_texts_can_not_be_written():
    with pytest.raises(ValueError, match="its Tokens have no tokens"):
        NextToken.of(Tokens(4, 4), Classes(("a", "b")))


def test_a_run_of_an_older_version_is_read():
    assert specs.from_json({"kind": "NextToken", "tokens": ["", "?", "a"], "counts": [0, 0, 3]}).tokens == (
        "",
        "?",
        "a",
    )
