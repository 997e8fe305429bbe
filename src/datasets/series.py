"""Your own time series: a CSV file with times and numbers.

--path names it. Rows are steps of one size; a column is a series, or --series names a column that tells apart series
that stand one below the other. The first 70% of the time trains, then 15% validate and 15% test. A missing number takes
the one before it.
"""

import dataclasses
from pathlib import Path
from typing import Literal

import numpy as np

from src.data import Data
from src.preprocess.names import composed
from src.preprocess.series import forecast
from src.readers import csv_files, timelines
from src.readers.timelines import Timeline
from src.specs import Horizon, Series

INPUTS, OUTPUTS = (Series,), (Horizon,)
NAMED_BY = "path"
LATE = 0.1  # share of the steps at the beginning that may go, as not every series has begun


def load(
    *,
    path: str = "",
    time: str = "",
    columns: tuple[str, ...] = (),
    series: str = "",
    header: bool | None = None,
    decimal: Literal[".", ","] | None = None,
    encoding: str = "",
    window: int = 30,
    horizon: int = 1,
    season: int = 1,
    log: bool = False,
) -> Data:
    """The series, forecast together.

    Args:
        path: the file; .gz, .bz2, .xz and .zip are decompressed.
        time: column with the times, such as 2024-12-31 23:00, 31.12.2024 or 12/31/2024. The default is the first column
            of dates, or the first column if it increases.
        columns: columns of the series. The default is all other numeric columns.
        series: column that tells apart stacked series, such as a shop.
        header: whether the first row contains the column names. The default is to detect it.
        decimal: decimal mark, if it isn't clear from the numbers.
        encoding: encoding, such as cp1251. The default is UTF-8, or else cp1252.
        window: steps of history that the model sees.
        horizon: steps to forecast.
        season: steps in a season, such as 7 for daily values with a weekly pattern; 1 for none.
        log: whether to forecast the logarithm, for positive values that grow exponentially.

    Raises:
        ValueError: for what can't be used, naming row and column.
    """
    if not path:
        raise ValueError("say which file: --path FILE.csv")
    table = csv_files.table(Path(path), header, encoding)
    names = tuple(map(composed, columns))
    timeline = timelines.read(table, time=composed(time), columns=names, series=composed(series), decimal=decimal)
    values, steps, remarks = _complete(timeline, path)
    first = f"{path}: {len(steps):,} steps; series: {timelines.shown(list(values))}"
    notes = "\n  ".join([first, *table.notes, *timeline.notes, *remarks])
    try:
        data = forecast(values, window=window, horizon=horizon, season=season, log=log)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return dataclasses.replace(data, notes=notes)


def sample(folder: Path) -> dict:
    """Writes two series, and gives the knobs that load them."""
    rows = [f"2024-{1 + day // 28:02}-{1 + day % 28:02},{day % 7},{day}" for day in range(300)]
    (folder / "days.csv").write_text("\n".join(["day,weekday,count", *rows]))
    return {"path": str(folder / "days.csv")}


def _complete(timeline: Timeline, path: str) -> tuple[dict[str, np.ndarray], list[str], list[str]]:
    """The series from the step on at which all have begun, missing numbers as the ones before; and what is to be said.

    Raises:
        ValueError: for a series that begins late.
    """
    begins = {name: int(np.argmax(~np.isnan(column))) for name, column in timeline.values.items()}
    last = max(begins, key=lambda name: begins[name])
    first = begins[last]
    if first > LATE * len(timeline.steps):
        raise ValueError(
            f"{path}: {last} has no number before {timeline.steps[first]}: remove what is before it, or leave {last} "
            "out, such as by naming others with --columns"
        )
    notes = [f"the first {first:,} steps are left out: {last} begins at {timeline.steps[first]}"] if first else []
    values, lacking = {}, []
    for name, column in timeline.values.items():
        there = ~np.isnan(column[first:])
        values[name] = timelines.carried_on(column[first:])
        if not there.all():
            where = timeline.steps[first + int(np.argmin(there))]
            count = int((~there).sum())
            lacking.append(f"{name} lacks {count:,} number{'s' * (count > 1)}, the first at {where}")
    notes += [f"{timelines.shown(lacking)}; each is filled with the value before it"] if lacking else []
    return values, list(timeline.steps[first:]), notes
