"""Knobs: what is read from a signature, and what fits into one."""

import math
from typing import Literal

import numpy as np
import pytest

from src.errors import UsageError, UserError
from src.settings import knobs
from src.settings.knobs import Knob


@pytest.fixture
def read(tmp_path):
    """Reads the knobs of `build(inputs, *, …)` in a file models/some.py; its signature starts at line 4."""

    def read(parameters, docs="", function="build"):
        path = tmp_path / "models" / "some.py"
        path.parent.mkdir()
        path.write_text(f'"""Some."""\n\n\ndef build(inputs, *, {parameters}):\n    """Builds.\n\n{docs}\n    """\n')
        return knobs.read(path, function)

    return read


def knob(kind, default=None):
    return Knob("width", kind, default, "", "models/some.py:4")


# Reading.


@pytest.mark.parametrize(
    ("parameter", "kind", "default"),
    [
        ("a: int = 3", int, 3),
        ("a: float = 1e-3", float, 1e-3),
        ("a: float = -2", float, -2.0),
        ("a: str = 'x'", str, "x"),
        ("a: bool = True", bool, True),
        ("a: tuple[int, ...] = (1, 2)", tuple[int, ...], (1, 2)),
        ("a: tuple[float, ...] = ()", tuple[float, ...], ()),
        ("a: Literal['x', 'y'] = 'y'", Literal["x", "y"], "y"),
        ("a: Literal['x'] = 'x'", Literal["x"], "x"),
        ("a: int | None = None", int | None, None),
        ("a: Literal[1, 2] | None = 2", Literal[1, 2] | None, 2),
        ("a: int | str = 'auto'", int | str, "auto"),
    ],
)
def test_reads_type_and_default(read, parameter, kind, default):
    (found,) = read(parameter)
    assert (found.name, found.type, found.default) == ("a", kind, default)
    assert type(found.default) is type(default)
    assert found.where == "models/some.py:4"


def test_reads_help_over_several_lines(read):
    wide, deep = read(
        "wide: int = 1, deep_down: int = 2",
        "    Args:\n        inputs: no knob.\n        wide: how wide,\n            in metres.\n",
    )
    assert (wide.help, deep.help) == ("how wide, in metres.", "")
    assert (wide.flag, deep.flag) == ("--wide", "--deep-down")


def test_reads_a_constructor_and_its_class_docstring(tmp_path):
    path = tmp_path / "task.py"
    path.write_text(
        'class Task:\n    """T.\n\n    Args:\n        a: help.\n    """\n    def __init__(self, *, a: int = 1): ...'
    )
    (found,) = knobs.read(path, "Task.__init__")
    assert (found.name, found.help) == ("a", "help.")


@pytest.mark.parametrize(
    ("parameter", "words"),
    [
        ("a: list = []", "its annotation is list"),
        ("a: tuple[int, int] = (1, 2)", "its annotation is tuple[int, int]"),
        ("a: Optional[int] = None", "its annotation is Optional[int]"),
        ("a: tuple[tuple[int, ...], ...] = ((1,), (2,))", "its annotation is tuple[tuple[int, ...], ...]"),
        ("a: Literal[CHOICES] = 1", "CHOICES is not plain data"),
        ("a: float = math.pi", "math.pi is not plain data"),
        ("a: float = 2 * 3", "2 * 3 is not plain data"),
        ("a = 3", "needs an annotation and a default"),
        ("a: int", "needs an annotation and a default"),
        ("a: int = 1.5", "the default of 'a' isn't an integer"),
        ("a: float = None", "the default of 'a' isn't a finite number"),
        ("a: float = 1e999", "the default of 'a' isn't a finite number"),
        ("a: Literal['x', 'y'] = 'z'", "the default of 'a' isn't one of 'x', 'y'"),
    ],
)
def test_what_cannot_be_a_knob_names_file_and_line(read, parameter, words):
    with pytest.raises(UserError) as error:
        read(parameter)
    assert str(error.value).startswith("models/some.py:4: ")
    assert words in str(error.value) and "'a'" in str(error.value)
    assert error.value.exit_code == 1, "the file is wrong, not the command"


def test_what_stands_before_the_star_is_no_knob(tmp_path):
    path = tmp_path / "models/some.py"
    path.parent.mkdir()
    path.write_text("\n\ndef build(inputs, outputs,\n          units=8, *, depth: int = 1): ...\n")
    with pytest.raises(UserError, match=r"^models/some.py:4: 'units' isn't a knob: put it after `\*`, with an annot"):
        knobs.read(path, "build", 2)
    assert [knob.name for knob in knobs.read(path, "build", 3)] == ["depth"]


@pytest.mark.parametrize(("code", "end"), [("a = [1\n     2]", "comma?"), ("def", "syntax.")])
def test_a_syntax_error_ends_in_one_sign(tmp_path, code, end):
    (tmp_path / "some.py").write_text(code)
    with pytest.raises(UserError) as error:
        knobs.syntax(tmp_path / "some.py")
    assert str(error.value).endswith(f" {end}")


def test_missing_function_is_named(read):
    with pytest.raises(UserError, match=r"models/some.py: there is no load in this file"):
        read("a: int = 1", function="load")


# Checking.


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (int, 3, 3),
        (float, 3, 3.0),
        (float, 0.5, 0.5),
        (bool, False, False),
        (str, "3", "3"),
        (tuple[int, ...], [1, 2], (1, 2)),
        (tuple[int, ...], (1, 2), (1, 2)),
        (tuple[float, ...], [1, 2.5], (1.0, 2.5)),
        (tuple[int, ...], [], ()),
        (int | None, None, None),
        (int | None, 3, 3),
        (float | None, 3, 3.0),
        (tuple[int, ...] | None, [1], (1,)),
        (Literal["x", "y"], "y", "y"),
        (Literal[1, 2], 2, 2),
        (int, np.int64(3), 3),
        (float, np.float32(0.5), 0.5),
    ],
)
def test_fits(kind, value, expected):
    fitted = knob(kind).check(value)
    assert fitted == expected and type(fitted) is type(expected)
    if isinstance(expected, tuple):
        assert list(map(type, fitted)) == list(map(type, expected))


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        (int, True, "an integer, not True"),
        (int, 3.0, "an integer, not 3.0"),
        (int, "3", "an integer, not '3'"),
        (int, None, "an integer, not None"),
        (float, True, "a finite number, not True"),
        (float, math.nan, "a finite number, not nan"),
        (float, -math.inf, "a finite number, not -inf"),
        (float, 10**400, "a finite number, not 1000"),
        (float | None, math.nan, "a finite number or None, not nan"),
        (bool, 1, "true or false, not 1"),
        (str, 3, "a string, not 3"),
        (tuple[int, ...], 3, "a list of integers, not 3"),
        (tuple[int, ...], "12", "a list of integers, not '12'"),
        (tuple[str, ...], "ab", "a list of strings, not 'ab'"),
        (tuple[int, ...], [1, True], "a list of integers, not [1, True]"),
        (tuple[float, ...], [math.inf], "a list of finite numbers, not [inf]"),
        (Literal["x", "y"], "z", "one of 'x', 'y', not 'z'"),
        (Literal["x", "y"], ["x"], "one of 'x', 'y', not ['x']"),
        (Literal[1, 2], True, "one of 1, 2, not True"),
    ],
)
def test_does_not_fit(kind, value, words):
    with pytest.raises(UsageError) as error:
        knob(kind).check(value)
    assert str(error.value).startswith(f"width takes {words}")
    assert "(models/some.py:4)" in str(error.value)


def test_check_names_the_place_and_the_nearest_knob():
    known = [knob(int), Knob("depth", int, 1, "", "models/some.py:5")]
    assert knobs.check(known, {"width": 2}, "mine.toml") == {"width": 2}
    with pytest.raises(UsageError, match=r"^mine.toml: there is no knob 'widht'. Did you mean 'width'\?$"):
        knobs.check(known, {"widht": 2}, "mine.toml")
    with pytest.raises(UsageError, match=r"^mine.toml: there is no knob 'WIDTH'. Did you mean 'width'\?$"):
        knobs.check(known, {"WIDTH": 2}, "mine.toml")
    with pytest.raises(UsageError, match=r"^mine.toml: there is no knob 'x'. It has: depth, width.$"):
        knobs.check(known, {"x": 2}, "mine.toml")
    with pytest.raises(UsageError, match=r"^mine.toml: width takes an integer"):
        knobs.check(known, {"width": "2"}, "mine.toml")
