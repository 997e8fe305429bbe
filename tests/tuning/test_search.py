"""The whole search: on an engine that trains nothing, and, as a user starts it, in processes of its own."""

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from src.errors import UsageError, UserError
from src.settings import catalogue, config
from src.specs import Choice, Range
from tests.tuning.samples import CHOICES, DATA, DROPOUT, MODEL, TUNERS, Engine, best, saved, starts
from tuning.results import Failure
from tuning.search import tune


@pytest.mark.parametrize(
    ("own", "problem"),
    [
        ({"trials": "5"}, r"trials takes an integer or None, not '5' \(tuning/search.py:\d+\)"),
        ({"trials": 0}, "trials has to be 1 or more, not 0"),
        ({"tuner": "bayes"}, "tuner takes one of 'random', 'grid', 'bayesian', 'hyperband', not 'bayes'"),
        ({"space": "batch"}, "space takes a list of strings, not 'batch'"),
        ({"workers": 1.5}, "workers takes an integer, not 1.5"),
        ({"minutes": 0}, "minutes has to be above 0"),
        ({"goal": "best"}, "goal takes a finite number or None"),
        ({"seeds": -1}, "seeds has to be 0 or more"),
        ({"export": True}, "export has no effect in a search"),
        ({"tuner": "grid", "space": ["batch=1,2"], "batch": 3}, "leave one out"),
    ],
    ids=str,
)
def test_a_wrong_value_is_refused_in_a_sentence(own, problem):
    with pytest.raises(UsageError, match=problem):
        tune(MODEL, data=DATA, **own)


def test_a_name_that_leads_out_of_the_folder_is_refused():
    with pytest.raises(UserError, match="can't name a folder"):
        tune(MODEL, data=DATA, name="../mine")


def test_however_a_trial_ends_the_search_goes_on(searched, folder):
    results = searched("grid", {"dropout": Choice(0.1, 0.2, 0.3, 0.4, 0.5)})
    assert [result.trial.id for result in results.ranking] == ["0004", "0000", "default"]
    reasons = {failure.trial.values["dropout"]: failure.reason for failure in results.failures}
    assert reasons[0.2].startswith("killed by signal 9")
    assert reasons[0.3].startswith("RuntimeError: broken")
    assert reasons[0.4] == "it doesn't fit"
    assert starts(folder.path) == {"check": 1, "default": 1, "0000": 1, "0001": 3, "0002": 1, "0003": 1, "0004": 1}
    assert best(folder.path)["dropout"] == 0.5
    page = (folder.path / "report.html").read_text()
    assert "3 failed" in page
    assert "it doesn&#39;t fit" in page


def test_only_where_every_trial_fails_the_search_does(searched, folder):
    with pytest.raises(UserError, match="Every trial failed; the first one: it doesn't fit"):
        searched("grid", {"dropout": Choice(0.3, 0.4)}, engine=Engine(1, {"default": "fails"}))
    assert {name: "reason" in result for name, result in saved(folder.path).items()} == {
        "check": False, "default": True, "0000": True, "0001": True,
    }  # fmt: skip
    assert not (folder.path / "best.json").exists()


@pytest.mark.parametrize(
    ("end", "reason"), [("fails", "it doesn't fit"), ("dies", "RuntimeError: broken"), ("killed", "killed by signal 9")]
)
def test_a_check_that_fails_is_told_before_anything_is_tried(searched, folder, end, reason):
    with pytest.raises(UserError, match=f"default configuration failed: {reason}"):
        searched("grid", DROPOUT, engine=Engine(1, {"check": end}))
    assert not list(folder.path.glob("trials/0*"))


@pytest.mark.parametrize(("limit", "count"), [({"goal": 0.5}, 1), ({"minutes": 1e-9}, 1), ({"goal": 0.55}, 3), ({}, 4)])
def test_a_search_ends_at_its_limits(searched, limit, count):
    space = {"dropout": Choice(0.1, 0.5, 0.6)}
    assert len(searched("grid", space, **limit).ended) == count
    assert len(searched("grid", space).ended) == 4, "it goes on without them"


def test_several_workers_run_as_many_trials_at_a_time(searched, folder):
    engine = Engine(3)
    results = searched("random", {"dropout": Range(0.0, 0.19)}, trials=7, engine=engine)
    assert 1 < engine.most <= 3
    assert len(results.ended) == 1 + 7
    assert set(starts(folder.path).values()) == {1}


def test_hyperband_goes_on_with_the_same_run(searched):
    results = searched("hyperband", {"dropout": Range(0.0, 0.19)}, engine=Engine(2))
    promoted = [result for result in results.ended.values() if result.trial.parent]
    assert promoted
    for result in promoted:
        before = results.ended[result.trial.parent]
        assert result.runs == before.runs
        assert result.epochs > before.epochs
    assert len(results.ranking) == len(results.ended) - len(promoted)


def test_where_a_whole_rung_of_hyperband_fails_the_search_goes_on(searched):
    results = searched("hyperband", {"dropout": Choice(0.4), "batch": Range(8, 64)}, trials=11)
    parents = [results.ended[failure.trial.parent] for failure in results.failures if failure.trial.parent]
    assert parents
    assert all(isinstance(parent, Failure) for parent in parents)
    assert [result.trial.id for result in results.ranking] == ["default"]


def test_a_search_under_an_old_name_goes_on_or_is_refused(searched, folder):
    before = searched("random", DROPOUT, trials=1)
    again = searched("random", DROPOUT, trials=2)
    assert before.ended.items() <= again.ended.items()
    assert set(starts(folder.path).values()) == {1}
    with pytest.raises(UserError, match=r"another search: space, dropout was 0\.1,0\.5 and is 0\.1,0\.6 now"):
        searched("random", {"dropout": Choice(0.1, 0.6)}, trials=1)


SHORT = {"data": DATA, "epochs": 2, "limit": 60, "verbose": False, "seeds": 0}


def test_a_search_from_its_first_step_to_its_best_configuration(tmp_path, capsys):
    default = config.resolve(MODEL, {"data": DATA}).values
    fixed = {name: default[name] for name in CHOICES.model.space}
    knobs = {**SHORT, **fixed, "tuner": "grid", "space": ("learning_rate=1e-2,-1",), "keep": 1}
    winner = tune(MODEL, **knobs, runs_dir=str(tmp_path))
    (search,) = tmp_path.iterdir()
    results = saved(search)
    assert set(results) == {"check", "default", "0000", "0001"}
    assert "learning_rate has to be above 0" in results["0001"]["reason"]
    assert [path.parent.name.split("-")[-1] for path in search.glob("runs/*/model.keras")] in (["default"], ["0000"])
    assert not [log for log in search.glob("trials/*/log.txt") if "Fatal" in log.read_text()]
    assert not [path for path in search.glob("runs/*/metrics.json") if "test" in json.loads(path.read_text())]
    settings = config.resolve(MODEL, {"config": str(search / "best.json")})
    assert {name: settings.values[name] for name in winner} == winner
    runs = sorted((search / "runs").iterdir())
    assert tune(MODEL, **{**knobs, "verbose": True}, runs_dir=str(tmp_path)) == winner
    assert capsys.readouterr().out.endswith(f'make train MODEL={MODEL} ARGS="--config {search}/best.json"\n')
    assert sorted((search / "runs").iterdir()) == runs
    with pytest.raises(UserError, match=r"another search: knobs, seed was 0 and is 1 now.*--name"):
        tune(MODEL, **knobs, runs_dir=str(tmp_path), seed=1)


def test_a_default_that_can_not_be_trained_ends_the_search_at_once(tmp_path):
    with pytest.raises(UserError, match=r"default configuration failed: .*learning_rate has to be above 0"):
        tune(MODEL, **SHORT, trials=1, learning_rate=-1.0, runs_dir=str(tmp_path))
    assert not list(tmp_path.iterdir()), "nothing is left of it"


@pytest.mark.long
def test_ctrl_c_ends_the_trial_and_says_what_is_known(tmp_path):
    runs = tmp_path / "runs"
    runs.mkdir()
    process = command(runs, "random", 1)
    while not (known := list(runs.glob("tune-*/trials/default/result.json"))):
        assert process.poll() is None, runs.with_suffix(".log").read_text()
        time.sleep(0.1)
    trials = children(process)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    log = runs.with_suffix(".log").read_text()
    search = known[0].parents[2]
    assert f"stopped; the same command resumes {search}" in log
    assert "0 of 6 trials" in log or "1 of 6 trials" in log, log
    for file in search.glob("trials/*/log.txt"):
        assert "Fatal" not in file.read_text()
    assert (search / "report.html").exists()
    assert not [number for number in trials if lives(number)]


@pytest.mark.long
@pytest.mark.skipif(not shutil.which("pgrep"), reason="pgrep isn't installed")
@pytest.mark.parametrize("tuner", TUNERS)
def test_killed_at_random_it_goes_on(tmp_path, tuner):
    """The search, one of its trials, or both: no trial is lost, run twice, or goes on alone."""
    chance, folder, workers = random.Random(tuner), tmp_path / "runs", 1 + TUNERS.index(tuner) % 2
    folder.mkdir()
    for kill in ("search", "trial", "both", "search", "trial"):
        process = command(folder, tuner, workers)
        time.sleep(chance.uniform(4, 20))
        trials = children(process)
        doomed = trials[:1] if kill == "trial" else [process.pid] + (trials if kill == "both" else [])
        for number in doomed:
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        if kill == "trial":
            process.send_signal(signal.SIGTERM)
        process.wait(90)
        ends = time.monotonic() + 30  # one that imports TensorFlow hears of it when that is done
        while (alive := [number for number in trials if lives(number)]) and time.monotonic() < ends:
            time.sleep(0.1)
        assert not alive, "a trial goes on without its search"
    assert command(folder, tuner, workers).wait() == 0, folder.with_suffix(".log").read_text()
    (search,) = folder.iterdir()
    events = [json.loads(line) for line in (search / "journal.jsonl").read_text().splitlines()]
    told = [event["id"] for event in events if "tell" in event]
    assert len(told) == len(set(told)) == 6
    results = saved(search)
    assert set(told) | {"default", "check"} == set(results)
    assert not [result["reason"] for result in results.values() if "reason" in result]
    runs = [path.parent.name.rsplit("-", 1)[1] for path in (search / "runs").glob("*/config.json")]
    assert len(runs) == len(set(runs)), "no trial has two runs"


@pytest.mark.long
def test_from_a_file_of_knobs_to_a_served_winner(tmp_path):
    """Two trials at a time, winner and default tested with other seeds, the winner trained once more and exported."""
    (tmp_path / "space.toml").write_text(
        'optimizer = ["adam", "sgd"]\nmomentum = {low = 0.8, high = 0.9, when = {optimizer = "sgd"}}\n'
        'batch = {values = [8, 16], where = "batch < 32"}\n'
    )
    runs, exports = tmp_path / "runs", tmp_path / "saved_models"
    words = ["--space", str(tmp_path / "space.toml"), "--trials", "2", "--workers", "2", "--epochs", "3"]
    words += ["--seeds", "2", "--folds", "2", "--retrain", "--runs-dir", str(runs), "--exports-dir", str(exports)]
    command = [sys.executable, "-m", "src", "tune", MODEL, "--data", DATA, *words]
    done = subprocess.run(command, cwd=catalogue.ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (search,) = runs.glob("tune-*")
    for name, result in saved(search).items():
        knobs = json.loads((search / "trials" / name / "trial.json").read_text())["knobs"]
        assert "momentum" not in knobs or knobs["optimizer"] == "sgd"
        assert len(result["runs"]) == (1 if name == "check" or "seed" in name else 2), "one a fold"
    comparison = json.loads((search / "comparison.json").read_text())
    assert len(comparison["default"]) == 2
    tested = [path for path in search.glob("runs/*/metrics.json") if "test" in json.loads(path.read_text())]
    assert len(tested) == sum(len(each) for each in comparison.values() if isinstance(each, list))
    (run,) = runs.glob(f"{MODEL}-{DATA}-*")
    assert set(json.loads((run / "manifest.json").read_text())["splits"]) == {"train", "validation", "test"}
    assert list(exports.glob("*/1/saved_model.pb"))
    for line in ("rank 1", "on test, 2 seeds: default", "best    ", "report  ", "verified in a clean process"):
        assert line in done.stdout


def command(folder, tuner, workers):
    """A search as a user starts it, in a process of its own."""
    words = ["tune", MODEL, "--data", DATA, "--tuner", tuner, "--trials", "6", "--epochs", "4", "--limit", "60"]
    words += ["--workers", str(workers), "--grid-points", "2", "--save-every", "0", "--seeds", "0"]
    words += ["--runs-dir", str(folder)]
    with open(folder.with_suffix(".log"), "ab") as log:
        return subprocess.Popen([sys.executable, "-m", "src", *words], cwd=catalogue.ROOT, stdout=log, stderr=log)


def children(process):
    """The trials of a search, by process."""
    numbers = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True).stdout.split()
    return [int(number) for number in numbers]


def lives(process):
    """Whether it runs; what nobody has asked after is dead, too."""
    try:
        return bool(Path(f"/proc/{process}/cmdline").read_bytes())
    except OSError:
        return False
