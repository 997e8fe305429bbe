"""The command line, through `main` and through processes of its own."""

import json
import os
import subprocess
import sys

import pytest

from src import cli
from src.errors import UserError
from src.settings import catalogue
from src.system.program import PROGRAM
from tests import tree


@pytest.fixture
def toys(tmp_path, monkeypatch):
    """A project of toy models and data sets only."""
    root = tree.toys(tmp_path)
    monkeypatch.setattr(catalogue, "ROOT", root)
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def say(capsys, monkeypatch):
    """Says words to the command line; gives back exit code, standard output and standard error."""
    monkeypatch.setenv("COLUMNS", "80")

    def say(*words):
        try:
            code = cli.main(list(words))
        except SystemExit as end:
            code = end.code or 0
        return code, *capsys.readouterr()

    return say


@pytest.fixture
def trained(monkeypatch):
    """What the command line asks `train` to do."""
    calls = []
    monkeypatch.setattr(
        "src.crossvalidation.train_command", lambda *arguments, **flags: calls.append((arguments, flags))
    )
    monkeypatch.setattr("src.system.quiet.import_tensorflow", lambda debug, deterministic: calls.append(debug))
    return calls


# Help.


@pytest.mark.parametrize("words", [(), ("--help",), ("-h",)])
def test_overview_shows_every_command(say, words):
    code, out, err = say(*words)
    assert (code, err) == (0, "")
    for command, (_, _, about, _) in cli.COMMANDS.items():
        assert f"  {command} " in out and about in out
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize("command", [name for name in cli.COMMANDS if name != "train"])
def test_help_of_each_command(say, command):
    code, out, _ = say(command, "--help")
    assert code == 0
    assert cli.COMMANDS[command][2] in out
    assert "--" in out.replace("--help", "") or command == "list"


def test_train_without_a_model_names_them(toys, say):
    code, out, err = say("train")
    assert code == 2
    assert err == "error: Name a model.\n" and out.count("painter") == 1
    assert f"usage: {PROGRAM} train MODEL" in out
    assert say("train", "--help") == (0, out, "")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--epochs", "abc"), "--epochs takes an integer, not 'abc'."),
        (("--epochs",), "--epochs takes an integer: give one."),
        (("--epochs", "3", "4"), "'4' belongs to no flag."),
        (("--brushes", "1", "a"), "--brushes takes a list of integers, not 'a'."),
        (("--style", "plane"), "--style takes one of 'plain', 'rich', not 'plane'. Did you mean 'plain'?"),
        (("pictures",), "'pictures' belongs to no flag."),
        (("--framed=yes",), "'yes' belongs to no flag."),
    ],
    ids=" ".join,
)
def test_a_value_that_a_flag_can_not_take_is_one_line(toys, say, words, told):
    assert say("train", "painter", *words) == (
        2,
        "",
        f"error: {told}\nAll flags: {PROGRAM} train painter --help\n",
    )


def test_model_comes_first(toys, say):
    code, _, err = say("train", "--data", "pictures", "painter")
    assert code == 2 and "Name the model first" in err


def test_help_of_a_model_shows_every_knob_with_its_default(toys, say):
    code, out, _ = say("train", "painter", "--help")
    assert code == 0
    assert "Toy painter: for tests." in out and "On pictures: Toy pictures: for tests." in out
    text = " ".join(out.replace("│", " ").split())
    assert "--brushes [INT [INT ...]] width of each brush, from first to last. (default: 16 32)" in text
    assert "--style {plain,rich} (default: plain)" in text
    assert "--grain FLOAT how noisy they are. (default: 0.5)" in text
    assert "--learning-rate FLOAT" in text and "(default of models/painter.py: 0.25)" in text, "FIT wins"
    assert "(default: pictures)" in text and "(default: classification)" in text
    assert "--coats [FLOAT [FLOAT ...]] --finish {matt,gloss}" in text, "None is no default that help could show"


def test_help_shows_what_the_configuration_says(toys, say):
    (toys / "mine.toml").write_text("wet = 0.75\nsold = 9")
    _, out, _ = say("train", "painter", "--config", "mine.toml", "--help")
    assert "(default of mine.toml: 0.75)" in out and "(default of mine.toml: 9)" in out


def test_help_of_every_pair_that_goes_together(say):
    for model in catalogue.models().values():
        for data in catalogue.datasets().values():
            if catalogue.tasks_of(model, data):
                code, out, _ = say("train", model.name, "--data", data.name, "--help")
                assert code == 0
                assert {knob.flag for knob in model.knobs + data.knobs} <= set(out.replace(",", " ").split())


# What a command is given.


def test_train_gets_only_the_flags_that_were_given(toys, say, trained):
    assert say("train", "painter") == (0, "", "")
    assert trained == [False, (("painter",), {})]


def test_flags_arrive_in_their_types(toys, say, trained):
    words = "--brushes 4 5 --wet 1 --framed --style rich --sold 3 --coats 1 2.5 --finish gloss --no-export --tag=a=b"
    code, _, _ = say("train", "painter", *words.split())
    (_, flags) = trained[-1]
    assert code == 0
    assert flags == {
        "brushes": (4, 5),
        "wet": 1.0,
        "framed": True,
        "style": "rich",
        "sold": 3,
        "coats": (1.0, 2.5),
        "finish": "gloss",
        "export": False,
        "tag": "a=b",
    }
    assert type(flags["wet"]) is float


def test_underscores_do_as_well(toys, say, trained):
    assert say("train", "painter", "--learning_rate", "0.5", "--batch=8")[0] == 0
    assert trained[-1][1] == {"learning_rate": 0.5, "batch": 8}


def test_debug_reaches_tensorflow(toys, say, trained):
    assert say("train", "painter", "--debug")[0] == 0
    assert trained[0] is True


@pytest.mark.parametrize(
    ("words", "fixed"),
    [
        ("train painter", False),
        ("train painter --deterministic", True),
        ("train painter --config fixed.toml", True),
        ("train painter --config fixed.toml --no-deterministic", False),
        ("train painter --resume 1", True),
    ],
)
def test_threads_are_fixed_before_tensorflow_starts(toys, say, trained, monkeypatch, words, fixed):
    asked = []
    monkeypatch.setattr("src.system.quiet.import_tensorflow", lambda debug, deterministic: asked.append(deterministic))
    (toys / "fixed.toml").write_text("deterministic = true")
    begun = {"format": 1, "model": "painter", "data": "pictures", "started": "2026-01-01T00:00:00+00:00"}
    (toys / "runs" / "painter-pictures-folds").mkdir(parents=True)
    folds = json.dumps({**begun, "knobs": {"deterministic": True, "folds": 3}})
    (toys / "runs" / "painter-pictures-folds" / "folds.json").write_text(folds)
    assert say(*words.split()) == (0, "", "")
    assert asked == [fixed]


# Mistakes.


def test_unknown_command(say):
    code, out, err = say("trian")
    assert (code, out) == (2, "")
    assert err.startswith("error: There is no command 'trian'. Did you mean 'train'?")
    assert all(command in err for command in cli.COMMANDS)


def test_unknown_model(toys, say):
    code, _, err = say("train", "paniter")
    assert code == 2
    assert err == "error: There is no model 'paniter'. Did you mean 'painter'? Choose from: clerk, painter.\n"


@pytest.mark.parametrize("words", [("--data", "picture"), ("--data=picture",), ("--epochs", "3", "--data", "picture")])
def test_unknown_data_set(toys, say, trained, words):
    code, _, err = say("train", "painter", *words)
    assert (code, trained) == (2, [])
    assert err == "error: There is no data set 'picture'. Did you mean 'pictures'? Choose from: pictures, table.\n"


def test_data_set_that_does_not_go_with_the_model(toys, say):
    code, _, err = say("train", "painter", "--data", "table")
    assert code == 2
    assert "painter takes Image and gives Classes; table has Columns and Values." in err


def test_task_that_does_not_go_with_them(toys, say):
    code, _, err = say("train", "painter", "--task", "regression")
    assert code == 2 and "painter on pictures can't do regression; it can do: classification." in err


def test_model_without_a_data_set_of_its_own(toys, say):
    code, _, err = say("train", "clerk")
    assert code == 2 and "models/clerk.py" in err and "--data" in err


def test_unknown_flag(toys, say, trained):
    code, out, err = say("train", "painter", "--epoch", "3")
    assert (code, out) == (2, "")
    assert "no flag '--epoch' here. Did you mean '--epochs'?" in err
    assert f"{PROGRAM} train painter --help" in err
    assert trained == []


def test_unknown_flag_of_another_command(say):
    code, _, err = say("serve", "--modle", "x")
    assert code == 2 and "Did you mean '--model'?" in err and f"{PROGRAM} serve --help" in err


@pytest.mark.parametrize(
    ("words", "owner"),
    [
        ("train painter --pencils 3", "clerk"),
        ("train clerk --data table --grain 1", "pictures"),
        ("train clerk --data table --region-loss dice", "segmentation"),
    ],
)
def test_flag_of_another_file_says_whose_it_is(toys, say, words, owner):
    code, _, err = say(*words.split())
    assert code == 2 and f"It is a knob of {owner}." in err


def test_only_switches_have_a_no(toys, say):
    code, _, err = say("train", "painter", "--no-epochs")
    assert code == 2 and "'--no-epochs'" in err


@pytest.mark.parametrize(
    "words", ["--epochs many", "--epochs 1.5", "--style plane", "--brushes a", "--epochs", "--sold x", "--finish x"]
)
def test_mistyped_value_names_the_flag(toys, say, trained, words):
    code, out, err = say("train", "painter", *words.split())
    assert (code, out) == (2, "")
    assert words.split()[0] in err and f"{PROGRAM} train painter --help" in err
    assert trained == []


@pytest.mark.parametrize("value", ["nan", "inf", "-inf"])
def test_numbers_are_finite(toys, say, trained, value):
    code, _, err = say("train", "painter", f"--wet={value}")
    assert (code, trained) == (2, [])
    assert "wet takes a finite number" in err and "models/painter.py:" in err


def test_a_broken_neighbour_stops_nobody(toys, say, trained):
    (toys / "models/broken.py").write_text("def build(:")
    (toys / "src/datasets/broken.py").write_text("def load(:")
    (toys / "src/tasks/broken.py").write_text("SPEC =")
    assert say("train", "painter")[0] == 0
    code, _, err = say("train", "painter", "--epoch", "3")
    assert code == 2 and "Did you mean '--epochs'?" in err
    code, _, err = say("train", "broken")
    assert code == 1 and err.startswith("error: models/broken.py:1: this is not valid Python")


def test_pairing_says_which_task_is_unreadable(toys, say):
    (toys / "src/tasks/classification.py").write_text("SPEC =")
    code, _, err = say("train", "painter")
    assert code == 2 and err.startswith("error: Unreadable: src/tasks/classification.py:1")


# How a command ends.


@pytest.mark.parametrize(
    ("end", "code", "text"),
    [
        (UserError("The disk is tired. Let it rest."), 1, "error: The disk is tired. Let it rest.\n"),
        (
            FileNotFoundError(2, "No such file or directory", "a/b.csv"),
            1,
            "error: a/b.csv: No such file or directory.\n",
        ),
        (
            OSError(28, "No space left on device"),
            1,
            "error: No space left on device. `make doctor` shows the folders and the space in them.\n",
        ),
        (KeyboardInterrupt(), 130, "\nstopped; nothing unfinished was published.\n"),
    ],
)
def test_end_in_one_line(toys, say, monkeypatch, end, code, text):
    monkeypatch.setattr("src.commands.listing.listing", raising(end))
    assert say("list") == (code, "", text)
    with pytest.raises(type(end)):
        say("list", "--debug")


@pytest.mark.parametrize("mistake", [RuntimeError("a bug"), OSError("without a file"), FileNotFoundError()])
def test_our_own_mistakes_keep_their_traceback(say, monkeypatch, mistake):
    monkeypatch.setattr("src.commands.listing.listing", raising(mistake))
    with pytest.raises(type(mistake)):
        say("list")


def raising(error):
    def function(*arguments, **flags):
        raise error

    return function


# In processes of their own.


def test_nothing_imports_tensorflow(tmp_path):
    """Help, lists and every refusal, in one process that would notice."""
    root = tree.toys(tmp_path)
    script = """if True:
        import sys
        from src.cli import main

        def code(words):
            try:
                return main(words.split())
            except SystemExit as end:
                return end.code or 0

        asked = sys.stdin.read().splitlines()
        codes = [code(words) for words in asked]
        heavy = {"tensorflow", "keras", "numpy", "sklearn", "matplotlib", "models.painter"} & set(sys.modules)
        print(codes, sorted(heavy), file=sys.stderr)
    """
    good = ["--help", "train --help", "train painter --help", "list", "list painter", "evaluate --help"]
    bad = [
        "train",
        "train x",
        "train painter --data x",
        "train painter --x 1",
        "train painter --wet x",
        "x",
        "list --x",
    ]
    answer = subprocess.run(
        [sys.executable, "-c", script], cwd=root, input="\n".join(good + bad), capture_output=True, encoding="utf-8"
    )
    assert answer.stderr.splitlines()[-1] == f"{[0] * len(good) + [2] * len(bad)} []"


def test_process_prints_and_exits():
    root = tree.ROOT
    overview = tree.run(root)
    assert (overview.returncode, overview.stderr) == (0, "")
    assert overview.stdout.startswith(f"usage: {PROGRAM} COMMAND")
    refusal = tree.run(root, "trian")
    assert (refusal.returncode, refusal.stdout) == (2, "")
    assert "Did you mean 'train'?" in refusal.stderr and "Traceback" not in refusal.stderr


def test_poor_character_set(tmp_path):
    for words in ((), ("list",), ("train", "painter", "--help")):
        assert tree.run(tree.toys(tmp_path / str(len(words))), *words, PYTHONIOENCODING="ascii").returncode == 0


@pytest.mark.parametrize("words", [["--help"], ["list"], ["train", "painter", "--help"]])
def test_reader_that_goes_away(tmp_path, words):
    """As in `python -m src list | head -1`."""
    process = subprocess.Popen(
        [sys.executable, "-m", "src", *words],
        cwd=tree.toys(tmp_path),
        env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    process.stdout.close()
    complaint = process.stderr.read()
    process.stderr.close()
    assert (process.wait(), complaint) == (1, "")


@pytest.mark.parametrize(("words", "package"), [((), "tyro"), (("list",), "rich"), (("evaluate",), "tensorflow")])
def test_a_missing_package_is_one_line(tmp_path, words, package):
    script = f"import runpy, sys; sys.modules[{package!r}] = None; runpy.run_module('src', run_name='__main__')"
    ended = subprocess.run(
        [sys.executable, "-c", script, *words], cwd=tree.copied(tmp_path), capture_output=True, encoding="utf-8"
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"error: The package {package!r} isn't installed") and "make setup" in line


def test_what_it_prints_about_itself_can_be_run(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    place = tmp_path / "a b" / "python"
    place.parent.mkdir()
    place.symlink_to(sys.executable)
    asked = [
        "-c",
        "import sys; sys.path.append(sys.argv[1]); from src.system.program import PYTHON; print(PYTHON)",
        tree.ROOT,
    ]
    shown = subprocess.run([place, *asked], capture_output=True, encoding="utf-8").stdout
    assert shown == "'a b/python'\n"
    assert subprocess.run(f"{shown.strip()} --version", shell=True).returncode == 0
