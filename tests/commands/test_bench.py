"""The shape of the speed table; the figures themselves are the machine's, and nothing here leans on them."""

import re

import pytest

from src.commands.bench import bench
from src.errors import UserError
from src.settings import catalogue
from src.specs import Classes, Image, NextToken
from tests.samples import PAIRS

CLASSIFIERS = [file.name for file in catalogue.models().values() if Image in file.takes and Classes in file.gives]
NUMBERS = r"( *│ *[\d.]+){4} *│ 9\.00 *│"  # plain, harness, two ratios and what is allowed


@pytest.mark.parametrize(
    ("model", "data", "unit"),
    [*((*pair, "epoch") for pair in PAIRS[:1]), *((name, "200", "step") for name in CLASSIFIERS[:1])],
)
def test_each_side_is_timed_in_cpu_and_wall_time(model, data, unit, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    bench(cases=(f"{model}/{data}/64/1/9",), writers=(), rounds=1)
    cpu, wall = [line for line in capsys.readouterr().out.splitlines() if "9.00" in line]
    assert re.search(rf"{model}/{data}/64, {unit} *│ CPU{NUMBERS}", cpu)
    assert re.search(rf"\d+ per execution *│ wall{NUMBERS}", wall)


@pytest.mark.parametrize(("case", "kind"), [("gone/200/64/1/9", "model"), ("any/gone/64/1/9", "data set")])
def test_a_case_whose_file_is_gone_is_left_out(case, kind, capsys):
    bench(cases=(case,), writers=(), rounds=1)
    assert f"was left out: There is no {kind} 'gone'." in capsys.readouterr().out


@pytest.mark.parametrize("case", ["mlp", "mlp/digits/64/1", "mlp/digits/64/0/1", "mlp/digits/64/few/1"])
def test_a_case_that_says_too_little_is_refused(case):
    with pytest.raises(UserError, match="MODEL/DATA/BATCH/EPOCHS/MOST"):
        bench(cases=(case,))


def test_writing_is_timed_for_each_length(capsys, monkeypatch):
    """No timing is asserted; the table has a figure for each length."""
    monkeypatch.setattr("src.commands.bench.LENGTHS", (5, 20))
    names = [file.name for file in catalogue.models().values() if NextToken in file.gives]
    others = [file.name for file in catalogue.models().values() if NextToken not in file.gives]
    bench(cases=(), writers=(*names, *others[:1], "gone"), rounds=1)
    out = capsys.readouterr().out
    for name in names:
        assert re.search(rf"│ {name} *│ *[\d.]+ *│ *[\d.]+ *│", out)
    for name in others[:1]:
        assert f"{name} was left out: it doesn't predict the next token." in out
    assert "gone was left out" in out


def test_no_rounds_are_refused():
    with pytest.raises(UserError, match="rounds"):
        bench(rounds=0)
