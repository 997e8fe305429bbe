"""The page of a run: one file, whose figures are those of what the run keeps."""

import re
from html import unescape

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import accuracy_score, log_loss

from src.analysis import plots, predictions
from src.analysis.intervals import wilson
from src.analysis.sections import SHOWN
from src.reports.examples import ERRORS, read_examples
from src.reports.numbers import number as shown_number
from src.reports.pictures import data_url, svg
from src.runs.run import load_run
from src.train import train

NAMES = np.array(["猫", "<script>alert(1)</script>", "$a$ & b"])


@pytest.fixture(scope="module")
def data():
    random = np.random.default_rng(0)
    label = np.arange(300) % 3
    return random.normal(size=(300, 3)).astype("float32") + 2 * np.eye(3)[label], NAMES[label]


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    return train("mlp", data=data, epochs=4, verbose=False, export=False, tensorboard=False, runs_dir=folder)


@pytest.fixture(scope="module")
def page(run):
    return (run.path / "report.html").read_text(encoding="utf-8")


def test_kept_predictions_give_the_figures_of_the_run(run):
    kept = predictions.load(run.path)
    assert (kept.split, len(kept)) == ("test", run.manifest["splits"]["test"]["examples"])
    logits = kept["logits"].astype(float)
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    test = run.metrics["test"]
    assert accuracy_score(kept["label"], logits.argmax(axis=1)) == pytest.approx(test["accuracy"])
    assert log_loss(kept["label"], probabilities) == pytest.approx(test["log_loss"], rel=1e-4)


def test_the_verdict_has_the_interval_of_the_kept_predictions(run, page):
    kept = predictions.load(run.path)
    right = kept["logits"].argmax(axis=1) == kept["label"]
    low, high = wilson(right.sum(), len(right))
    text = unescape(re.search(r'class="verdict">(.*?)</p>', page)[1])
    value, low, high = map(shown_number, (right.mean(), low, high))
    assert f"accuracy is {value} (95% interval {low} to {high})" in text
    assert f"the baseline, {run.metrics['baseline']['predictor']}, has " in text


def test_the_page_needs_no_other_file_and_runs_no_name(page):
    assert not re.findall(r'(?:src|href)="(?!data:|#)|url\((?!#)|@import', page)
    assert "<script>alert" not in page and "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "猫" in page and "$a$ &amp; b" in page
    assert len(page) < 1_000_000


def test_its_examples_are_those_of_the_split(run, data):
    shown = read_examples(run.path / "figures" / ERRORS)
    assert not any(example.name for example in shown.values()), "arrays have no names"
    kept = predictions.load(run.path)
    wrong = np.flatnonzero(kept["logits"].argmax(axis=1) != kept["label"])
    assert set(wrong[:SHOWN]) <= shown.keys() if len(wrong) <= SHOWN else len(shown) >= SHOWN
    answers = np.array(run.config["outputs"]["names"])[kept["logits"].argmax(axis=1)]
    for number, example in shown.items():
        if example.content is None:  # of a table
            continue
        values = np.array(example.content.strip("[]").split(), float)
        row = np.abs(data[0] - values).max(axis=1).argmin()
        assert np.allclose(data[0][row], values, atol=1e-3), "as it was given"
        assert run.predict(data[0][row : row + 1])["label"][0] == answers[number], "and not another one"


def test_it_says_what_each_column_counts(page):
    text = page[page.index("<h2>What counts</h2>") :]
    assert all(f"<td>vector[{column}]</td>" in text for column in range(3))
    assert "validation examples, gets when a column&#39;s values are shuffled" in text


def test_it_says_what_it_took_and_how_to_repeat_it(run, page):
    assert "of processor time" in page and "config.json" in page
    epochs = page.index("<code>epochs</code>")
    assert epochs < page.index("Other knobs") < page.index("<code>weight_decay</code>"), "chosen knobs come first"
    assert page.count('<ol class="stages">') == 1 and f"{load_run(run.path).model.count_params():,} parameters" in page


def test_a_large_picture_is_sent_smaller(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (900, 1500, 3)).astype("uint8")
    Image.fromarray(noise).save(tmp_path / "large.png")
    Image.fromarray(noise[:8, :8]).save(tmp_path / "small.png")
    url = data_url(tmp_path / "large.png")
    assert url.startswith("data:image/jpeg;") and len(url) < (tmp_path / "large.png").stat().st_size / 4
    assert data_url(tmp_path / "small.png").startswith("data:image/png;")


def test_points_of_a_plot_say_their_name_as_text():
    with plots.in_ink():
        figure, axes = plots.panel()
        plots.name_points(axes, [1, 2], [3, float("nan")], ['<b> & "c"', "nowhere"])
        plots.name_points(axes, [], [], [])
        plots.name_points(axes, [1], [1], ["alone"])
        line, many = plots.panel(), np.arange(1000)
        plots.name_points(line[1], many, many, [f"step {number}" for number in many])
        page, long_page = svg(figure), svg(line[0])
    assert re.findall(r'<circle class="named" [^>]*><title>(.*?)</title>', page) == ['&lt;b&gt; &amp; "c"', "alone"]
    assert "<a " not in page and long_page.count("<title>") == plots.MOST_NAMED
    assert "<title>step 0<" in long_page and "<title>step 999<" in long_page
