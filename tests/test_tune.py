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
import tensorflow as tf
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from src.errors import UsageError, UserError
from src.settings import catalogue, config
from src.specs import Choice, Range
from tests.samples import PAIRS
from tuning import page
from tuning.folder import Folder
from tuning.oracle import Oracle
from tuning.space import allowed, points, size, space_of
from tuning.trial import _show as show_to_tensorboard

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


@pytest.mark.parametrize("kind", ["random", "grid", "hyperband", pytest.param("bayesian", marks=pytest.mark.long)])
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


def test_another_seed_tries_other_configurations(tmp_path):
    found = [search(lambda n=seed: oracle("random", tmp_path / str(n), seed=n), 1)[0] for seed in range(4)]
    tried = [trial.values["rate"] for told in found for trial, *_ in told.values()]
    assert len(tried) == len(set(tried)) == 4 * TRIALS["random"]


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


def test_fewer_trials_than_there_are_is_the_end(tmp_path):
    told, _ = search(lambda: oracle("random", tmp_path / "journal", trials=5), 1)
    again, _ = search(lambda: oracle("random", tmp_path / "journal", trials=2), 1)
    assert again == told


@pytest.mark.parametrize("kind", ["random", "bayesian", "hyperband"])
def test_a_space_that_nothing_satisfies_is_refused(tmp_path, kind):
    with pytest.raises(UserError, match="none keeps the rules of the space: rate > 9"):
        oracle(kind, tmp_path / "journal", space={"rate": Range(0.0, 1.0, where="rate > 9")})


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
    text = 'batch = [8, 16]\nmomentum = {low = 0.5, high = 0.9, when = {optimizer = "sgd"}}\n'
    file.write_text(text, encoding="utf-8-sig")  # as Windows' editors write it
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
        ('batch = "32"', "has to be a list"),
        ('batch = {values = [32, 64], when = "adam"}', "when needs a table"),
        ('dropout = {low = 0.0, high = 0.3, step = "a"}', "a step is a number"),
        ("batch = {values = [32, 64], where = 5}", "where needs a text"),
        ('batch = {values = [1, 2], when = {optimizers = "sgd"}}', "Did you mean 'optimizer'"),
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
    knobs = {**fixed, "tuner": "grid", "trials": None, "space": ("learning_rate=1e-2,-1",), "keep": 1, "seeds": 1}
    best = tuned(tmp_path, **knobs)
    (search,) = tmp_path.iterdir()
    found = results(search)
    assert {"check", "default", "0000", "0001", "default-seed1"} <= set(found)
    assert "learning_rate has to be above 0" in found["0001"]["reason"]
    assert [path.parent.name.split("-")[-1] for path in search.glob("runs/*/model.keras")] in (["default"], ["0000"])
    assert not [log for log in search.glob("trials/*/log.txt") if "Fatal" in log.read_text()]
    tested = {path.parent.name for path in search.glob("runs/*/metrics.json") if "test" in json.loads(path.read_text())}
    assert tested == {run for name, result in found.items() if "seed" in name for run in result["runs"]}
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
    assert not list(tmp_path.iterdir()), "nothing is left of it"


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


SCRIPT = """
import json, os, sys
from pathlib import Path
folder, config = map(Path, sys.argv[1:3])
doomed, monitor, sign = json.loads(sys.argv[3]), sys.argv[4], int(sys.argv[5])
asked = json.loads((folder / "trial.json").read_text())
with open(folder / "starts", "a") as file:
    file.write("x")
ends = doomed.get(folder.name) or {0.2: "killed", 0.3: "dies", 0.4: "fails"}.get(asked["knobs"].get("dropout"))
if ends == "killed":
    os.kill(os.getpid(), 9)
if ends == "dies":
    (folder / "log.txt").write_text("Traceback …\\nRuntimeError: broken\\n\\nArguments received:\\n  • x=1\\n")
    sys.exit(1)
run = folder.parents[1] / "runs" / (asked["parents"] or [folder.name])[0]
run.mkdir(parents=True, exist_ok=True)
(run / "config.json").write_text(config.read_text())
score = sign * (0.5 + asked["knobs"].get("dropout", 0) / 10 + asked["pause"] / 1000)
(run / "metrics.json").write_text(json.dumps({"test": {monitor.removeprefix("val_"): score}}))
trained = {"score": score, "epochs": asked["pause"] or 9, "paused": bool(asked["pause"]), "runs": [run.name]}
what = {"reason": "it doesn't fit"} if ends == "fails" else trained
(folder / "half").write_text(json.dumps({**what, "seconds": 0.1}))
os.replace(folder / "half", folder / "result.json")
"""


TASK = catalogue.load(config.resolve(MODEL, {"data": DATA}).choices.task).Task
SIGN = 1 if TASK.direction == "max" else -1  # the larger the dropout, the better


class Engine:
    """Something else that runs trials, as Workers does: here without any training; `doomed` says how some end."""

    def __init__(self, count, config, doomed):
        self.count, self.config, self.doomed, self.most, self.running = count, config, doomed, 0, []

    def start(self, folder):
        words = [folder, self.config, json.dumps(self.doomed), TASK.monitor, str(SIGN)]
        process = subprocess.Popen([sys.executable, "-c", SCRIPT, *words])
        self.running = [other for other in self.running if other.poll() is None] + [process]
        self.most = max(self.most, len(self.running))
        return process


@pytest.fixture
def searched(tmp_path, short_run):
    """Runs a search on an Engine: from a tuner, a space and limits to the search."""
    from tuning.search import Search

    settings = config.resolve(MODEL, {"data": DATA, "epochs": 9})
    file = short_run(MODEL, DATA).path / "config.json"

    def run(tuner, space, trials=None, workers=1, minutes=None, goal=None, seeds=0, doomed=None):
        path = tmp_path / "search"
        path.mkdir(exist_ok=True)
        engine = Engine(workers, file, doomed or {})
        found = Search(Folder(path, settings), space, tuner, trials, engine, lambda line: None)
        found.best = found.run(minutes, goal and SIGN * goal, keep=3, seeds=seeds)
        return found

    return run


def test_a_comparison_of_an_earlier_winner_is_not_shown(searched):
    search = searched("grid", {"dropout": Choice(0.1, 0.5)})
    for trial, shown in (("default", False), ("0001", True)):
        comparison = {"trial": trial, "figure": "figure", "default": [0.5], "best": [0.6]}
        (search.folder.path / "comparison.json").write_text(json.dumps(comparison))
        page.write(search)
        assert ("Was it worth it?" in (search.folder.path / "report.html").read_text()) == shown


def test_a_configuration_that_went_on_is_ranked_once(searched):
    search = searched("hyperband", {"dropout": Range(0.0, 0.19)})
    runs = [tuple(result["runs"]) for _, result in search.ranking]
    assert len(runs) == len(set(runs)) < len(search.results)


def test_however_a_trial_ends_the_search_goes_on(searched):
    search = searched("grid", {"dropout": Choice(0.1, 0.2, 0.3, 0.4, 0.5)})
    reasons = {trial.values.get("dropout"): result.get("reason") for trial, result in search.results.values()}
    assert reasons.pop(None) is reasons.pop(0.1) is reasons.pop(0.5) is None
    assert reasons[0.2].startswith("killed by signal 9")
    assert reasons[0.3].startswith("RuntimeError: broken")
    assert reasons[0.4] == "it doesn't fit"
    starts = {path.parent.name: path.read_text() for path in search.folder.path.glob("trials/*/starts")}
    assert starts == {"check": "x", "default": "x", "0000": "x", "0001": "xxx", "0002": "x", "0003": "x", "0004": "x"}
    assert search.best["dropout"] == 0.5
    page = (search.folder.path / "report.html").read_text()
    assert "3 failed" in page
    assert "it doesn&#39;t fit" in page


def starts(folder, trial):
    """How often its process was started."""
    return len((folder / "search" / "trials" / trial / "starts").read_text())


def test_only_where_every_trial_fails_the_search_does(searched, tmp_path):
    with pytest.raises(UserError, match="Every trial failed; the first one: it doesn't fit"):
        searched("grid", {"dropout": Choice(0.3, 0.4)}, doomed={"default": "fails"})
    assert {name: "reason" in result for name, result in results(tmp_path / "search").items()} == {
        "check": False, "default": True, "0000": True, "0001": True,
    }  # fmt: skip
    assert not (tmp_path / "search" / "best.json").exists()


@pytest.mark.parametrize(
    ("end", "said"), [("fails", "it doesn't fit"), ("dies", "RuntimeError: broken"), ("killed", "killed by signal 9")]
)
def test_a_check_that_fails_is_told_before_anything_is_tried(searched, tmp_path, end, said):
    with pytest.raises(UserError, match=f"without any search failed: {said}"):
        searched("grid", {"dropout": Choice(0.1, 0.5)}, doomed={"check": end})
    assert not list((tmp_path / "search").glob("trials/0*"))


@pytest.mark.parametrize(
    ("end", "said", "times"),
    [
        ("killed", "killed by signal 9, .*; see .*log.txt", 3),
        ("dies", "RuntimeError: broken", 1),
        ("fails", "it doesn't fit", 1),
    ],
)
def test_a_comparison_that_fails_leaves_what_was_found_and_can_be_tried_again(searched, tmp_path, end, said, times):
    search, comparing = tmp_path / "search", {"tuner": "grid", "space": {"dropout": Choice(0.1, 0.5)}, "seeds": 2}
    with pytest.raises(UserError, match=rf"^default-seed2 failed: {said}.*\n.*best.json.*--seeds 0"):
        searched(**comparing, doomed={"default-seed2": end})
    assert starts(tmp_path, "default-seed2") == times
    assert json.loads((search / "best.json").read_text())["knobs"]["dropout"] == 0.5
    assert "Was it worth it?" not in (search / "report.html").read_text()
    assert searched(**comparing).best["dropout"] == 0.5
    assert starts(tmp_path, "default-seed2") == times + 1
    assert starts(tmp_path, "default-seed1") == 1
    assert "Was it worth it?" in (search / "report.html").read_text()


@pytest.mark.parametrize(("limit", "ended"), [({"goal": 0.5}, 1), ({"minutes": 1e-9}, 1), ({"goal": 0.55}, 3), ({}, 4)])
def test_a_search_ends_at_its_limits(searched, limit, ended):
    search = searched("grid", {"dropout": Choice(0.1, 0.5, 0.6)}, **limit)
    assert len(search.results) == ended
    assert len(searched("grid", {"dropout": Choice(0.1, 0.5, 0.6)}).results) == 4, "it goes on without them"


def test_several_workers_run_as_many_trials_at_a_time(searched):
    search = searched("random", {"dropout": Range(0.0, 0.19)}, trials=7, workers=3)
    assert 1 < search.workers.most <= 3
    assert len(search.results) == 1 + 7
    assert {path.read_text() for path in search.folder.path.glob("trials/*/starts")} == {"x"}


def test_hyperband_goes_on_with_the_same_run(searched):
    search = searched("hyperband", {"dropout": Range(0.0, 0.19)}, workers=2)
    promoted = [(trial, result) for trial, result in search.results.values() if trial.parent]
    assert promoted
    for trial, result in promoted:
        _, before = search.results[trial.parent]
        assert result["runs"] == before["runs"]
        assert result["epochs"] > before["epochs"]


def test_an_unused_name_under_an_old_one_is_another_search(searched, tmp_path):
    searched("random", {"dropout": Choice(0.1, 0.5)}, trials=1)
    with pytest.raises(UserError, match=r"another search: space, dropout was 0\.1,0\.5 and is 0\.1,0\.6 now"):
        searched("random", {"dropout": Choice(0.1, 0.6)}, trials=1)
    with pytest.raises(UserError, match=r"another search: tuner was 'random' and is 'grid' now"):
        searched("grid", {"dropout": Choice(0.1, 0.5)})


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
    found = results(search)
    for name, result in found.items():
        asked = json.loads((search / "trials" / name / "trial.json").read_text())["knobs"]
        assert "momentum" not in asked or asked["optimizer"] == "sgd"
        assert len(result["runs"]) == (1 if name == "check" or "seed" in name else 2), "one a fold"
    comparison = json.loads((search / "comparison.json").read_text())
    assert len(comparison["default"]) == 2
    tested = [path for path in search.glob("runs/*/metrics.json") if "test" in json.loads(path.read_text())]
    assert len(tested) == sum(len(each) for each in comparison.values() if isinstance(each, list))
    (run,) = runs.glob(f"{MODEL}-{DATA}-*")
    assert set(json.loads((run / "manifest.json").read_text())["splits"]) == {"train", "validation", "test"}
    assert list(exports.glob("*/1/saved_model.pb"))
    for said in ("rank 1", "on test, 2 seeds: default", "best    ", "report  ", "verified in a clean process"):
        assert said in done.stdout


def test_ctrl_c_ends_the_trial_and_says_what_is_known(tmp_path):
    runs = tmp_path / "runs"
    runs.mkdir()
    process = command(runs, "random", 1)
    while not (found := list(runs.glob("tune-*/trials/default/result.json"))):
        assert process.poll() is None, runs.with_suffix(".log").read_text()
        time.sleep(0.1)
    trials = children(process)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    said = runs.with_suffix(".log").read_text()
    search = found[0].parents[2]
    assert f"stopped; the same command resumes {search}" in said
    assert "0 of 6 trials" in said or "1 of 6 trials" in said, said
    for log in search.glob("trials/*/log.txt"):
        assert "Fatal" not in log.read_text()
    assert (search / "report.html").exists()
    assert not [number for number in trials if lives(number)]


def test_trials_of_two_searches_are_not_one_in_tensorboard(tmp_path):
    names = set()
    for search in ("tune-a", "tune-b"):
        folder = tmp_path / search / "trials" / "0000"
        folder.mkdir(parents=True)
        show_to_tensorboard(folder, {"batch": None, "units": [4, 8]}, "val_accuracy", {"score": 0.5, "epochs": 2})
        (file,) = (tmp_path / search / "logs" / "0000").glob("events*")
        for event in tf.compat.v1.train.summary_iterator(str(file)):
            for value in event.summary.value:
                found = HParamsPluginData.FromString(value.metadata.plugin_data.content)
                if found.HasField("session_start_info"):
                    names.add(found.session_start_info.group_name)
                    assert found.session_start_info.hparams["batch"].string_value == "auto"
    assert names == {"0000 a", "0000 b"}
