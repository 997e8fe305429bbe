"""What a file of models/, src/datasets/ or src/tasks/ has to say, and how it is told that it doesn't."""

import os
import subprocess
import sys

import pytest

from src import specs
from src.errors import UsageError, UserError
from src.settings import catalogue, modules
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


LITE = 'PRETRAINED = {"style": {"rich": {"package": "paint", "file": "rich.pth"}}}'


def test_reads_where_published_weights_are(toys):
    renamed = 'RENAMED = {r"^(\\d)/": r"layer_\\1/"}'
    (toys / "models/odd.py").write_text(tree.PAINTER.replace("FIT =", f"{LITE}\n{renamed}\nFIT ="))
    file = catalogue.model("odd")
    assert file.renamed == {r"^(\d)/": r"layer_\1/"}
    assert file.weights({"style": "rich"}) == {"package": "paint", "file": "rich.pth"}
    assert file.weights({"style": "plain"}) is None
    assert catalogue.model("painter").weights({"style": "rich"}) is None


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"style"', '"brand"', "models/odd.py: PRETRAINED names 'brand', which is no knob of build."),
        ('"rich":', '"thin":', "style takes one of 'plain', 'rich', not 'thin' (models/odd.py:"),
        ('"file"', '"path"', 'models/odd.py:8: PRETRAINED has to give, by knob and value, a "package" and a "file"'),
        (LITE[23:], '"rich.pth"}', "models/odd.py:8: PRETRAINED has to give, by knob and value"),
        (
            'h"}',
            'h", "knobs": {"ink": {"url": "a"}}}',
            "models/odd.py: PRETRAINED names 'ink', which is no knob of build",
        ),
        ('h"}', 'h", "knobs": {"style": {}}}', "models/odd.py:8: PRETRAINED has to give, by knob and value"),
    ],
)
def test_published_weights_that_can_not_be_are_refused(toys, old, new, said):
    (toys / "models/odd.py").write_text(tree.PAINTER.replace("FIT =", f"{LITE.replace(old, new)}\nFIT ="))
    with pytest.raises(UserError) as told:
        catalogue.model("odd")
    assert str(told.value).startswith(said)


FORMS = {
    "annotated": "TAKES: tuple[type, ...] = (Image,)",
    "with what follows": "TAKES = (Image,); OTHER = 3",
    "two names": "TAKES = ALSO = (Image,)",
    "of a module": "from src import specs\nTAKES = (specs.Image,)",
    "declared before": "TAKES: tuple\nTAKES = (Image,)",
    "a name of its own in a function": "TAKES = (Image,)\ndef f():\n    TAKES = 3",
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_reads_a_constant_in_any_plain_form(toys, form):
    odd = tree.PAINTER.replace("TAKES, GIVES, DATA = (Image,), ", f"{form}\nGIVES, DATA = ")
    (toys / "models/odd.py").write_text(odd)
    assert catalogue.model("odd").takes == (specs.Image,)


UNREADABLE = {
    "on a condition": "if True:\n    TAKES = (Image,)",
    "added to": "TAKES = (Image,)\nTAKES += (Image,)",
    "imported": "SOME = 3\nfrom models.clerk import TAKES",
    "renamed": "SOME = 3\nfrom models.clerk import GIVES as TAKES",
    "unpacked": "SOME = 3\nTAKES, *REST = SOME",
    "a function": "SOME = 3\ndef TAKES(): ...",
    "in a loop": "SOME = 3\nfor TAKES in (): ...",
}


@pytest.mark.parametrize("form", UNREADABLE.values(), ids=UNREADABLE)
def test_a_constant_that_can_not_be_read_is_named_with_its_line(toys, form):
    odd = tree.PAINTER.replace("TAKES, GIVES, DATA = (Image,), ", f"{form}\nGIVES, DATA = ")
    (toys / "models/odd.py").write_text(odd)
    with pytest.raises(UserError, match=r"^models/odd.py:8: TAKES can't be read without running the file; say"):
        catalogue.model("odd")


def test_a_constant_of_another_kind_of_file_is_the_file_s_own(toys):
    (toys / "src/datasets/odd.py").write_text(tree.PICTURES.replace("DOWNLOAD", "DATA = open(__file__)\nDOWNLOAD"))
    assert catalogue.dataset("odd").download == "7 MB"


def rewritten(path, old, new):
    """Replaces something in a file; its size and the time at which it was written stay."""
    before, text = path.stat(), path.read_text()
    assert old in text and len(old) == len(new)
    path.write_text(text.replace(old, new))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_an_edited_file_is_read_again(toys):
    for old, new in (("0.1", "0.2"), ("0.2", "0.3")):
        before = catalogue.model("painter")
        rewritten(toys / "models/painter.py", f"wet: float = {old}", f"wet: float = {new}")
        now = catalogue.model("painter")
        assert [{knob.name: knob.default for knob in file.knobs}["wet"] for file in (before, now)] == [
            float(old),
            float(new),
        ]
    rewritten(toys / "models/painter.py", '"epochs": 7', '"epochs": 8')
    assert catalogue.model("painter").fit["epochs"] == 8
    with modules.held():
        assert catalogue.model("painter").fit["epochs"] == 8
        rewritten(toys / "models/painter.py", '"epochs": 8', '"epochs": 9')
        assert catalogue.model("painter").fit["epochs"] == 8, "a training goes on with what it began with"
    assert catalogue.model("painter").fit["epochs"] == 9


FIRST = '"""First."""\n\nTAKES, GIVES = (), ()\n\n\ndef build(inputs, outputs):\n    return 1\n'
SECOND = FIRST.replace("TAKES", "from models import first\n\nTAKES").replace(
    "return 1", "return 10 * first.build(0, 0)"
)
EDITED = """if True:
    import inspect, os
    from pathlib import Path
    from models.first import build  # as a notebook may do, before anything else
    from src.settings import catalogue, modules

    def edit(old, new):
        file = Path("models/first.py")
        before = file.stat()
        file.write_text(file.read_text().replace(old, new))
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))

    def module(name):
        return catalogue.load(catalogue.model(name))

    def built():
        return module("first").build(0, 0), module("second").build(0, 0)

    print(built())
    edit("return 1", "return 2")
    print(built(), module("first") is module("first"), inspect.getsource(module("first").build).split()[-1])
    with modules.held():
        built()
        edit("return 2", "return 4")
        print(built())
    print(built(), [path.name for path in catalogue.code(catalogue.model("second"))])
"""


def test_an_edited_file_runs_as_it_is_now(toys):
    """In a process of its own: edits that keep size and time, of files that are used and of those that these use."""
    (toys / "models/first.py").write_text(FIRST)
    (toys / "models/second.py").write_text(SECOND)
    done = subprocess.run([sys.executable, "-c", EDITED], cwd=toys, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["(1, 10)", "(2, 20) True 2", "(2, 20)", "(4, 40) ['second.py', 'first.py']"]


TRAINED_TWICE = """if True:
    import re
    from hashlib import sha256
    from pathlib import Path
    from src.system.quiet import import_tensorflow
    import_tensorflow()
    from src.train import train

    file = Path("models/mine.py")
    for units in (4, 8):
        file.write_text(code := re.sub(r"units: int = \\d", f"units: int = {units}", CODE))
        run = train("mine", epochs=1, limit=40, verbose=False)
        digest = run.config["files"]["models/mine.py"]
        print(run.config["knobs"]["units"], run.model.count_params(), digest == sha256(code.encode()).hexdigest())
        print(file.read_text())
"""
EDITS_ITSELF = '''"""Linear, and broken as soon as it is trained."""

from pathlib import Path

import keras

from src.layers import flat, features, head
from src.specs import Classes, Image

TAKES, GIVES, DATA = (Image,), (Classes,), "digits"


def build(inputs, outputs, *, units: int = 4):
    Path(__file__).write_text("half an edi")
    tensors = features(inputs)
    return keras.Model(tensors, head(outputs)(keras.layers.Dense(units)(flat(inputs, tensors))))
'''


@pytest.mark.long
def test_a_training_ends_with_the_code_that_it_began_with_and_the_next_one_has_the_new(tmp_path):
    root = tree.copied(tmp_path)
    script = f"CODE = {EDITS_ITSELF!r}\n{TRAINED_TWICE}"
    done = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    sizes = {units: 64 * units + units + units * 10 + 10 for units in (4, 8)}
    assert done.stdout.splitlines() == [
        f"4 {sizes[4]} True", "half an edi", f"8 {sizes[8]} True", "half an edi",
    ]  # fmt: skip


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
    "DOWNLOAD": ('"7 MB"', "7", "src/datasets/odd.py:7: DOWNLOAD has to be a text, not 7"),
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


def test_a_mark_at_the_start_of_a_file_is_no_part_of_it(toys):
    (toys / "models/marked.py").write_text(tree.PAINTER, encoding="utf-8-sig")
    assert catalogue.model("marked").takes == (specs.Image,)


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
