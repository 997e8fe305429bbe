"""What a search shows while it goes on: its trials, the best first; a line for each in a log."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from rich.live import Live
from rich.table import Table as RichTable

from src.reports.numbers import number
from src.system.screen import PlainConsole
from tuning.results import Failure, Result, Results, Trial
from tuning.running import Attempt
from tuning.space import AUTO

SHOWN = 12  # of the best
LOG_COLUMNS = 160  # where there is no terminal that says how many it has
REDRAWN_S = 1.0


class Table:
    """The trials of a search, on a terminal a table that changes.

    Args:
        results: what has come of it, to which the search adds.
        running: the trials under way, which the search changes, too.
        verbose: whether to show anything.
    """

    def __init__(self, results: Results, running: Sequence[Attempt], verbose: bool):
        self.results, self.running = results, running
        self.console = PlainConsole(quiet=not verbose)
        if not self.console.is_terminal:
            self.console.width = LOG_COLUMNS
        self.live = Live(console=self.console, get_renderable=self._table, auto_refresh=False, transient=True)
        self.drawn = 0.0

    def __enter__(self) -> "Table":
        if self.console.is_terminal:
            self.live.start()
        return self

    def __exit__(self, *_) -> None:
        self.live.stop()
        self.console.print(self._table())
        for failure in self.results.failures:
            self.console.print(f"{failure.trial.id} failed: {failure.reason}")

    def refresh(self) -> None:
        """Shows how far the trials are."""
        if self.console.is_terminal and time.monotonic() - self.drawn >= REDRAWN_S:
            self.live.refresh()
            self.drawn = time.monotonic()

    def show(self, ended: Result | Failure) -> None:
        """Says what came of a trial, where there is no table that shows it."""
        if self.console.is_terminal:
            return
        if isinstance(ended, Failure):
            outcome = f"failed: {ended.reason}"
        else:
            outcome = f"{number(ended.score)}, rank {self.results.ranking.index(ended) + 1}"
        line = f"{ended.trial.id}  {outcome}  ({ended.seconds:.0f} s)  {words(ended.trial.values)}"
        self.console.print(line, soft_wrap=True)

    def _table(self) -> RichTable:
        results = self.results
        table = RichTable(box=None)
        for column in ("", results.objective.figure, "epochs", "s", "trial", *results.space):
            table.add_column(column, overflow="fold")
        for rank, result in enumerate(results.ranking[:SHOWN], 1):
            epochs = f"{result.epochs}, paused" if result.paused else str(result.epochs)
            figures = number(result.score), epochs, f"{result.seconds:.0f}"
            style = "bold" if rank == 1 else ""
            table.add_row(str(rank), *figures, result.trial.id, *self._values(result.trial), style=style)
        for attempt in self.running:
            row = "", "…", "", f"{attempt.seconds:.0f}", attempt.trial.id
            table.add_row(*row, *self._values(attempt.trial), style="dim")
        failed = len(results.failures)
        table.caption = f"{results.progress} and the default" + (f", {failed} failed" if failed else "")
        return table

    def _values(self, trial: Trial) -> list[str]:
        values = self.results.searched(trial)
        return [word(values[name]) if name in values else "" for name in self.results.space]


def words(values: Mapping[str, Any]) -> str:
    """Knobs with their values, as a reader wants them."""
    return " ".join(f"{name}={word(value)}" for name, value in values.items())


def word(value: Any) -> str:
    """A knob's value: three digits of a number, a list's parts set apart by blanks."""
    if value is None:
        return AUTO
    if isinstance(value, float):
        return f"{value:.3g}"
    return " ".join(map(str, value)) if isinstance(value, (tuple, list)) else str(value)
