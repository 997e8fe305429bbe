"""What a file of models/, src/datasets/ or src/tasks/ has to say, and how it is told that it doesn't."""

import pytest

from src import catalogue, specs
from src.errors import UsageError, UserError
from tests import tree


@pytest.fixture
def toys(tmp_path, monkeypatch):
    """A project of toy models and data sets only."""
    root = tree.toys(tmp_path)
    monkeypatch.setattr(catalogue, "ROOT", root)
    return root


def test_no_file_of_this_project_is_broken():
    assert catalogue.broken() == []


def test_reads_a_model_file(toys):
    file = catalogue.model("painter")
    assert (file.name, file.summary, file.data) == ("painter", "Toy painter: for tests.", "pictures")
    assert (file.takes, file.gives) == ((specs.Image,), (specs.Classes,))
    assert file.fit == {"learning_rate": 0.25, "epochs": 7}
    assert file.space == {"brushes": specs.Choice((1,), (2, 3)), "wet": specs.Range(0.0, 0.5)}
    assert file.space["brushes"].corners() == ((1,), (2, 3))
    assert [knob.name for knob in file.knobs][:3] == ["brushes", "wet", "framed"]


def test_reads_a_model_file_that_says_the_least(toys):
    file = catalogue.model("clerk")
    assert (file.data, file.fit, file.space) == ("", {}, {})


def test_reads_a_data_set(toys):
    file = catalogue.dataset("pictures")
    assert (file.inputs, file.outputs, file.download) == ((specs.Image,), (specs.Classes,), "7 MB")
    assert [knob.name for knob in file.knobs] == ["grain"]
    assert catalogue.dataset("table").download == ""


def test_a_file_that_comes_or_goes_is_noticed(toys):
    assert list(catalogue.models()) == ["clerk", "painter"]
    (toys / "models/writer.py").write_text(tree.CLERK)
    (toys / "models/painter.py").unlink()
    (toys / "models/_shared.py").write_text("nothing to plug in")
    (toys / "models/.#writer.py").write_text("an editor's lock")
    assert list(catalogue.models()) == ["clerk", "writer"]
    assert catalogue.broken() == []


def test_what_goes_together(toys):
    (toys / "src/datasets/survey.py").write_text(tree.TABLE.replace("(Values,)", "(Classes,)"))
    models, datasets = catalogue.models(), catalogue.datasets()
    pairs = {
        (m, d): [task.name for task in catalogue.tasks_of(models[m], datasets[d])] for m in models for d in datasets
    }
    assert pairs == {
        ("clerk", "pictures"): [],
        ("clerk", "survey"): [],
        ("clerk", "table"): ["regression"],
        ("painter", "pictures"): ["classification"],
        ("painter", "survey"): [],
        ("painter", "table"): [],
    }


def test_the_first_output_of_a_data_set_comes_first(toys):
    (toys / "models/all.py").write_text(tree.CLERK.replace("(Values,)", "(Classes, Values)"))
    for name, outputs in {"one": "(Values, Classes)", "other": "(Classes, Values)"}.items():
        (toys / f"src/datasets/{name}.py").write_text(tree.TABLE.replace("(Values,)", outputs))
    tasks = {name: catalogue.tasks_of(catalogue.model("all"), catalogue.dataset(name)) for name in ("one", "other")}
    assert [task.name for task in tasks["one"]] == ["regression", "classification"]
    assert [task.name for task in tasks["other"]] == ["classification", "regression"]


def test_unknown_names(toys):
    with pytest.raises(UsageError, match=r"no model 'clark'. Did you mean 'clerk'\? Choose from: clerk, painter."):
        catalogue.model("clark")
    with pytest.raises(UsageError, match=r"no data set 'tables'. Did you mean 'table'\?"):
        catalogue.dataset("tables")
    with pytest.raises(UsageError, match=r"no task 'zzz'. Choose from: classification"):
        catalogue.task("zzz")


MODEL = {
    "no docstring": ('"""Toy painter: for tests."""', "", "models/odd.py: the file needs a docstring"),
    "no TAKES": ("TAKES, GIVES, DATA", "TAKEN, GIVES, DATA", "models/odd.py: the file has to say TAKES = …"),
    "no GIVES": ("TAKES, GIVES, DATA", "TAKES, GIVEN, DATA", "models/odd.py: the file has to say GIVES = …"),
    "no build": ("def build(", "def built(", "models/odd.py: there is no build in this file"),
    "SPACE of no knob": ('"wet": Range', '"dry": Range', "models/odd.py: SPACE names 'dry', which is no knob of build"),
    "annotation": ("wet: float = 0.1", "wet: list = 0.1", "models/odd.py:17: 'wet' can't be a knob: its annotation is"),
    "syntax": ("def build(", "def build((", "models/odd.py:12: this is not valid Python"),
    "one spec": ("(Image,), (Classes,)", "Image, (Classes,)", "models/odd.py:7: TAKES has to be a tuple of specs"),
    "no spec": ("(Image,), (Classes,)", "('Image',), (Classes,)", "models/odd.py:7: TAKES has to be a tuple of specs"),
    "unknown spec": (
        "(Image,), (Classes,)",
        "(Film,), (Classes,)",
        "models/odd.py:7: TAKES = (Film,) is not plain data",
    ),
    "DATA": ('"pictures"', "None", "models/odd.py:7: DATA has to be a text, not None"),
    "FIT": ('{"learning_rate": 0.25, "epochs": 7}', "[]", "models/odd.py:8: FIT has to be a dictionary, not []"),
    "JUDGE": ("FIT = {", 'JUDGE, FIT = {"x": 1}, {', "models/odd.py: JUDGE has to name a model"),
    "FIT computed": ("0.25", "1 / 4", "models/odd.py:8: FIT = "),
    "Range": ("Range(0.0, 0.5)", "Range(0.0)", "models/odd.py:9: SPACE = "),
    "Range computed": ("Range(0.0, 0.5)", "Range(0.0, HALF)", "models/odd.py:9: SPACE = "),
}


@pytest.mark.parametrize(("old", "new", "words"), MODEL.values(), ids=MODEL)
def test_model_file_that_breaks_the_contract(toys, old, new, words):
    assert old in tree.PAINTER
    (toys / "models/odd.py").write_text(tree.PAINTER.replace(old, new, 1))
    with pytest.raises(UserError) as error:
        catalogue.model("odd")
    assert str(error.value).startswith(words)
    assert error.value.exit_code == 1
    assert catalogue.broken() == [str(error.value)]
    assert list(catalogue.models()) == ["clerk", "painter"]


DATA = {
    "no INPUTS": ("INPUTS, OUTPUTS", "INPUT, OUTPUTS", "src/datasets/odd.py: the file has to say INPUTS = …"),
    "no OUTPUTS": ("INPUTS, OUTPUTS", "INPUTS, OUTPUT", "src/datasets/odd.py: the file has to say OUTPUTS = …"),
    "no load": ("def load(", "def loaded(", "src/datasets/odd.py: there is no load in this file"),
    "DOWNLOAD": ('"7 MB"', "7", "src/datasets/odd.py:6: DOWNLOAD has to be a text, not 7"),
}


@pytest.mark.parametrize(("old", "new", "words"), DATA.values(), ids=DATA)
def test_data_set_that_breaks_the_contract(toys, old, new, words):
    assert old in tree.PICTURES
    (toys / "src/datasets/odd.py").write_text(tree.PICTURES.replace(old, new, 1))
    with pytest.raises(UserError) as error:
        catalogue.dataset("odd")
    assert str(error.value).startswith(words)
    assert catalogue.broken() == [str(error.value)]
    assert list(catalogue.datasets()) == ["pictures", "table"]


def test_file_that_is_no_text(toys):
    (toys / "models/odd.py").write_bytes(b'"""Odd."""\n\xff\xfe')
    (toys / "models/null.py").write_bytes(b'"""Odd."""\n\0')
    assert [problem.split(" ")[0].split(":")[0] for problem in catalogue.broken()] == [
        "models/null.py",
        "models/odd.py",
    ]
    assert all("not valid Python" in problem for problem in catalogue.broken())


def test_task_that_breaks_the_contract(toys):
    (toys / "src/tasks/odd.py").write_text('"""Odd."""\nclass Task:\n    def __init__(self, outputs): ...\n')
    assert catalogue.broken() == ["src/tasks/odd.py: the file has to say SPEC = …; see docs/contracts.md."]
    assert set(catalogue.tasks()) >= {"classification", "regression"}
