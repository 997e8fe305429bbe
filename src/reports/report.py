"""What a reader is shown of a run: report.html, and the summary on the screen."""

from pathlib import Path

from rich.table import Table

from src.reports.curves import curves, kept_epoch, names_of
from src.reports.next_steps import next_steps
from src.reports.numbers import number
from src.reports.page import rendered
from src.runs.run import Run
from src.system import screen
from src.system.files import whole


def write(path: Path) -> None:
    """Writes report.html of the run in the folder `path`, and its curves."""
    run = Run(path)
    kept = kept_epoch(run.history, run.task.monitor, run.task.direction)
    (path / "figures").mkdir(exist_ok=True)
    curves(run.history, kept).savefig(path / "figures" / "curves.png", dpi=100)
    page = rendered(run, names_of(run.metrics))
    with whole(path / "report.html") as partial:
        partial.write_text(page, encoding="utf-8")


def show(run: Run) -> None:
    """Prints a table of the run's figures."""
    splits = [split for split in run.metrics if split != "baseline"]
    baseline = run.metrics["baseline"]
    table = Table(title=f"{run.config['model']} on {run.config['data_name']}", title_justify="left")
    table.add_column(no_wrap=True, min_width=max(map(len, names_of(run.metrics))))
    for column in (*splits, f"baseline: {baseline['predictor']}"):
        table.add_column(column, justify="right")
    for name in names_of(run.metrics):
        values = [run.metrics[split][name] for split in splits] + [baseline.get(name)]
        table.add_row(name, *("" if value is None else number(value) for value in values))
    console = screen.PlainConsole()
    console.print(table)
    for text in run.warnings:
        console.print(f"warning: {text}", style="yellow", soft_wrap=not console.is_terminal)
    console.print(f"run     {run.path}", soft_wrap=True)
    if (run.path / "report.html").is_file():
        console.print(f"report  {run.path / 'report.html'}", soft_wrap=True)


def summary(run: Run, best_epoch: int, stopped_epoch: int, published: Path | None) -> None:
    """Prints what came of a training and what to do next.

    Args:
        run: the run.
        best_epoch: the one whose weights were kept, from 1.
        stopped_epoch: the one after which training ended early; 0 where it didn't.
        published: the export, if there is one.
    """
    if stopped_epoch:
        screen.tell(
            f"\nStopped after epoch {stopped_epoch}: {run.task.monitor} hasn't improved since epoch {best_epoch}, "
            "whose weights are kept."
        )
    else:
        screen.show(f"\nThe weights of epoch {best_epoch} are kept.")
    show(run)
    if published:
        screen.show(f"export  {published}  (verified in a clean process)")
    screen.show("\nNext:")
    commands = next_steps(run, published)
    width = max(map(len, commands))
    for command, about in commands.items():
        screen.show(f"  {command:<{width}}  {about}")
