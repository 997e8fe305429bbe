"""The command that writes a run's report again."""

import shutil

import pytest

from src.analysis import predictions
from src.commands.report import report
from src.train import train
from tests.conftest import FEW
from tests.samples import PAIRS

if not PAIRS:
    pytest.skip("no model goes with a data set that needs no download", allow_module_level=True)


def test_a_run_without_a_report_gets_one_from_what_it_holds(tmp_path, capsys):
    model, data = PAIRS[0]
    run = train(model, data=data, **FEW, runs_dir=str(tmp_path), export=False, report=False)
    assert "report" not in run.config["knobs"]
    assert not (run.path / "report.html").exists()
    report(run=str(run.path))
    assert (run.path / "report.html").is_file()
    assert str(run.path / "report.html") in capsys.readouterr().out


@pytest.mark.parametrize(
    "lacks",
    [("cost.json", predictions.FILE, "figures/errors"), ("model.keras", predictions.FILE, "figures")],
    ids=["an older one", "a search's"],
)
def test_a_run_has_a_report_of_what_there_is(short_run, tmp_path, lacks):
    path = shutil.copytree(short_run(*PAIRS[0]).path, tmp_path / "run")
    for name in ("report.html", *lacks):
        shutil.rmtree(path / name, ignore_errors=True)
        (path / name).unlink(missing_ok=True)
    report(run=str(path))
    page = (path / "report.html").read_text(encoding="utf-8")
    assert "95% interval" not in page and "On test, " in page
