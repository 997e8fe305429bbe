"""Writing: from the command line, from the run and from its export; the same words everywhere, however many at once."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from src.cli import main
from src.settings import catalogue
from src.specs import NextToken
from src.train import train
from tests.conftest import BARE
from tests.samples import PAIRS

WRITERS = [  # on a data set whose only task is language
    pair for pair in PAIRS if catalogue.dataset(pair[1]).outputs == (NextToken,)
]
if not WRITERS:
    pytest.skip("no model writes on a data set that needs no download", allow_module_level=True)
PROMPTS = ["The ", "", "漢字 unknown to it", "a long beginning, " * 30, "x"]


CASES = [pytest.param(p, marks=[] if p is WRITERS[0] else pytest.mark.long, id="-".join(p)) for p in WRITERS]


@pytest.fixture(scope="module", params=CASES)
def run(request, short_run):
    return short_run(*request.param)


def request(prompts, **knobs):
    usual = {"length": 30, "seed": 3, "temperature": 1.0, "top_k": 0, "top_p": 1.0}
    return {"text": np.array(prompts, object), **{k: np.full(len(prompts), knobs.get(k, v)) for k, v in usual.items()}}


def test_a_text_is_the_same_alone_and_with_others_again_and_from_the_export(run):
    together = run.predict(request(PROMPTS), signature="generate")["text"]
    assert [text[: len(prompt)] for text, prompt in zip(together, PROMPTS, strict=True)] == PROMPTS
    assert [len(text) - len(prompt) for text, prompt in zip(together, PROMPTS, strict=True)] == [30] * len(PROMPTS)
    for place, prompt in enumerate(PROMPTS):
        assert run.predict(request([prompt]), signature="generate")["text"][0] == together[place]
    exported = tf.saved_model.load(json.loads((run.path / "export.json").read_text())["path"])
    ask = exported.signatures["generate"]
    kinds = {name: spec.dtype for name, spec in ask.structured_input_signature[1].items()}
    served = ask(**{name: tf.constant(column, kinds[name]) for name, column in request(PROMPTS).items()})
    assert [text.decode() for text in served["text"].numpy()] == together.tolist()


@pytest.mark.skipif(shutil.which("make") is None, reason="make isn't installed")
def test_text_and_nothing_else_is_written(run):
    prompt = """-He said "hi $x", `id`; it's"""
    flags = [f"RUN={run.path}", f"PROMPT={prompt}", "ARGS=--length 20 --seed 4", "READY=", f"PY={sys.executable}"]
    command = ["make", "--silent", "generate", *flags]
    done = subprocess.run(command, capture_output=True, cwd=catalogue.ROOT, check=True, encoding="utf-8")
    knobs = {"length": 20, "seed": 4, "temperature": 0.8}
    assert done.stdout == run.predict(request([prompt], **knobs), signature="generate")["text"][0] + "\n"
    assert done.stderr == ""


def test_any_prompt_is_taken_as_it_is(run, capsys):
    """Python gives bytes that aren't UTF-8 on a command line as surrogates."""
    assert main(["generate", "--run", str(run.path), "--prompt=-x \udcff", "--length", "0"]) == 0
    assert capsys.readouterr().out == "-x \ufffd\n"
    assert main(["generate", "--run", str(run.path), "--length", "0"]) == 0


@pytest.mark.parametrize(
    ("knob", "value"), [("length", "-1"), ("length", "100001"), ("temperature", "-1"), ("top-p", "0"), ("top-k", "-3")]
)
def test_what_can_not_be_drawn_is_refused(run, knob, value, capsys):
    assert main(["generate", "--run", str(run.path), f"--{knob}", value]) == 1
    assert f"error: {knob.replace('-', '_')} has to be" in capsys.readouterr().err


def test_a_model_of_another_task_does_not_write(tmp_path, capsys):
    others = [pair for pair in PAIRS if NextToken not in catalogue.dataset(pair[1]).outputs]
    if not others:
        pytest.skip("every model writes")
    model, data = others[0]
    other = train(model, data=data, epochs=1, limit=80, **BARE, runs_dir=str(tmp_path))
    assert main(["generate", "--run", str(other.path)]) == 1
    assert (
        f"{other.path} is no language model. Instead: make predict RUN={other.path} INPUT=FILE"
        in capsys.readouterr().err
    )


def test_the_next_token_follows_the_whole_text(run):
    texts = [prompt[:60] for prompt in PROMPTS]
    together = run.predict(np.array(texts, object))
    assert together["probabilities"].shape == (len(texts), run.task.outputs.size)
    np.testing.assert_allclose(together["probabilities"].sum(axis=1), 1, rtol=1e-5)
    for place, text in enumerate(texts):
        alone = run.predict(np.array([text], object))
        np.testing.assert_allclose(alone["probabilities"][0], together["probabilities"][place], atol=1e-5)


def test_samples_are_shown(run):
    samples = json.loads((run.path / "figures" / "samples.json").read_text())
    assert len(samples) == 3
    assert all(len(text) == 400 for text in samples.values())
    assert "Sample, seed 0" in (run.path / "report.html").read_text(encoding="utf-8")
    events = list((run.path / "logs" / "train").glob("events*"))
    tags = {v.tag for f in events for e in tf.compat.v1.train.summary_iterator(str(f)) for v in e.summary.value}
    assert "samples/seed 0" in tags


@pytest.mark.long
def test_ten_thousand_tokens(run):
    """Far beyond the trained length: as much text as was asked for, of known characters only."""
    (text,) = run.predict(request(["The "], length=10_000), signature="generate")["text"]
    assert len(text) == 10_004
    assert set(text[4:]) <= set(run.task.outputs.tokens[2:])
