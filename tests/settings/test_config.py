"""The configuration of a run: which value wins, and what a file of knobs may hold."""

import json

import keras
import numpy as np
import pytest

from src import specs
from src.errors import UsageError, UserError
from src.runs.run import load_run
from src.settings import catalogue, config, config_files
from src.system.files import read_json
from src.train import train
from tests import tree
from tuning.search import tune


@pytest.fixture(autouse=True)
def toys(tmp_path, monkeypatch):
    """A project of toy models and data sets only, in which files of knobs are written."""
    root = tree.toys(tmp_path)
    monkeypatch.setattr(catalogue, "ROOT", root)
    monkeypatch.chdir(root)
    return root


def written(root, name, content):
    (root / name).write_text(content if isinstance(content, str) else json.dumps(content))
    return name


def test_the_last_one_wins(toys):
    """Signature, FIT, --config, flag: each beats those before it."""
    path = written(toys, "mine.toml", "epochs = 8\nseed = 5\nbatch = 4")
    settings = config.resolve("painter", {"config": path, "batch": 2})
    default = {knob.name: knob.default for knob in settings.choices.groups["fit"]}["patience"]
    for name, value, origin in [
        ("patience", default, "default"),
        ("learning_rate", 0.25, "models/painter.py"),
        ("epochs", 8, "mine.toml"),
        ("seed", 5, "mine.toml"),
        ("batch", 2, "flag"),
    ]:
        assert (settings.values[name], settings.origins[name]) == (value, origin)


@pytest.mark.parametrize(
    ("flags", "rate"),
    [
        ({}, 0.25),
        ({"optimizer": "adam"}, 0.25),
        ({"optimizer": "sgd"}, None),
        ({"optimizer": "sgd", "learning_rate": 0.5}, 0.5),
    ],
    ids=str,
)
def test_the_model_file_s_rate_is_one_of_its_own_optimiser(toys, flags, rate):
    assert config.resolve("painter", flags).values["learning_rate"] == rate


def test_every_knob_has_a_value_and_an_origin():
    settings = config.resolve("painter", {})
    assert settings.values.keys() == settings.origins.keys() == settings.choices.knobs.keys()
    assert settings.of("model").keys() == {knob.name for knob in settings.choices.model.knobs}
    assert settings.of("data") == {"grain": 0.5}


def test_choices_follow_flags_then_the_file_then_the_model(toys):
    (toys / "src/datasets/prints.py").write_text(tree.PICTURES)
    (toys / "src/datasets/drawings.py").write_text(tree.PICTURES)
    path = written(toys, "mine.toml", 'data = "prints"')
    assert config.resolve("painter", {}).values["data"] == "pictures"
    assert config.resolve("painter", {"config": path}).values["data"] == "prints"
    assert config.resolve("painter", {"config": path, "data": "drawings"}).values["data"] == "drawings"


def test_task_is_that_of_the_data_s_output_unless_named(toys):
    (toys / "models/all.py").write_text(tree.CLERK.replace("(Values,)", "(Classes, Values)"))
    (toys / "src/datasets/both.py").write_text(tree.TABLE.replace("(Values,)", "(Values, Classes)"))
    path = written(toys, "mine.toml", 'task = "classification"')
    either = config.resolve("all", {"data": "both"})
    assert either.values["task"] is None
    assert either.decided(specs.Columns, specs.Values).values["task"] == "regression"
    assert either.decided(specs.Columns, specs.Classes).values["task"] == "classification"
    named = config.resolve("all", {"data": "both", "task": "regression"})
    assert "label_smoothing" not in named.values
    with pytest.raises(UsageError, match="both has Classes here, not Values"):
        named.decided(specs.Columns, specs.Classes)
    smooth = config.resolve("all", {"data": "both", "label_smoothing": 0.1})
    assert smooth.decided(specs.Columns, specs.Classes).of("classification")["label_smoothing"] == 0.1
    with pytest.raises(UsageError, match="--label-smoothing has no effect in regression"):
        smooth.decided(specs.Columns, specs.Values)
    assert config.resolve("all", {"data": "both", "config": path}).values["task"] == "classification"
    assert config.resolve("all", {"data": "both", "config": path, "task": "regression"}).values["task"] == "regression"


def test_what_is_made_of_features_comes_after_the_data_s_own_output(toys):
    (toys / "models/forger.py").write_text(tree.PAINTER.replace("(Classes,)", "(Images,)"))
    (toys / "models/artist.py").write_text(tree.PAINTER.replace("(Classes,)", "(Images, Classes)"))
    assert config.resolve("forger", {}).values["task"] == "generation"
    either = tree.PICTURES.replace("(Classes,)", "(Classes, Values)").replace(
        "import Classes", "import Classes, Values"
    )
    (toys / "src/datasets/pictures.py").write_text(either.replace("load(*", "load(wanted, *"))
    artist = config.resolve("artist", {})
    assert artist.decided(specs.Image, specs.Classes).values["task"] == "classification"
    assert artist.decided(specs.Image, specs.Values).values["task"] == "generation"
    assert config.resolve("artist", {"task": "generation"}).values["task"] == "generation"
    with pytest.raises(UsageError, match="forger takes Image and gives Images; table has Columns"):
        config.resolve("forger", {"data": "table"})


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("run.json", {"model": "painter", "data": "pictures", "knobs": {"brushes": [1, 2], "sold": None}, "seed": 9}),
        ("flat.json", {"brushes": [1, 2], "sold": None}),
        ("flat.toml", "brushes = [1, 2]"),
        ("run.toml", 'model = "painter"\n[knobs]\nbrushes = [1, 2]'),
    ],
)
def test_json_and_toml(toys, name, content):
    settings = config.resolve("painter", {"config": written(toys, name, content)})
    assert settings.values["brushes"] == (1, 2) and settings.values["sold"] is None
    assert settings.values["seed"] == 0, "what stands beside the knobs of a run is none"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_mark_at_the_start_of_a_file_is_no_part_of_it(toys, encoding):
    """As Windows' editors and shells write one."""
    for name, content in {
        "mine.toml": "epochs = 8\n",
        "mine.json": '{"epochs": 8}',
        "recipes/best.toml": "epochs = 8\n",
    }.items():
        (toys / name).write_text(content, encoding=encoding, newline="\r\n")
    for words in ({"config": "mine.toml"}, {"config": "mine.json"}, {"recipe": "best"}):
        assert config.resolve("painter", words).values["epochs"] == 8
    assert read_json(toys / "mine.json") == {"epochs": 8}


def test_what_a_run_writes_can_be_read_again(toys):
    first = config.resolve("painter", {"brushes": (3,), "coats": (0.5,), "framed": True, "finish": "matt"})
    chosen = {name: first.values[name] for name in ("data", "task")}
    path = written(toys, "config.json", {"model": "painter", **chosen, "knobs": first.values})
    again = config.resolve("painter", {"config": path})
    assert {**again.values, "config": None} == first.values


@pytest.mark.parametrize(
    ("content", "words", "kind"),
    [
        ('model = "clerk"', "mine.toml is for the model 'clerk', not for 'painter'.", UsageError),
        ("epoch = 3", "mine.toml: there is no knob 'epoch'. Did you mean 'epochs'?", UsageError),
        ("pencils = 3", "mine.toml: there is no knob 'pencils'.", UsageError),
        ("wet = nan", "mine.toml: wet takes a finite number, not nan (models/painter.py:", UsageError),
        ("epochs = 2.0", "mine.toml: epochs takes an integer, not 2.0 (src/training/plan.py:", UsageError),
        ("epochs = true", "mine.toml: epochs takes an integer, not True", UsageError),
        ("framed = 1", "mine.toml: framed takes true or false, not 1", UsageError),
        ("brushes = 3", "mine.toml: brushes takes a list of integers, not 3", UsageError),
        ('data = "table"', "table has Columns and Values", UsageError),
        ('data = "tabel"', "There is no data set 'tabel'. Did you mean 'table'?", UsageError),
        ("data = 3", "mine.toml: model, data and task have to be names", UserError),
        ("knobs = 3", "mine.toml: model, data and task have to be names, and knobs named values.", UserError),
        ("epochs", "mine.toml is neither a run's config.json nor TOML: ", UserError),
    ],
)
def test_file_that_is_refused(toys, content, words, kind):
    with pytest.raises(kind) as error:
        config.resolve("painter", {"config": written(toys, "mine.toml", content)})
    assert words in str(error.value)


def test_json_that_is_no_object_and_a_file_that_is_not_there(toys):
    with pytest.raises(UserError, match=r"list.json has to hold named values"):
        config.resolve("painter", {"config": written(toys, "list.json", [1])})
    with pytest.raises(UserError, match=r"Can't read the configuration gone.json: No such file"):
        config.resolve("painter", {"config": "gone.json"})


class DataFrame:
    """As pandas' one: it can't be told whether it is true, and its text has lines."""

    def __bool__(self):
        raise ValueError("The truth value of a DataFrame is ambiguous.")

    def __eq__(self, other):
        return self

    def __repr__(self):
        return "   a  b\n" + "\n".join(f"{row}  1  2" for row in range(60))


@pytest.mark.parametrize("command", [train, tune])
@pytest.mark.parametrize(
    ("model", "given", "said"),
    [
        (keras.Sequential(), {}, "or the path of a file, and no Sequential: write models/NAME.py"),
        (None, {}, "and no NoneType: write models/NAME.py"),
        ("painter", {"config": {"epochs": 3}}, "config is a name or a path, and no dict"),
        ("painter", {"task": np.zeros(2)}, "task is a name or a path, and no ndarray"),
        ("painter", {"grain": DataFrame()}, "grain takes a finite number, not a b 0 1 2 1 1 2"),
        ("painter", {"brushes": np.zeros((3, 2))}, r"brushes takes a list of integers, not array\(\[\[0."),
    ],
)  # fmt: skip
def test_what_is_no_name_is_refused_in_a_sentence(command, model, given, said):
    with pytest.raises(UsageError, match=said) as error:
        command(model, **given)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("command", "data", "said"),
    [
        (train, (np.zeros((3, 2)), np.zeros(3)), "painter takes Image and gives Classes; arrays has Vector and Values"),
        (train, np.zeros((3, 2)), r"data takes .* arrays \(x, y\), or .*; not ndarray"),
        (train, DataFrame(), r"data takes .* arrays \(x, y\), or .*; not DataFrame"),
        (tune, (np.zeros((3, 2)), np.zeros(3)), "and no tuple: write src/datasets/NAME.py"),
        (tune, np.zeros((3, 2)), 'and no ndarray: write src/datasets/NAME.py.* data="csv", path='),
        (tune, DataFrame(), "and no DataFrame: write src/datasets/NAME.py"),
    ],
)  # fmt: skip
def test_data_that_can_not_be_learnt_from_is_refused_in_a_sentence(command, data, said):
    with pytest.raises(UsageError, match=said) as error:
        command("painter", data=data)
    assert "\n" not in str(error.value)


def test_what_is_no_folder_of_a_run_is_refused(tmp_path):
    for odd in (keras.Sequential(), None, np.zeros(3)):
        with pytest.raises(UserError, match=f"from its folder, such as runs/NAME, and not from a {type(odd).__name__}"):
            load_run(odd)
    with pytest.raises(UserError, match=r"isn't a run: it has no config.json"):
        load_run(tmp_path)


def test_paths_are_taken_as_they_are(toys):
    (toys / "mine.toml").write_text("epochs = 8")
    given = {"config": toys / "mine.toml", "epochs": 3, "space": (toys / "space.toml", "batch")}
    texts = {"config": str(toys / "mine.toml"), "epochs": 3, "space": (str(toys / "space.toml"), "batch")}
    assert config.as_names(toys / "net.py", given) == (str(toys / "net.py"), texts)


def test_fit_of_a_model_file_is_checked(toys):
    (toys / "models/sloppy.py").write_text(tree.PAINTER.replace('"epochs": 7', '"epoch": 7'))
    (toys / "models/vague.py").write_text(tree.PAINTER.replace('"epochs": 7', '"epochs": "some"'))
    with pytest.raises(UsageError, match=r"^models/sloppy.py: there is no knob 'epoch'. Did you mean 'epochs'\?"):
        config.resolve("sloppy", {})
    with pytest.raises(UsageError, match=r"^models/vague.py: epochs takes an integer, not 'some'"):
        config.resolve("vague", {})


def test_two_knobs_of_one_name_are_refused(toys):
    (toys / "models/greedy.py").write_text(tree.PAINTER.replace("framed: bool = False", "epochs: int = 3"))
    told = r"^models/greedy.py:\d+: the knob 'epochs' is the harness' own \(src/training/plan.py:\d+\): rename yours."
    with pytest.raises(UserError, match=told):
        config.resolve("greedy", {})
    (toys / "models/greedy.py").write_text(tree.PAINTER.replace("framed: bool = False", "grain: int = 3"))
    told = r"^src/datasets/pictures.py:\d+: there is a knob 'grain' already, at models/greedy.py:\d+"
    with pytest.raises(UserError, match=told):
        config.resolve("greedy", {})


def test_a_data_set_that_a_model_file_misspells_is_told_with_the_file(toys):
    (toys / "models/sloppy.py").write_text(tree.PAINTER.replace('"pictures"', '"picture"'))
    with pytest.raises(UserError, match=r"^models/sloppy.py: DATA = 'picture': There is no data set .* 'pictures'"):
        config.resolve("sloppy", {})
    with pytest.raises(UsageError, match=r"^There is no data set 'picture'"):
        config.resolve("painter", {"data": "picture"})


def test_a_value_out_of_range_is_told_with_the_file_that_has_it(toys):
    (toys / "recipes/steep.toml").write_text('model = "painter"\nmomentum = 2.0\n')
    settings = config.resolve("painter", {"recipe": "steep", "warmup": 3.0})
    for knob, told in (
        ("learning_rate", "models/painter.py: FIT: learning_rate has to be above 0"),
        ("momentum", "recipes/steep.toml: momentum has to be above 0"),
        ("warmup", "warmup has to be above 0"),
        ("seed", "seed has to be above 0"),
    ):
        with pytest.raises(UserError) as error, config.origins_told(settings):
            raise UserError(f"{knob} has to be above 0")
        assert str(error.value) == told


def test_a_recipe_is_told_by_its_path_in_the_project(toys):
    (toys / "recipes/broken.toml").write_text("model =")
    (toys / "recipes/best.toml").write_text('model = "clerk"\n')
    (toys / "recipes/nameless.toml").write_text("epochs = 3\n")
    with pytest.raises(UserError, match=r"^recipes/broken.toml is neither"):
        config.resolve("painter", {"recipe": "broken"})
    with pytest.raises(UserError, match=r"^recipes/best.toml is for the model 'clerk'"):
        config.resolve("painter", {"recipe": "best"})
    with pytest.raises(UserError, match=r"^recipes/nameless.toml names no model"):
        config_files.model_of_recipe("nameless")


def test_a_knob_that_the_command_line_means_otherwise_is_refused(toys):
    (toys / "models/greedy.py").write_text(tree.PAINTER.replace("framed: bool = False", "debug: int = 3"))
    with pytest.raises(UserError, match=r"models/greedy.py:\d+: 'debug' means something else"):
        config.resolve("greedy", {})


def test_a_run_is_repeated_elsewhere(toys):
    """Where things went, and under which names, isn't repeated; in a file of one's own it counts."""
    knobs = {"brushes": [3], "tag": "old", "runs_dir": "there", "exports_dir": "there", "export_name": "old"}
    path = written(toys, "config.json", {"format": 1, "model": "painter", "knobs": knobs})
    values = config.resolve("painter", {"config": path}).values
    assert values["brushes"] == (3,)
    assert (values["tag"], values["runs_dir"], values["export_name"]) == ("", "runs", None)
    assert config.resolve("painter", {"config": written(toys, "mine.toml", 'tag = "new"')}).values["tag"] == "new"


@pytest.mark.parametrize("name", ["deep.json", "deep.toml"])
@pytest.mark.parametrize("deep", ["[" * 100_000, "[" * 200 + "]" * 200])
def test_a_configuration_nested_too_deeply_is_told(tmp_path, name, deep):
    (tmp_path / name).write_text(f"epochs = {deep}" if name.endswith("toml") else deep)
    with pytest.raises(UserError, match=rf"{name} is neither .* it is nested too deeply"):
        config.resolve("mlp", {"config": str(tmp_path / name)})
