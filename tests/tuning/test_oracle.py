"""What the oracles ask for, and that a search that is asked again is asked the same."""

import json
import random

import pytest

from src.errors import UserError
from src.specs import Choice, Range
from tests.tuning.samples import TUNERS
from tuning.oracle import Oracle
from tuning.space import points, size

SPACE = {"width": Choice((8,), (8, 8)), "rate": Range(1e-4, 1e-1, log=True), "depth": Range(1, 4)}
GRID = {name: points(values, 3) for name, values in SPACE.items()}
TRIALS = {"grid": None, "hyperband": None, "random": 12, "bayesian": 12}


def score(trial):
    """A figure that follows from the knobs alone: some of them fail."""
    if trial.values["depth"] == 3:
        return None
    return trial.values["rate"] * len(trial.values["width"]) + trial.values["depth"] + (trial.epochs or 0) / 10


def oracle(kind, journal, *, space=None, trials=0, seed=0):
    space = space or (GRID if kind == "grid" else SPACE)
    return Oracle(kind, space, {"epochs": 9, "seed": seed}, trials or TRIALS[kind], "max", journal)


def search(make, slots=1, chance=None):
    """The trials of a search, by id, and the ids in the order in which they ran.

    With `chance`, its process dies now and then, between any two of its steps.
    """
    current, ran = make(), []
    while True:
        if chance and chance.random() < 0.2:
            current = make()
        for slot in range(slots):
            if slot not in current.open and not current.finished:
                current.ask(slot)
        if not current.open:
            return current.told, ran
        slot = min(current.open) if not chance else chance.choice(sorted(current.open))
        if chance and chance.random() < 0.2:
            current = make()
        trial = current.open[slot]
        ran.append(trial.id)
        current.tell(slot, score(trial), "" if score(trial) is not None else "it fails")


def all_of(kind, space, trials, journal):
    """The trials of a search in which each is as good as any."""
    current = oracle(kind, journal, space=space, trials=trials)
    while trial := current.ask(0):
        current.tell(0, float(len(trial.values)))
    return list(current.told.values())


@pytest.mark.parametrize("kind", ["random", "grid", "hyperband", pytest.param("bayesian", marks=pytest.mark.long)])
@pytest.mark.parametrize("slots", [1, pytest.param(2, marks=pytest.mark.long)])
def test_a_search_that_dies_goes_on_where_it_was(tmp_path, kind, slots):
    for seed in range(2):
        told, ran = search(lambda n=seed: oracle(kind, tmp_path / f"{n}.jsonl"), slots, random.Random(seed))
        assert sorted(ran) == sorted(told), "none is run twice, and none lost"
        if slots == 1:
            whole, _ = search(lambda n=seed: oracle(kind, tmp_path / f"{n}-whole.jsonl"), slots)
            assert told == whole


@pytest.mark.parametrize("kind", TUNERS)
def test_it_asks_for_what_is_in_the_space(tmp_path, kind):
    told, _ = search(lambda: oracle(kind, tmp_path / "journal"))
    assert len(told) == TRIALS[kind] or kind in ("grid", "hyperband")
    for trial in told.values():
        assert trial.values["width"] in ((8,), (8, 8))
        assert 1e-4 <= trial.values["rate"] <= 1e-1
        assert trial.values["depth"] in range(1, 5)


def test_every_question_and_answer_is_in_the_journal(tmp_path):
    told, _ = search(lambda: oracle("random", tmp_path / "journal"))
    events = [json.loads(line) for line in (tmp_path / "journal").read_text().splitlines()]
    assert [event["id"] for event in events] == [trial for trial in told for _ in ("ask", "tell")]
    for trial, asked, answer in zip(told.values(), events[::2], events[1::2], strict=True):
        assert asked == {"ask": 0, "id": trial.id, "values": asked["values"], "epochs": None, "parent": None}
        reason = "" if score(trial) is not None else "it fails"
        assert answer == {"tell": 0, "id": trial.id, "score": score(trial), "reason": reason}


def test_another_seed_tries_other_configurations(tmp_path):
    searches = [search(lambda n=seed: oracle("random", tmp_path / str(n), seed=n))[0] for seed in range(4)]
    tried = [trial.values["rate"] for told in searches for trial in told.values()]
    assert len(tried) == len(set(tried)) == 4 * TRIALS["random"]


def test_a_grid_is_every_point_once(tmp_path):
    told, _ = search(lambda: oracle("grid", tmp_path / "journal"))
    tried = [json.dumps(trial.values, sort_keys=True) for trial in told.values()]
    assert len(tried) == len(set(tried)) == size(GRID, {}) == 2 * 3 * 3


def test_hyperband_goes_on_with_the_best_of_each_rung(tmp_path):
    told, _ = search(lambda: oracle("hyperband", tmp_path / "journal"))
    promoted = [trial for trial in told.values() if trial.parent]
    assert promoted
    for trial in promoted:
        parent = told[trial.parent]
        assert parent.values == trial.values
        assert parent.epochs < trial.epochs
        assert score(parent) is not None or trial.values["depth"] == 3
    assert {trial.epochs for trial in told.values()} == {1, 3, 9}


def test_more_trials_go_on_with_a_search_that_ended(tmp_path):
    few, _ = search(lambda: oracle("random", tmp_path / "journal", trials=5))
    more, _ = search(lambda: oracle("random", tmp_path / "journal", trials=9))
    assert len(few) == 5
    assert len(more) == 9
    assert few.items() <= more.items()


def test_fewer_trials_than_there_are_is_the_end(tmp_path):
    told, _ = search(lambda: oracle("random", tmp_path / "journal", trials=5))
    again, _ = search(lambda: oracle("random", tmp_path / "journal", trials=2))
    assert again == told


def test_what_a_kill_left_of_a_line_is_cut_off(tmp_path):
    journal = tmp_path / "journal"
    whole, _ = search(lambda: oracle("random", journal, trials=4))
    content = journal.read_bytes()
    for length in range(0, len(content), 97):
        journal.write_bytes(content[:length])
        again, _ = search(lambda: oracle("random", journal, trials=4))
        assert again == whole


def test_another_seed_does_not_go_on(tmp_path):
    search(lambda: oracle("random", tmp_path / "journal"))
    with pytest.raises(UserError, match="journal:1: the search can't go on"):
        oracle("random", tmp_path / "journal", seed=1)


@pytest.mark.parametrize("kind", ["random", "bayesian", "hyperband"])
def test_a_space_that_nothing_satisfies_is_refused(tmp_path, kind):
    with pytest.raises(UserError, match="none keeps the rules of the space: rate > 9"):
        oracle(kind, tmp_path / "journal", space={"rate": Range(0.0, 1.0, where="rate > 9")})


def test_a_space_that_goes_in_a_circle_is_refused(tmp_path):
    space = {"width": Choice(1, 2, when={"depth": (1,)}), "depth": Choice(1, 2, when={"width": (1,)})}
    with pytest.raises(UserError, match="goes in a circle: width, depth depend on each other"):
        oracle("random", tmp_path / "journal", space=space)


def test_a_knob_that_depends_on_another_one(tmp_path):
    space = {
        "momentum": Range(0.5, 0.9, when={"optimizer": ("sgd", "rmsprop")}),
        "optimizer": Choice("adam", "sgd", "rmsprop"),
    }
    trials = all_of("random", space, 12, tmp_path / "random")
    assert {"momentum" in trial.values for trial in trials} == {True, False}
    for trial in trials:
        assert ("momentum" in trial.values) == (trial.values["optimizer"] != "adam")
    grid = {name: points(values, 3) for name, values in space.items()}
    assert len(all_of("grid", grid, None, tmp_path / "grid")) == size(grid, {}) == 1 + 3 + 3


@pytest.mark.parametrize(
    ("parent", "among", "ever"),
    [(Range(1, 3), (2, 3), True), (Choice(1, 3), (2,), False), (Range(1, 3), (None,), False)],
    ids=["a range", "no value of a choice", "no value of a range"],
)
def test_a_knob_that_depends_on_a_number(tmp_path, parent, among, ever):
    space = {"depth": parent, "rate": Range(0.0, 1.0, when={"depth": among})}
    trials = all_of("random", space, 12, tmp_path / "journal")
    assert {trial.values["depth"] for trial in trials if "rate" in trial.values} == (set(among) if ever else set())
    assert {trial.values["depth"] for trial in trials} - set(among), "some have no rate"


def test_a_rule_between_knobs(tmp_path):
    space = {"width": Choice(4, 6, 8), "heads": Choice(1, 2, 3, 4, where="width % heads == 0")}
    for kind in ("random", "grid", "bayesian"):
        trials = all_of(kind, space, 9, tmp_path / kind)
        assert 3 < len(trials) <= 9
        assert all(trial.values["width"] % trial.values["heads"] == 0 for trial in trials)
    assert size(space, {}) == 3 + 3 + 3
