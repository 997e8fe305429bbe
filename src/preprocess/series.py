"""Series: windows of past values, and the next ones. What data sets of time series share."""

from collections.abc import Mapping
from itertools import pairwise

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from src.data import Data
from src.preprocess.names import renamed, request_names
from src.preprocess.tables import finite
from src.sources.windows import Windows
from src.specs import Horizon, Series

SPLITS = {"train": 0.7, "validation": 0.15, "test": 0.15}  # in time order


def forecast(columns: Mapping[str, np.ndarray], *, window: int, horizon: int, season: int, log: bool) -> Data:
    """The data set of one or more series of equal steps: from `window` values of each to the next `horizon`.

    The splits follow each other in time. A window may reach back into the split before it, as the past is known then;
    what is forecast never does.

    Args:
        columns: the values of each series by its name, (time,), oldest first.
        window: steps of the past that a model sees.
        horizon: steps that are forecast.
        season: steps after which the series repeat, such as 7 for days of a week; 1 for none.
        log: whether to forecast the logarithm, for values above 0 that grow by a share of themselves.

    Raises:
        ValueError: for numbers below 1, values without a logarithm, or fewer steps than a split needs.
    """
    for name, value in (("window", window), ("horizon", horizon), ("season", season)):
        if value < 1:
            raise ValueError(f"{name} has to be 1 or more, not {value}")
    names = request_names(list(columns))
    values = np.stack([np.asarray(column, "float64") for column in columns.values()], axis=1)
    if log and (values <= 0).any():
        step, column = np.argwhere(values <= 0)[0]
        what = f"{list(columns)[column]} is {values[step, column]:g} at step {step + 1}"
        raise ValueError(f"log needs values above 0; {what}: leave --log out")
    past = max(window, season)
    begins = np.cumsum([past] + [round(share * (len(values) - past)) for share in SPLITS.values()])
    begins[-1] = len(values)
    if min(np.diff(begins)) < horizon:
        what = f"{len(values):,} steps are too few for a past of {past} and a horizon of {horizon}"
        raise ValueError(f"{what}: choose smaller ones, --window, --season and --horizon")
    outputs = Horizon(names, horizon, season, log, **_statistics(values[: begins[1]], season, log))
    values = values.astype(outputs.dtype)

    def cut(windows):
        ahead = np.arange(horizon)
        truth = windows[:, past:]
        before = tf.gather(windows, past + ahead - season * (ahead // season + 1), axis=1)
        request = windows[:, past - window : past]
        raw = {name: tf.cast(request[:, :, i], outputs.dtypes[i]) for i, name in enumerate(names)}
        return raw, tf.stack([truth, before], axis=1)

    train, validation, test = (
        Windows(values[begin - past : end], end - begin - horizon + 1, past + horizon, 1, cut)
        for begin, end in pairwise(begins)
    )
    renamed_columns = renamed(dict(zip(columns, names, strict=True)))
    inputs, preprocess = Series(window, len(names)), _scaled(window, outputs)
    return Data(train, validation, test, inputs=inputs, outputs=outputs, preprocess=preprocess, columns=renamed_columns)


def _statistics(values: np.ndarray, season: int, log: bool) -> dict[str, tuple[float, ...]]:
    """Mean and scale of the training values, (time, series), or of their logarithm; errors of simple forecasts."""
    modelled = np.log(values) if log else values
    changes = modelled.max(axis=0) > modelled.min(axis=0)
    scale = np.where(changes, modelled.std(axis=0), 1.0)  # of a constant rounding makes some
    naive, seasonal = (np.abs(values[step:] - values[:-step]).mean(axis=0) for step in (1, season))
    naive, seasonal = (np.where(error > 0, error, 1.0) for error in (naive, seasonal))  # of a constant: its own unit
    statistics = {"mean": modelled.mean(axis=0), "scale": scale, "naive": naive, "seasonal": seasonal}
    return {name: tuple(column.tolist()) for name, column in statistics.items()}


def _scaled(window: int, outputs: Horizon) -> keras.Model:
    """From one input a series, (batch, window), to standardised values (batch, window, series).

    A missing or infinite value, or one that has no logarithm, takes the one before it; 0 where there is none. The mean
    is taken off as the values come, in float64 where float32 would make large ones that lie close together the same.
    """
    each = zip(outputs.names, outputs.dtypes, strict=True)
    requests = {name: keras.Input((window,), dtype=dtype, name=name) for name, dtype in each}
    shifted = [_shifted(requests[name], mean, outputs.log) for name, mean in zip(requests, outputs.mean, strict=True)]
    values = _filled(ops.stack(shifted, axis=-1))
    scaled = layers.Rescaling([1 / scale for scale in outputs.scale], dtype="float32", name="scale")(values)
    return keras.Model(requests, finite(scaled), name="preprocess")


def _shifted(values: keras.KerasTensor, mean: float, log: bool) -> keras.KerasTensor:
    """Values, or their logarithms, from their mean, float32; NaN where that is no number."""
    if log:
        values = ops.log(ops.where(values > 0, values, np.nan))
    shifted = ops.cast(values - mean, "float32")
    return ops.where(ops.isfinite(shifted), shifted, np.nan)


def _filled(values: keras.KerasTensor) -> keras.KerasTensor:
    """Each missing value as the last one before it, found in steps that double; (batch, window, series)."""
    reach = 1
    while reach < values.shape[1]:
        before = ops.concatenate([values[:, :reach], values[:, :-reach]], axis=1)
        values = ops.where(ops.isnan(values), before, values)
        reach *= 2
    return values
