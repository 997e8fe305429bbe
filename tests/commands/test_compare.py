"""Compare through the command line and from Python: the table, the CSV file, the page, and what is refused."""

import csv
import json
import re
import shutil

import numpy as np
import pytest
from scipy.stats import binomtest

from src.analysis.intervals import wilson
from src.cli import main
from src.commands.compare import compare
from src.errors import UserError
from src.reports.numbers import number
from src.settings import catalogue
from src.train import train
from tests.conftest import BARE
from tests.samples import PAIRS, short

NAMES = np.array(["猫", "<script>alert(1)</script>", "$a$ & b"])


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with runs on the same data, which differ in the rate, or in nothing; and one on fewer examples."""
    folder = tmp_path_factory.mktemp("runs")
    random, label = np.random.default_rng(0), np.arange(300) % 3
    data = random.normal(size=(300, 3)).astype("float32") + 2 * np.eye(3)[label], NAMES[label]
    given = {"data": data, "epochs": 4, **BARE, "runs_dir": folder}
    slow = train("mlp", **given, learning_rate=1e-6, tag="slow").path
    train("mlp", **given, learning_rate=0.02, tag="fast")
    again, few = (shutil.copytree(slow, folder / f"mlp-arrays-{tag}") for tag in ("again", "few"))
    change(again / "config.json", lambda config: config["knobs"].update(tag="again"))
    change(few / "config.json", lambda config: config["knobs"].update(limit=30))
    change(few / "manifest.json", lambda manifest: manifest["splits"]["test"].update(sha256="other"))
    return folder


def change(file, how):
    """Changes the content of a file of JSON."""
    content = json.loads(file.read_text(encoding="utf-8"))
    how(content)
    file.write_text(json.dumps(content), encoding="utf-8")


def run(folder, tag):
    (path,) = folder.glob(f"*-{tag}")
    return path


def right(path):
    kept = np.load(path / "predictions.npz")
    return kept["logits"].argmax(axis=1) == kept["label"]


def test_two_runs_are_compared_by_a_test_on_the_same_examples(trained, tmp_path, capsys):
    paths = [run(trained, "slow"), run(trained, "fast")]
    page = tmp_path / "page.html"
    assert main(["compare", *map(str, paths), "--output", str(page)]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    first, other = map(right, paths)
    p = binomtest(int((other & ~first).sum()), int((other != first).sum())).pvalue
    assert p < 0.05 and f"{paths[1].name} is better than {paths[0].name}: accuracy" in shown
    assert f"McNemar's exact test on {len(first)} test examples" in shown and "not about other seeds" in shown
    assert "learning_rate=1e-06" in shown and "learning_rate=0.02" in shown
    losses = [number(json.loads((path / "metrics.json").read_text())["test"]["log_loss"]) for path in paths]
    assert "log loss" in shown and all(loss in shown for loss in losses), "the figure that chose the epoch"
    with open(tmp_path / "page.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["run"] for row in rows] == list(map(str, paths)) and [float(row["learning_rate"]) for row in rows] == [
        1e-6,
        0.02,
    ]
    assert float(rows[1]["p value"]) == pytest.approx(p) and rows[0]["p value"] == ""
    assert float(rows[1]["test accuracy"]) == pytest.approx(other.mean())
    assert float(rows[1]["test accuracy low"]) == pytest.approx(wilson(other.sum(), len(other))[0])
    assert float(rows[1]["difference to the first"]) == pytest.approx(other.mean() - first.mean(), abs=1e-6)


def test_the_page_is_one_file_and_shows_where_the_runs_differ(trained, tmp_path):
    paths = [run(trained, "slow"), run(trained, "fast")]
    compare(paths, output=tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert not re.findall(r'(?:src|href)="(?!data:|#)|url\((?!#)|@import', page)
    assert "<script>alert" not in page and "&lt;script&gt;alert(1)&lt;/script&gt;" in page and "$a$ &amp; b" in page
    first, other = map(right, paths)
    assert f"Run 2 is right, run 1 wrong ({(other & ~first).sum()})" in page
    assert all(path.name in page for path in paths) and "log_loss on validation" in page
    assert page.index("<th>learning_rate</th>") < page.index("Knobs that don") < page.index("<code>batch</code>")


def test_runs_that_differ_by_nothing_are_said_to(trained, tmp_path):
    paths = [run(trained, "slow"), run(trained, "again")]
    rows = compare(paths, output=tmp_path / "page.html")
    assert rows[1]["p value"] == 1 and "learning_rate" not in rows[0]
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "score the same on each example" in page and "They differ in no knob." in page


def test_runs_that_differ_in_the_seed_show_what_chance_does(trained, tmp_path, capsys):
    other = shutil.copytree(run(trained, "slow"), tmp_path / "other")
    change(other / "config.json", lambda config: config["knobs"].update(seed=1))
    compare([run(trained, "slow"), other], output=tmp_path / "page.html", verbose=True)
    assert "They differ in the seed alone" in capsys.readouterr().out


def test_of_a_data_set_those_that_fit_the_newest_are_compared(trained, tmp_path, capsys):
    folder = tmp_path / "runs"
    shutil.copytree(trained, folder)
    change(run(folder, "fast") / "config.json", lambda config: config.update(started="2999-01-01T00:00:00+00:00"))
    (run(folder, "again") / "metrics.json").unlink()
    assert main(["compare", "--data", "arrays", "--runs-dir", str(folder)]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert re.search(
        r"Left out: \S+-few: it was measured on other test examples; train both with the same limit", shown
    )
    assert f"{run(folder, 'fast').name} is better than {run(folder, 'slow').name}" in shown, "the oldest is the first"
    assert (folder / "comparison.html").is_file() and (folder / "comparison.csv").is_file()
    with pytest.raises(UserError, match="has no finished run on wine; it takes two"):
        compare(data="wine", runs_dir=folder)


def test_a_run_without_predictions_has_its_figures(trained, tmp_path, capsys):
    old = shutil.copytree(run(trained, "fast"), tmp_path / "old")
    for name in ("predictions.npz", "cost.json"):
        (old / name).unlink()
    rows = compare([run(trained, "slow"), old], output=tmp_path / "page.html", verbose=True)
    assert rows[1]["p value"] is None and rows[1]["test accuracy"] > rows[0]["test accuracy"]
    assert f"Not tested: {old} has kept no predictions; evaluate(run, data=…) adds them." in " ".join(
        capsys.readouterr().out.split()
    )


def test_several_runs_are_each_compared_with_the_first(trained, tmp_path, capsys):
    paths = [run(trained, tag) for tag in ("slow", "fast", "again")]
    rows = compare(paths, output=tmp_path / "page.html", verbose=True)
    first, other = map(right, paths[:2])
    assert rows[1]["p value"] == pytest.approx(
        2 * binomtest(int((other & ~first).sum()), int((other != first).sum())).pvalue
    )
    shown = " ".join(capsys.readouterr().out.split())
    assert re.search(
        rf"better: {paths[1].name} .*; no clear difference: {paths[2].name} .* 2 comparisons by Holm", shown
    )
    assert "Where the runs differ most" in (tmp_path / "page.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ([], 'Name the runs, or their data set: make compare RUNS="runs/a runs/b"'),
        (["slow"], "A comparison needs two runs or more"),
        (["slow", "slow"], "-slow is named twice"),
        (["slow", "few"], "-few can't be compared with .*: .* other test examples; train both with the same limit"),
        (["slow", "."], "isn't a run: it has no config.json"),
        (["slow", "fast", "--output", "x.csv"], "x.csv has to end in .html"),
        (["slow", "fast", "--data", "arrays"], "Name the runs, or their data set"),
    ],
)
def test_what_cant_be_compared_is_told_in_one_line(trained, capsys, words, why):
    folders = {tag: str(run(trained, tag)) for tag in ("slow", "fast", "few")} | {".": str(trained)}
    assert main(["compare", *(folders.get(word, word) for word in words)]) in (1, 2)
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(why, line)


def test_one_run_from_python_is_no_comparison(trained):
    with pytest.raises(UserError, match="needs two runs or more"):
        compare(run(trained, "slow"))


def test_a_run_that_was_cut_off_is_refused(trained, tmp_path):
    cut_off = shutil.copytree(run(trained, "fast"), tmp_path / "cut")
    (cut_off / "metrics.json").unlink()
    with pytest.raises(UserError, match="cut was cut off"):
        compare([run(trained, "slow"), cut_off])


TASKS = short(
    [pytest.param(*pair, id="-".join(pair)) for pair in PAIRS],
    lambda model, data: {catalogue.tasks_of(catalogue.model(model), catalogue.dataset(data))[0].name},
)


@pytest.mark.long
@pytest.mark.parametrize(("model", "data"), [case for case in TASKS if not case.marks])
def test_runs_of_each_task_are_compared(short_run, tmp_path, model, data):
    """One that is the other but for what was predicted of a half, which is exchanged."""
    path = short_run(model, data).path
    other = shutil.copytree(path, tmp_path / "other")
    if (file := other / "predictions.npz").is_file():
        kept = dict(np.load(file))
        for name, column in kept.items():
            if name in ("logits", "predicted", "loss", "bits", "both"):
                kept[name] = np.concatenate([column[: len(column) // 2], column[len(column) // 2 :][::-1]])
        if "true_box" in kept:  # after so few epochs nothing is found that could be exchanged
            half, most = len(kept["box"]) // 2, kept["true_box"].shape[1]
            for name, right in (("box", kept["true_box"]), ("label", kept["true_label"]), ("score", 1.0)):
                kept[name][:half, :most] = right if name == "score" else right[:half]
        np.savez(file, **kept)
    rows = compare([path, other], output=tmp_path / "page.html")
    assert len(rows) == 2 and (rows[1]["p value"] is not None) == file.is_file()
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "Examples on which they differ" in page if file.is_file() else "scored example by example" in page
