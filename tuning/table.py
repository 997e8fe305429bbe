"""What a search shows while it goes on: its trials, the best first; a line for each in a log."""

import time
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table as RichTable

from src.reports.report import number
from tuning.space import AUTO

SHOWN = 12  # of the best
LOG_COLUMNS = 160  # where there is no terminal that says how many it has
REDRAWN_S = 1.0


class Table:
    """The trials of a search, on a terminal a table that changes.

    Args:
        search: has `ranking`, `results`, `running`, `progress`, `monitor`, `folder`, `space` and `shown`.
    """

    def __init__(self, search):
        self.search = search
        self.console = Console(quiet=not search.folder.settings.values["verbose"])
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
        for trial, result in self.search.ranking:
            if "reason" in result:
                self.console.print(f"{trial.id} failed: {result['reason']}", markup=False, highlight=False)

    def refresh(self) -> None:
        """Shows how far the trials are."""
        if self.console.is_terminal and time.monotonic() - self.drawn >= REDRAWN_S:
            self.live.refresh()
            self.drawn = time.monotonic()

    def ended(self, trial) -> None:
        """Says what came of a trial, where there is no table that shows it."""
        if not self.console.is_terminal:
            _, result = self.search.results[trial.id]
            ranks = {found.id: rank for rank, (found, _) in enumerate(self.search.ranking, 1)}
            what = (
                f"{number(result['score'])}, rank {ranks[trial.id]}"
                if "score" in result
                else f"failed: {result['reason']}"
            )
            said = f"{trial.id}  {what}  ({result['seconds']:.0f} s)  {words(trial.values)}"
            self.console.print(said, markup=False, highlight=False, soft_wrap=True)

    def _table(self) -> RichTable:
        search = self.search
        table = RichTable(box=None)
        for column in ("", search.monitor.removeprefix("val_"), "epochs", "s", "trial", *search.space):
            table.add_column(column, overflow="fold")
        scored = [found for found in search.ranking if "score" in found[1]]
        for rank, (trial, result) in enumerate(scored[:SHOWN], 1):
            epochs = f"{result['epochs']}, paused" if result["paused"] else str(result["epochs"])
            figures = number(result["score"]), epochs, f"{result['seconds']:.0f}"
            table.add_row(str(rank), *figures, trial.id, *self._values(trial), style="bold" if rank == 1 else "")
        for running in search.running:
            seconds = f"{time.monotonic() - running.begun:.0f}"
            table.add_row("", "…", "", seconds, running.trial.id, *self._values(running.trial), style="dim")
        failed = sum("reason" in result for _, result in search.results.values())
        table.caption = search.progress + (f", {failed} failed" if failed else "")
        return table

    def _values(self, trial) -> list[str]:
        shown = self.search.shown(trial)
        return [word(shown[name]) if name in shown else "" for name in self.search.space]


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
