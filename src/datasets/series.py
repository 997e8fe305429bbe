"""Your own time series: a CSV file with a time column and columns of numbers.

--path names it. Rows are steps of one size, oldest first; the first 70% trains, then 15% validate and 15% test. A
missing number takes the one before it.
"""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import median

import numpy as np

from src import csvs
from src.series import forecast
from src.specs import Data, Horizon, Series

INPUTS, OUTPUTS = (Series,), (Horizon,)
NAMED_BY = "path"
LARGEST = float(np.finfo("float32").max)
GAP = 1.5  # steps of the usual size; months are not all as long


def load(
    *,
    path: str = "",
    time: str = "",
    columns: tuple[str, ...] = (),
    window: int = 30,
    horizon: int = 1,
    season: int = 1,
    log: bool = False,
) -> Data:
    """The series, forecast together.

    Args:
        path: the file.
        time: column with the times, such as 2024-12-31 or 2024-12-31 23:00; the first one by itself.
        columns: columns with the numbers; all others by themselves.
        window: steps of the past that a model sees.
        horizon: steps that are forecast.
        season: steps after which the series repeat, such as 7 for days of a week; 1 for none.
        log: whether to forecast the logarithm, for values above 0 that grow by a share of themselves.

    Raises:
        ValueError: for what can't be read, naming row and column.
    """
    if not path:
        raise ValueError("say which file: --path FILE.csv")
    place = Path(path)
    table = csvs.read(place)
    time = time or next(iter(table))
    _check_times(csvs.column(table, time, place), time, place)
    names = columns or [name for name in table if name != time]
    if not names:
        raise ValueError(f"{place} has no column beside {time!r}")
    values = {name: _numbers(csvs.column(table, name, place), name, place) for name in names}
    try:
        return forecast(values, window=window, horizon=horizon, season=season, log=log)
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from None


def _check_times(column: Sequence[str], name: str, place: Path) -> None:
    """Says where time has gaps; raises ValueError for what is no time, or not after the one before."""
    times = []
    for row, text in enumerate(column, 1):
        try:
            times.append(_time(text.strip()))
        except ValueError:
            raise ValueError(f"{place}, row {row}: {name} is {text!r}, not a time such as 2024-12-31") from None
        if len(times) > 1 and times[-1] <= times[-2]:
            raise ValueError(f"{place}, row {row}: {name} {text} isn't after {column[row - 2]}")
    steps = [after - before for before, after in pairwise(times)]
    usual = median(steps or [0.0])
    gaps = [row for row, step in enumerate(steps, 2) if step > GAP * usual]
    if gaps:
        before, after = column[gaps[0] - 2], column[gaps[0] - 1]
        where = f"the first between {before} and {after} (row {gaps[0]})"
        print(f"{place}: {len(gaps)} gaps in {name}, {where}; all steps are taken as equal")


def _time(text: str) -> float:
    """Seconds, or the number that the text is; a month stands for its first day, 20241231 is a date."""
    try:
        time = datetime.fromisoformat(text if len(text) != len("2024-12") else f"{text}-01")
    except ValueError:
        number = float(text)
        if not math.isfinite(number):
            raise
        return number
    time = time.astimezone(UTC) if time.tzinfo else time
    return (time.replace(tzinfo=None) - datetime.min) / timedelta(seconds=1)


def _numbers(column: Sequence[str], name: str, place: Path) -> np.ndarray:
    """The numbers of a column, a missing one as the one before it; raises ValueError for what is none."""
    numbers, missing = [], []
    for row, text in enumerate(column, 1):
        try:
            number = float(text) if text.strip() else np.nan
        except ValueError:
            raise ValueError(f"{place}, row {row}: {name} is {text!r}, not a number") from None
        if abs(number) > LARGEST:
            raise ValueError(f"{place}, row {row}: {name} is {text.strip()}, too large a number")
        if np.isnan(number):
            missing.append(row)
            if not numbers:
                raise ValueError(f"{place}, row {row}: {name} begins with a missing number")
            number = numbers[-1]
        numbers.append(number)
    if missing:
        print(f"{place}: {name} lacks {len(missing)} numbers, the first in row {missing[0]}; each is the one before it")
    return np.array(numbers, "float32")
