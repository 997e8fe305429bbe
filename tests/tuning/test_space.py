"""The search space: what is searched by itself, by a word of --space, or by a file, and its points on a grid."""

import pytest

from src.errors import UsageError
from src.settings import config
from src.specs import Choice, Range
from tests.tuning.samples import CHOICES, DATA, MODEL
from tuning import rules
from tuning.space import active, as_written, broken_rule, points, space_of


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
    assert points(values, 3).values == pytest.approx(expected) or points(values, 3).values == expected


def test_points_of_whole_numbers():
    assert points(Range(1, 4), 3).values == (1, 2, 4)
    assert points(Range(1, 2), 5).values == (1, 2)


def space(*words, given=()):
    return space_of(CHOICES, config.resolve(MODEL, {"data": DATA}).values, given, words)


def test_the_space_is_the_models_the_usual_one_and_what_is_given(tmp_path):
    assert set(space()) == {"learning_rate", *CHOICES.model.space}
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
    ("word", "problem"),
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
def test_a_wrong_space_is_refused_by_name(word, problem):
    with pytest.raises(UsageError, match=problem):
        space(word)


@pytest.mark.parametrize(
    ("text", "problem"),
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
        (f'batch = {{values = [1, 2], where = "{"(" * 200}batch{")" * 200}"}}', "has to compare knobs"),
        ("batch = " + "[" * 100_000, "nested too deeply"),
        ('batch = {values = [1, 2], when = {optimiser = "sgd"}}', "optimiser"),
    ],
)
def test_a_wrong_file_is_refused_by_name(tmp_path, text, problem):
    (tmp_path / "space.toml").write_text(text)
    with pytest.raises(UsageError, match=problem):
        space(str(tmp_path / "space.toml"))


def test_a_knob_can_not_be_given_and_searched():
    with pytest.raises(UsageError, match="leave one out"):
        space("batch=1,2", given=["batch"])


def test_a_range_of_whole_numbers_has_whole_points():
    assert points(space("batch=1:4")["batch"], 3).values == (1, 2, 4), "batch may be None, too"
    assert points(space("learning_rate=1:2")["learning_rate"], 3).values == (1.0, 1.5, 2.0)


def test_what_depends_on_another_value_has_no_effect():
    momentum = {"momentum": Range(0.5, 0.9, when={"optimizer": ("sgd",)})}
    assert active(momentum, {"momentum": 0.6, "optimizer": "sgd", "batch": 8}) == {"momentum": 0.6}
    assert active(momentum, {"momentum": 0.6, "optimizer": "adam", "batch": 8}) == {}


def test_a_rule_that_is_broken_is_named():
    heads = {"width": Choice(4, 6), "heads": Choice(1, 4, where="width % heads == 0")}
    assert broken_rule(heads, {"width": 6, "heads": 4}) == "width % heads == 0"
    assert broken_rule(heads, {"width": 4, "heads": 4}) is None
    assert broken_rule(heads, {"width": None, "heads": 4}) == "width % heads == 0", "it can't be computed"


@pytest.mark.parametrize(
    ("plain", "word"),
    [
        ({"values": [16, [32, 64]], "when": {}}, "16,32 64"),
        ({"low": 0.1, "high": 1, "log": True, "step": None}, "0.1:1:log"),
        ({"low": 2, "high": 8, "log": False, "step": 2}, "2:8:2"),
        (None, "auto"),
        ("grid", "'grid'"),
    ],
)
def test_a_space_is_named_as_it_is_written(plain, word):
    assert as_written(plain) == word


@pytest.mark.parametrize(
    ("rule", "holds"),
    [
        ("9**9**9 > batch", False),
        ("'a' * 999999999999 != name", False),
        ("'%999999999d' % batch != name", False),
        ("2**batch <= 64", True),
        ("batch & (batch - 1) == 0", True),
        ("not batch % 2 and 1 < batch <= 4 or name is None", True),
        ("rate ** 1000 > 1e300", False),
        ("batch / (batch - batch) > 1", False),
        ("name in 'adamw' and name != 'adam'", False),
    ],
)
def test_a_rule_is_computed_within_bounds(rule, holds):
    assert rules.names(rule) <= {"batch", "name", "rate"}
    space = {"batch": Choice(4, where=rule)}
    assert (broken_rule(space, {"batch": 4, "name": "adam", "rate": 2.5}) is None) == holds
