"""Series: windows of past values, and the next ones. What data sets of time series share."""

from collections.abc import Mapping

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from src.sources import Windows
from src.specs import Data, Horizon, Series
from src.tables import request_names

SPLITS = {"train": 0.7, "validation": 0.15, "test": 0.15}  # in time order


def forecast(columns: Mapping[str, np.ndarray], *, window: int, horizon: int, season: int, log: bool) -> Data:
    """The data set of one or more series of equal steps: from `window` values of each to the next `horizon`.

    The splits follow each other in time. A window may reach back into the split before it, as the past is known then;
    what is forecast never does.

    Args:
        columns: the values of each series, (time,), oldest first.
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
    names = request_names(columns)
    values = np.stack([np.asarray(column, "float32") for column in columns.values()], axis=1)
    if log and (values <= 0).any():
        step, place = np.argwhere(values <= 0)[0]
        raise ValueError(
            f"log needs values above 0; {list(columns)[place]} is {values[step, place]:g} in row {step + 1}"
        )
    past = max(window, season)
    begins = np.cumsum([past] + [round(share * (len(values) - past)) for share in SPLITS.values()])
    begins[-1] = len(values)
    if min(np.diff(begins)) < horizon:
        raise ValueError(f"{len(values)} steps are too few for a window of {past} and a horizon of {horizon}")

    def cut(windows):
        ahead = np.arange(horizon)
        truth = windows[:, past:]
        before = tf.gather(windows, past + ahead - season * (ahead // season + 1), axis=1)
        request = windows[:, past - window : past]
        return {name: request[:, :, i] for i, name in enumerate(names)}, tf.stack([truth, before], axis=1)

    sources = {
        split: Windows(values[begin - past : end], end - begin - horizon + 1, past + horizon, 1, cut)
        for split, begin, end in zip(SPLITS, begins, begins[1:], strict=False)
    }
    known = np.log(values[: begins[1]]) if log else values[: begins[1]]
    mean, scale = known.mean(axis=0, dtype=float), known.std(axis=0, dtype=float)
    scale = np.where(scale > 0, scale, 1.0)
    naive, seasonal = (
        np.abs(values[step : begins[1]] - values[: begins[1] - step]).mean(axis=0, dtype=float) for step in (1, season)
    )
    naive, seasonal = (np.where(error > 0, error, 1.0) for error in (naive, seasonal))  # of a constant: its own unit
    statistics = {"mean": mean, "scale": scale, "naive": naive, "seasonal": seasonal}
    outputs = Horizon(
        names, horizon, season, log, **{name: tuple(array.tolist()) for name, array in statistics.items()}
    )
    return Data(**sources, inputs=Series(window, len(names)), outputs=outputs, preprocess=_scaled(window, outputs))


def _scaled(window: int, outputs: Horizon) -> keras.Model:
    """From one input a series, (batch, window), to standardised values (batch, window, series).

    A missing value, or one that has no logarithm, takes the one before it; 0 where there is none.
    """
    requests = {name: keras.Input((window,), dtype="float32", name=name) for name in outputs.names}
    values = ops.stack(list(requests.values()), axis=-1)
    if outputs.log:
        values = ops.log(ops.where(values > 0, values, np.nan))
    shifted = layers.Rescaling(1.0, [-mean for mean in outputs.mean], dtype="float32", name="shift")(_filled(values))
    scaled = layers.Rescaling([1 / scale for scale in outputs.scale], dtype="float32", name="scale")(shifted)
    return keras.Model(requests, ops.where(ops.isnan(scaled), 0.0, scaled), name="preprocess")


def _filled(values: keras.KerasTensor) -> keras.KerasTensor:
    """Each missing value as the last one before it, found in steps that double; (batch, window, series)."""
    reach = 1
    while reach < values.shape[1]:
        before = ops.concatenate([values[:, :reach], values[:, :-reach]], axis=1)
        values = ops.where(ops.isnan(values), before, values)
        reach *= 2
    return values
