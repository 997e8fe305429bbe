"""The `list` command."""

import pytest

from src import catalogue, cli
from src.errors import UsageError
from src.listing import listing
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


def table(lines):
    """The rows below "What goes together", each a list of words."""
    start = next(number for number, line in enumerate(lines) if line.startswith("What goes together"))
    rows = [line.split() for line in lines[start + 1 :]]
    return rows[: rows.index([])]


def test_shows_each_file_of_this_project(shown):
    text = " ".join(shown())
    for file in [*catalogue.models().values(), *catalogue.datasets().values(), *catalogue.tasks().values()]:
        assert f"  {file.name} " in text and file.summary.split()[0] in text


def test_shows_what_there_is(toys, shown):
    lines = shown()
    for expected in [
        "  painter  Toy painter: for tests.",
        "           takes Image; gives Classes; by itself on pictures",
        "           takes Columns; gives Values",
        "  pictures  Toy pictures: for tests.",
        "            has Image; predicts Classes; download: 7 MB",
        "            has Columns; predicts Values; download: none",
        "                  predicts Values",
    ]:
        assert expected in lines
    assert "Files that can't be read" not in lines


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_shows_what_a_recipe_is_for(toys, shown, encoding):
    text = "# Pictures,\n# in colour.\n# make train RECIPE=best\n"
    (toys / "recipes/best.toml").write_text(text, encoding=encoding)
    assert "  best  Pictures, in colour." in shown()


def test_shows_what_goes_together(toys, shown):
    assert table(shown()) == [
        ["clerk", "painter"],
        ["pictures", "-", "classification"],
        ["table", "regression", "-"],
    ]


def test_many_models_take_several_tables(toys, shown):
    for number in range(6):
        (toys / f"models/clerk{number}.py").write_text(tree.CLERK)
    rows = table(shown())
    heads = [row for row in rows if row[0] not in ("pictures", "table")]
    assert [name for head in heads for name in head] == list(catalogue.models())
    assert len(heads) > 1
    assert len([row for row in table(shown(columns=200)) if row[0] == "clerk"]) == 1


def test_shows_the_knobs_of_a_model(toys, shown):
    lines = shown(model="painter")
    for expected in [
        "  --brushes  width of each brush, from first to last.",
        "             a list, each a whole number; default (16, 32)",
        "             one of 'plain', 'rich'; default 'plain'",
        "             a whole number or nothing",
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
    assert "  wet      0.0001 to 0.5 in steps of 0.1, on a log scale" in shown(model="painter")


def test_shows_the_knobs_of_a_data_set(toys, shown):
    lines = shown(data="pictures")
    assert "  --grain  how noisy they are." in lines and "           a finite number; default 0.5" in lines
    assert "  none" in shown(data="table")


def test_help_in_brackets_is_no_markup(toys, shown):
    (toys / "models/painter.py").write_text(tree.PAINTER.replace("share of water.", "share, [red] in [a, b)."))
    assert "  --wet      share, [red] in [a, b)." in shown(model="painter")


def test_unknown_names(toys):
    with pytest.raises(UsageError, match="Did you mean 'painter'"):
        listing(model="paint")
    with pytest.raises(UsageError, match="Did you mean 'pictures'"):
        listing(data="picture")


@pytest.mark.parametrize("folder", ["models", "src/datasets", "src/tasks"])
def test_a_broken_file_is_one_line(toys, shown, folder):
    before = table(shown())
    (toys / folder / "broken.py").write_text("def build(:")
    lines = shown()
    assert [line for line in lines if "broken" in line] == [
        f"  {folder}/broken.py:1: this is not valid Python: invalid syntax."
    ]
    assert table(lines) == before


def test_a_long_problem_stays_one_line_as_it_is(toys, shown):
    (toys / "models/broken.py").write_text(tree.CLERK.replace("pencils: int = 3", "pencils: list[int] = ()"))
    (line,) = [line for line in shown() if "broken" in line]
    assert "'pencils' can't be a knob: its annotation is list[int]; use " in line and line.endswith("… | None.")


def test_every_file_can_go(toys, shown):
    for folder in ("models", "src/datasets", "src/tasks"):
        for file in (toys / folder).glob("[!_]*.py"):
            file.unlink()
            assert table(shown()) is not None
    lines = shown()
    assert lines.count("  none") == 3


@pytest.mark.parametrize(
    "gone", [path.relative_to(tree.ROOT) for f in ("models", "src/datasets") for path in catalogue.files(f)]
)
def test_this_project_without_one_of_its_files(gone, tmp_path, monkeypatch, shown):
    root = tree.copied(tmp_path)
    (root / gone).unlink()
    monkeypatch.setattr(catalogue, "ROOT", root)
    assert not any(line.startswith(f"  {gone.stem} ") for line in shown())


def test_exit_code(toys, capsys):
    (toys / "models/broken.py").write_text("def build(:")
    assert cli.main(["list"]) == 0
    assert cli.main(["list", "--model", "broken"]) == 1
    assert cli.main(["list", "--model", "brokn"]) == 2
    assert "Did you mean 'broken'?" in capsys.readouterr().err
