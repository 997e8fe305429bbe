"""The search for knobs: its space, what the oracles ask for, and that it goes on after any end."""

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

from src import catalogue, config
from src.errors import UsageError, UserError
from src.specs import Choice, Range
from tests.samples import PAIRS
from tuning.folder import Folder
from tuning.oracle import Oracle
from tuning.space import allowed, points, size, space_of

TUNERS = ("random", "grid", "bayesian", "hyperband")
SPACE = {"width": Choice((8,), (8, 8)), "rate": Range(1e-4, 1e-1, log=True), "depth": Range(1, 4)}
GRID = {name: points(values, 3, name == "depth") for name, values in SPACE.items()}
TRIALS = {"grid": None, "hyperband": None, "random": 12, "bayesian": 12}


def score(trial):
    """A figure that follows from the knobs alone: some of them fail."""
    if trial.values["depth"] == 3:
        return None
    return trial.values["rate"] * len(trial.values["width"]) + trial.values["depth"] + (trial.epochs or 0) / 10


def oracle(kind, journal, **changes):
    space = changes.pop("space", GRID if kind == "grid" else SPACE)
    return Oracle(kind, space, {}, changes.pop("trials", TRIALS[kind]), 9, "max", changes.pop("seed", 0), journal)


def search(make, slots, chance=None):
    """Runs a search; with `chance`, its process dies now and then, between any two of its steps."""
    found, run = make(), []
    while True:
        if chance and chance.random() < 0.2:
            found = make()
        for slot in range(slots):
            if slot not in found.open and not found.finished:
                found.ask(slot)
        if not found.open:
            return found.told, run
        slot = min(found.open) if not chance else chance.choice(sorted(found.open))
        if chance and chance.random() < 0.2:
            found = make()
        run.append(found.open[slot].id)
        found.tell(slot, what := score(found.open[slot]), "" if what is not None else "it fails")


@pytest.mark.parametrize("kind", TUNERS)
@pytest.mark.parametrize("slots", [1, pytest.param(2, marks=pytest.mark.long)])
def test_a_search_that_dies_goes_on_where_it_was(tmp_path, kind, slots):
    for seed in range(2):
        chance = random.Random(seed)
        told, run = search(lambda n=seed: oracle(kind, tmp_path / f"{n}.jsonl"), slots, chance)
        assert sorted(run) == sorted(told), "none is run twice, and none lost"
        if slots == 1:
            whole, _ = search(lambda n=seed: oracle(kind, tmp_path / f"{n}-whole.jsonl"), slots)
            assert told == whole


@pytest.mark.parametrize("kind", TUNERS)
def test_it_asks_for_what_is_in_the_space(tmp_path, kind):
    told, _ = search(lambda: oracle(kind, tmp_path / "journal"), 1)
    assert len(told) == TRIALS[kind] or kind in ("grid", "hyperband")
    for trial, found, reason in told.values():
        assert trial.values["width"] in ((8,), (8, 8))
        assert 1e-4 <= trial.values["rate"] <= 1e-1
        assert trial.values["depth"] in range(1, 5)
        assert (found, bool(reason)) == (score(trial), found is None)


def test_a_grid_is_every_point_once(tmp_path):
    told, _ = search(lambda: oracle("grid", tmp_path / "journal"), 1)
    found = [json.dumps(trial.values, sort_keys=True) for trial, *_ in told.values()]
    assert len(found) == len(set(found)) == size(GRID, {}) == 2 * 3 * 3


def test_hyperband_goes_on_with_the_best_of_each_rung(tmp_path):
    told, _ = search(lambda: oracle("hyperband", tmp_path / "journal"), 1)
    promoted = [trial for trial, *_ in told.values() if trial.parent]
    assert promoted
    for trial in promoted:
        parent, before, _ = told[trial.parent]
        assert parent.values == trial.values
        assert parent.epochs < trial.epochs
        assert before is not None or trial.values["depth"] == 3
    assert {trial.epochs for trial, *_ in told.values()} == {1, 3, 9}


def test_more_trials_go_on_with_a_search_that_ended(tmp_path):
    few, _ = search(lambda: oracle("random", tmp_path / "journal", trials=5), 1)
    more, _ = search(lambda: oracle("random", tmp_path / "journal", trials=9), 1)
    assert len(few) == 5
    assert len(more) == 9
    assert few.items() <= more.items()


def test_what_a_kill_left_of_a_line_is_cut_off(tmp_path):
    journal = tmp_path / "journal"
    whole, _ = search(lambda: oracle("random", journal), 1)
    content = journal.read_bytes()
    for length in range(0, len(content), 97):
        journal.write_bytes(content[:length])
        again, _ = search(lambda: oracle("random", journal), 1)
        assert again == whole


def test_another_seed_does_not_go_on(tmp_path):
    search(lambda: oracle("random", tmp_path / "journal"), 1)
    with pytest.raises(UserError, match="journal:1: the search can't go on"):
        oracle("random", tmp_path / "journal", seed=1)


def test_a_knob_that_depends_on_another_one(tmp_path):
    space = {
        "momentum": Range(0.5, 0.9, when={"optimizer": ("sgd", "rmsprop")}),
        "optimizer": Choice("adam", "sgd", "rmsprop"),
    }
    told, _ = search_of(tmp_path, "random", space, 12)
    assert {"momentum" in trial.values for trial, *_ in told.values()} == {True, False}
    for trial, *_ in told.values():
        assert ("momentum" in trial.values) == (trial.values["optimizer"] != "adam")
    grid = {name: points(values, 3, False) for name, values in space.items()}
    told, _ = search_of(tmp_path, "grid", grid, None)
    assert len(told) == size(grid, {}) == 1 + 3 + 3


def test_a_rule_between_knobs(tmp_path):
    space = {"width": Choice(4, 6, 8), "heads": Choice(1, 2, 3, 4, where="width % heads == 0")}
    for kind in ("random", "grid", "bayesian"):
        told, _ = search_of(tmp_path, kind, space, 9)
        assert 3 < len(told) <= 9
        assert all(trial.values["width"] % trial.values["heads"] == 0 for trial, *_ in told.values())
    assert size(space, {}) == 3 + 3 + 3
    assert allowed(space, {"width": 6, "heads": 4}) == "width % heads == 0"


def search_of(tmp_path, kind, space, trials):
    """The trials of a search in which each is as good as any."""
    found = Oracle(kind, space, {}, trials, 9, "max", 0, tmp_path / f"{kind}-{len(list(tmp_path.iterdir()))}")
    while trial := found.ask(0):
        found.tell(0, float(len(trial.values)))
    return found.told, found


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (Range(0.0, 1.0), (0.0, 0.5, 1.0)),
        (Range(1e-4, 1e-2, log=True), (1e-4, 1e-3, 1e-2)),
        (Range(0.0, 1.0, step=0.25), (0.0, 0.25, 0.5, 0.75, 1.0)),
        (Choice("a", "b"), ("a", "b")),
    ],
    ids=str,
)
def test_points_of_a_grid(values, expected):
    assert points(values, 3, False).values == pytest.approx(expected) or points(values, 3, False).values == expected


def test_points_of_whole_numbers():
    assert points(Range(1, 4), 3, True).values == (1, 2, 4)
    assert points(Range(1, 2), 5, True).values == (1, 2)


MODEL, DATA = next((pair for pair in PAIRS if pair[0] == "mlp"), PAIRS[0])


def space(*said, given=()):
    settings = config.resolve(MODEL, {"data": DATA})
    return space_of(settings.choices, settings.values, given, said)


def test_the_space_is_the_models_the_usual_one_and_what_is_said(tmp_path):
    settings = config.resolve(MODEL, {"data": DATA})
    assert set(space()) == {"learning_rate", *settings.choices.model.space}
    assert "learning_rate" not in space(given=["learning_rate"])
    assert space("batch=32,64")["batch"] == Choice(32, 64)
    assert space("learning-rate=1e-3:1e-2:log")["learning_rate"] == Range(1e-3, 1e-2, True)
    assert space("epochs=2:8:2")["epochs"] == Range(2, 8, step=2)
    assert isinstance(space("weight_decay")["weight_decay"], Range)
    file = tmp_path / "space.toml"
    file.write_text('batch = [8, 16]\nmomentum = {low = 0.5, high = 0.9, when = {optimizer = "sgd"}}\n')
    assert space(str(file))["batch"] == Choice(8, 16)
    assert "momentum" not in space(str(file)), "the optimiser is another one, and isn't searched"
    assert space(str(file), "optimizer=sgd,adam")["momentum"] == Range(0.5, 0.9, when={"optimizer": ("sgd",)})


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ("bacth=1,2", "Did you mean 'batch'"),
        ("batch=", "no value to choose"),
        ("batch=64:32", "the lower end comes first"),
        ("batch=a,b", "batch takes"),
        ("learning_rate=0:1:log", "log scale"),
        ("learning_rate=1:b", "LOW:HIGH"),
        ("optimizer=1:2", "a range needs a number"),
        ("patience", "no space of its own"),
        ("gone.toml", "Can't read the space gone.toml"),
    ],
)
def test_a_wrong_space_is_refused_by_name(said, named):
    with pytest.raises(UsageError, match=named):
        space(said)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("batch = 3", "has to be a list"),
        ("batch = {low = 1}", "has to be a list"),
        ("batch = {low = 1, high = 2, hihg = 3}", "has to be a list"),
        ("batch = [1, 2", "isn't TOML"),
        ('batch = {values = [1, 2], where = "__import__(1)"}', "has to compare knobs"),
        ('batch = {values = [1, 2], where = "bacth > 1"}', "no knob: bacth"),
        ('batch = {values = [1, 2], when = {optimiser = "sgd"}}', "optimiser"),
    ],
)
def test_a_wrong_file_is_refused_by_name(tmp_path, text, named):
    (tmp_path / "space.toml").write_text(text)
    with pytest.raises(UsageError, match=named):
        space(str(tmp_path / "space.toml"))


def test_a_knob_can_not_be_given_and_searched():
    with pytest.raises(UsageError, match="leave one out"):
        space("batch=1,2", given=["batch"])


SHORT = {"data": DATA, "epochs": 2, "limit": 60, "verbose": False, "seeds": 0}


def tuned(folder, **changes):
    from tuning.search import tune

    return tune(MODEL, **{**SHORT, "trials": 1, "runs_dir": str(folder), **changes})


def results(search):
    return {path.parent.name: json.loads(path.read_text()) for path in search.glob("trials/*/result.json")}


def test_a_search_from_its_first_step_to_its_best_configuration(tmp_path):
    model = config.resolve(MODEL, {"data": DATA})
    fixed = {name: model.values[name] for name in model.choices.model.space}
    knobs = {**fixed, "tuner": "grid", "trials": None, "space": ("learning_rate=1e-2,-1",), "keep": 1}
    best = tuned(tmp_path, **knobs)
    (search,) = tmp_path.iterdir()
    found = results(search)
    assert set(found) == {"check", "default", "0000", "0001"}
    assert "learning_rate has to be above 0" in found["0001"]["reason"]
    assert len(list(search.glob("runs/*/model.keras"))) == 2, "that of the check, and of the best"
    assert not any("test" in json.loads(path.read_text()) for path in search.glob("runs/*/metrics.json"))
    settings = config.resolve(MODEL, {"config": str(search / "best.json")})
    assert {name: settings.values[name] for name in best} == best
    before = sorted((search / "runs").iterdir())
    assert tuned(tmp_path, **knobs) == best
    assert sorted((search / "runs").iterdir()) == before
    with pytest.raises(UserError, match=r"another search: knobs, seed was 0 and is 1 now.*--name"):
        tuned(tmp_path, **knobs, seed=1)


def test_a_default_that_can_not_be_trained_ends_the_search_at_once(tmp_path):
    with pytest.raises(UserError, match=r"without any search failed: .*learning_rate has to be above 0"):
        tuned(tmp_path, learning_rate=-1.0)
    assert not list(tmp_path.glob("*/search.json"))


def command(folder, tuner, workers):
    """A search as a user starts it, in a process of its own."""
    words = ["tune", MODEL, "--data", DATA, "--tuner", tuner, "--trials", "6", "--epochs", "4", "--limit", "60"]
    words += [
        "--workers",
        str(workers),
        "--grid-points",
        "2",
        "--runs-dir",
        str(folder),
        "--save-every",
        "0",
        "--seeds",
        "0",
    ]
    with open(folder.with_suffix(".log"), "ab") as log:
        return subprocess.Popen([sys.executable, "-m", "src", *words], cwd=catalogue.ROOT, stdout=log, stderr=log)


def children(process):
    """The trials of a search, by process."""
    found = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True).stdout.split()
    return [int(number) for number in found]


def lives(process):
    """Whether it runs; what nobody has asked after is dead, too."""
    try:
        return bool(Path(f"/proc/{process}/cmdline").read_bytes())
    except OSError:
        return False


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
    found = results(search)
    assert set(told) | {"default", "check"} == set(found)
    assert not [result["reason"] for result in found.values() if "reason" in result]
    runs = [path.parent.name.rsplit("-", 1)[1] for path in (search / "runs").glob("*/config.json")]
    assert len(runs) == len(set(runs)), "no trial has two runs"


def test_only_the_best_runs_and_those_that_may_go_on_keep_their_weights(tmp_path):
    results = [
        {"runs": [f"run-{number}"], "score": 1 - number / 20, "epochs": epochs, "paused": paused}
        for number, (epochs, paused) in enumerate([(9, False)] * 3 + [(3, True)] * 9)
    ]
    results.append({"runs": ["run-11"], "score": 0.1, "epochs": 1, "paused": True})  # as it was, two rungs ago
    results.append({"reason": "it fails"})
    for result in results:
        for run in result.get("runs", ()):
            (tmp_path / "runs" / run / "state").mkdir(parents=True, exist_ok=True)
            (tmp_path / "runs" / run / "history.csv").touch()
    Folder(tmp_path, None).tidy(results, 1, ["run-10"])
    kept = sorted(path.parent.name for path in tmp_path.glob("runs/*/state"))
    assert kept == ["run-0", "run-10", "run-3", "run-4", "run-5"]
    assert len(list(tmp_path.glob("runs/*/history.csv"))) == 12
