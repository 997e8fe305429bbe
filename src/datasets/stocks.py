"""Monthly stock prices, 5 companies and 2 indices from 1990 to 2022: what comes next month?

390 months of adjusted closing prices (Yahoo Finance, in matplotlib's sample data; matplotlib's licence). The splits
follow each other: 1990 to 2012 or so trains, the next five years validate, the last five test.
"""

import csv
from pathlib import Path

import numpy as np
from matplotlib.cbook import get_sample_data

from src.data import Data
from src.preprocess.series import forecast
from src.specs import Horizon, Series

INPUTS, OUTPUTS = (Series,), (Horizon,)


def load(*, window: int = 24, horizon: int = 1) -> Data:
    """The prices, their logarithms forecast together.

    Args:
        window: months of history that the model sees.
        horizon: months to forecast.
    """
    path = get_sample_data("Stocks.csv", asfileobj=False)
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    header, *rows = csv.reader(line for line in lines if not line.startswith("#"))
    months = [row for row in rows if row[0].endswith("-01") and row[1]]  # the others tell of dividends
    columns = {name: [row[index] for row in months] for index, name in enumerate(header)}
    complete = {name: np.array(column, "float32") for name, column in columns.items() if name != "Date" and all(column)}
    return forecast(complete, window=window, horizon=horizon, season=12, log=True)
