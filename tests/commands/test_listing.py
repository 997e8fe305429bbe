"""The `list` command."""

import re
import shutil

import pytest

from src import cli
from src.commands.listing import listing
from src.errors import UsageError
from src.settings import catalogue
from tests import tree


@pytest.fixture
def toys(tmp_path, monkeypatch):
    """A project of toy models and data sets only."""
    root = tree.toys(tmp_path)
    monkeypatch.setattr(catalogue, "ROOT", root)
    return root


@pytest.fixture
def shown(capsys, monkeypatch):
    """What `listing` prints on a screen of some columns: its lines, blanks at their ends cut off."""

    def shown(columns=80, **flags):
        monkeypatch.setenv("COLUMNS", str(columns))
        listing(**flags)
        lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
        assert max(map(len, lines)) <= columns or "broken" in "".join(lines)
        return lines

    return shown


def names(lines):
    """What is listed in those lines: each name stands in a column of its own, or between commas."""
    return {name for line in lines for name in re.findall(r"(?:^|  |: |, )([\w-]+)(?=  |,|$)", line)}


def test_shows_each_file_of_this_project_on_one_screen(shown):
    lines = shown()
    assert len(lines) < 48
    assert {*catalogue.models(), *catalogue.datasets(), *catalogue.recipes()} <= names(lines)
    text = " ".join(lines)
    assert all(file.summary[:6] in text for file in catalogue.datasets().values())


def test_has_room_on_the_screen_for_twice_as_many_files(tmp_path, monkeypatch, shown):
    root = tree.copied(tmp_path)
    for path in [*catalogue.files("models"), *catalogue.files("src/datasets"), *catalogue.recipes().values()]:
        copy = root / path.relative_to(tree.ROOT)
        shutil.copy(copy, copy.with_name(f"x{path.name}"))
    monkeypatch.setattr(catalogue, "ROOT", root)
    lines = shown()
    assert len(lines) < 48 and {"xmlp", "xwine", "xgan-digits"} <= names(lines)


def test_shows_what_there_is_and_what_goes_together(toys, shown):
    (toys / "models/tailor.py").write_text(tree.CLERK.replace("Columns", "Vector"))
    assert shown() == [
        "Columns  regression: clerk",
        "  table  Toy table",
        "Image    classification: painter",
        "  pictures  7 MB  Toy pictures",
        "Models that no data set fits  tailor",
        "Recipes  none",
        "make train MODEL=NAME DATA=NAME  make list ARGS=NAME|models|data|tasks|recipes",
    ]


def test_tasks_of_the_same_models_share_a_line(toys, shown):
    (toys / "src/datasets/table.py").write_text(
        tree.TABLE.replace("(Values,)", "(Values, Classes)")
        .replace("import Columns", "import Classes, Columns")
        .replace("load()", "load(wanted)")
    )
    (toys / "models/judge.py").write_text(tree.CLERK.replace("Values", "Classes"))
    (toys / "models/scribe.py").write_text(tree.CLERK)
    assert shown()[0] == "Columns  classification: judge  regression: clerk, scribe"
    for name in ("clerk", "scribe", "judge"):
        both = tree.CLERK.replace("(Values,)", "(Classes, Values)").replace(
            "Columns, Values", "Classes, Columns, Values"
        )
        (toys / "models" / f"{name}.py").write_text(both)
    assert shown()[0] == "Columns  classification, regression: clerk, judge, scribe"


def test_a_wide_screen_has_more_beside_each_other(toys, shown):
    for name in ("chairs", "spoons"):
        (toys / "src/datasets" / f"{name}.py").write_text(tree.TABLE)
    for columns, expected in [(79, 1), (80, 2), (120, 3)]:
        (line,) = [line for line in shown(columns) if line.startswith("  chairs")]
        assert line.count("Toy table") == expected


def test_a_long_sentence_is_cut_to_its_place(toys, shown):
    (toys / "src/datasets/table.py").write_text(tree.TABLE.replace("Toy table: for tests.", "Long " * 40))
    (line,) = [line for line in shown() if line.startswith("  table")]
    assert line.endswith("…")


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        ("models", ["  clerk    Toy clerk: for tests.", "  painter  Toy painter: for tests."]),
        ("data", ["  pictures  Toy pictures: for tests. Download: 7 MB.", "  table     Toy table: for tests."]),
        ("recipes", ["  best  Pictures, in colour"]),
    ],
)
def test_a_group_is_shown_in_full(toys, shown, group, expected):
    (toys / "recipes/best.toml").write_text("# Pictures, in colour. Accuracy 0.9.\n# make train RECIPE=best\n")
    assert shown(name=group) == expected


def test_the_group_of_tasks_has_each(shown):
    text = " ".join(shown(name="tasks"))
    assert all(f"  {name} " in text for name in catalogue.tasks())


def test_details_of_a_name_say_what_goes_together(toys, shown):
    assert "           takes Image; gives Classes; default data set: pictures" in shown(name="painter")
    assert "  pictures  classification" in shown(name="painter")
    assert "  painter  classification" in shown(name="pictures")
    assert "            has Image; predicts Classes; download: 7 MB" in shown(name="pictures")
    assert "         has Columns; predicts Values; download: none" in shown(name="table")
    assert "              predicts Values" in shown(name="regression")


def test_a_name_of_several_things_shows_them_all(toys, shown):
    (toys / "models/table.py").write_text(tree.CLERK)
    lines = shown(name="table")
    assert "models/table.py" in lines and "src/datasets/table.py" in lines


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_shows_what_a_recipe_is_for(toys, shown, encoding):
    text = "# Pictures,\n# in colour.\n# make train RECIPE=best\nwet = 0.5\n"
    (toys / "recipes/best.toml").write_text(text, encoding=encoding)
    assert "Recipes  best" in shown()
    lines = shown(name="best")
    assert "  best  Pictures, in colour." in lines and "  wet  0.5" in lines


def test_shows_the_knobs_of_a_model(toys, shown):
    lines = shown(name="painter")
    for expected in [
        "  --brushes  width of each brush, from first to last.",
        "             a list of integers; default: 16 32",
        "             one of 'plain', 'rich'; default: plain",
        "             an integer",
        "  learning_rate  0.25",
        "  epochs         7",
        "  brushes  one of (1,), (2, 3)",
        "  wet      0.0 to 0.5",
    ]:
        assert expected in lines
    assert not any("clerk" in line for line in lines)


def test_shows_ranges_in_words(toys, shown):
    text = tree.PAINTER.replace("Range(0.0, 0.5)", "Range(1e-4, 0.5, log=True, step=0.1)")
    (toys / "models/painter.py").write_text(text)
    assert "  wet      0.0001 to 0.5 in steps of 0.1, on a log scale" in shown(name="painter")


def test_shows_the_knobs_of_a_data_set(toys, shown):
    lines = shown(name="pictures")
    assert "  --grain  how noisy they are." in lines and "           a finite number; default: 0.5" in lines
    assert "  none" in shown(name="table")


def test_help_in_brackets_is_no_markup(toys, shown):
    (toys / "models/painter.py").write_text(tree.PAINTER.replace("share of water.", "share, [red] in [a, b)."))
    assert "  --wet      share, [red] in [a, b)." in shown(name="painter")


def test_unknown_names(toys):
    with pytest.raises(UsageError, match="Did you mean 'painter'"):
        listing("paint")
    with pytest.raises(UsageError, match="Did you mean 'pictures'"):
        listing("picture")


@pytest.mark.parametrize("folder", ["models", "src/datasets", "src/tasks"])
def test_a_broken_file_is_one_line(toys, shown, folder):
    (toys / folder / "broken.py").write_text("def build(:")
    assert [line for line in shown() if "broken" in line] == [
        f"  {folder}/broken.py:1: this is not valid Python: invalid syntax."
    ]


def test_a_long_problem_stays_one_line_as_it_is(toys, shown):
    (toys / "models/broken.py").write_text(tree.CLERK.replace("pencils: int = 3", "pencils: list[int] = ()"))
    (line,) = [line for line in shown() if "broken" in line]
    assert "'pencils' can't be a knob: its annotation is list[int]; use " in line and line.endswith("… | None.")


def test_every_file_can_go(toys, shown):
    for folder in ("models", "src/datasets", "src/tasks"):
        for file in (toys / folder).glob("[!_]*.py"):
            file.unlink()
            assert shown()
    assert shown()[0] == "Recipes  none"


@pytest.mark.parametrize(
    "gone", [path.relative_to(tree.ROOT) for f in ("models", "src/datasets") for path in catalogue.files(f)]
)
def test_this_project_without_one_of_its_files(gone, tmp_path, monkeypatch, shown):
    root = tree.copied(tmp_path)
    (root / gone).unlink()
    monkeypatch.setattr(catalogue, "ROOT", root)
    assert gone.stem not in names(shown())


def test_exit_code(toys, capsys):
    (toys / "models/broken.py").write_text("def build(:")
    assert cli.main(["list"]) == 0
    assert cli.main(["list", "broken"]) == 1
    assert cli.main(["list", "brokn"]) == 2
    assert "Did you mean 'broken'?" in capsys.readouterr().err
