"""Compare: runs side by side, and whether one is better than another by more than chance."""

from collections.abc import Sequence
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any

from src.errors import UsageError, UserError
from src.reports import comparison as reports
from src.reports.comparison_page import rendered
from src.runs import record
from src.runs.comparison import Comparison, Measured, why_not
from src.runs.run import Run, load_run
from src.system import screen
from src.system.files import check_writable, whole

PAGE = "comparison.html"


def compare_command(*runs: str, data: str = "", output: str = "", runs_dir: str = "runs") -> None:
    """Compares runs, shows a table of them, and writes a page and a CSV file.

    Args:
        runs: folders of the runs; each is compared with the first.
        data: all finished runs on this data set, the oldest first, that can be compared with the newest.
        output: page to write, .html; the CSV file beside it has the same name. The default is comparison.html in the
            folder of the runs.
        runs_dir: folder of the runs.
    """
    compare(runs, data=data, output=output, runs_dir=runs_dir, verbose=True)


def compare(
    runs: Sequence[Run | str | Path] | Run | str | Path = (),
    *,
    data: str = "",
    output: str | Path = "",
    runs_dir: str | Path = "runs",
    verbose: bool = False,
) -> list[dict[str, Any]]:
    """Compares runs, and writes a page and a CSV file. Nothing is predicted; their data set isn't needed.

    Args:
        runs: the runs, or their folders; each is compared with the first.
        data: instead of them, a data set; see `compare_command` for this, and the others.
        output: page to write.
        runs_dir: folder of the runs.
        verbose: whether to show a table.

    Returns:
        The rows of the CSV file: of each run its folder, the knobs that differ, its figure with interval, difference
        to the first and p value, all other figures, and what it cost.

    Raises:
        UserError: for runs that can't be compared, with the reason.
    """
    page = Path(output or Path(runs_dir) / PAGE)
    if page.suffix.lower() != ".html":
        raise UserError(f"{page} has to end in .html: it is a page; the CSV file beside it has the same name.")
    runs = [runs] if isinstance(runs, str | Path | Run) else runs
    if bool(runs) == bool(data):
        raise UsageError('Name the runs, or their data set: make compare RUNS="runs/a runs/b", or DATA=NAME.')
    comparison = Comparison(_on(data, Path(runs_dir)) if data else _named(runs))
    check_writable(page.parent)
    with screen.waiting("comparing") if verbose else nullcontext():
        table = reports.rows(comparison)
    reports.write_csv(page.with_suffix(".csv"), table)
    with whole(page) as partial:
        partial.write_text(rendered(comparison), encoding="utf-8")
    if verbose:
        reports.show(comparison)
        screen.show(f"\npage  {page}\ntable {page.with_suffix('.csv')}")
    return table


def _named(runs: Sequence[Run | str | Path]) -> list[Measured]:
    """The runs, two or more, each once."""
    measured = [Measured(run if isinstance(run, Run) else load_run(run)) for run in runs]
    folders = [each.run.path.resolve() for each in measured]
    for place, folder in enumerate(folders):
        if folder in folders[:place]:
            raise UsageError(f"{measured[place].run.path} is named twice.")
    if len(measured) < 2:
        raise UsageError(f'A comparison needs two runs or more: make compare RUNS="{measured[0].run.path} OTHER".')
    return measured


def _on(data: str, folder: Path) -> list[Measured]:
    """The finished runs on a data set, the oldest first; those that can't be compared with the newest are named."""
    runs, left_out = [], []
    for file in folder.glob("*/metrics.json"):
        try:
            config = record.of_run(file.parent)
            if data in (config["data"], config["data_name"]):
                runs.append(Measured(load_run(file.parent)))
        except UserError as error:
            left_out.append(str(error))
    runs.sort(key=lambda measured: datetime.fromisoformat(measured.run.config["started"]).timestamp())
    fitting = []
    for measured in runs:
        try:
            why = why_not(measured, runs[-1])
        except UserError as error:  # such as damaged predictions
            why = str(error).removesuffix(".")
        if why:
            left_out.append(f"{measured.run.path}: {why}.")
        else:
            fitting.append(measured)
    if left_out:
        screen.tell("Left out:\n" + "\n".join(f"  {line}" for line in left_out))
    if len(fitting) < 2:
        counted = f"one finished run on {data} that can be compared" if fitting else f"no finished run on {data}"
        raise UserError(f"{folder} has {counted}; it takes two. Train another, or name the runs: make compare RUNS=…")
    return fitting
