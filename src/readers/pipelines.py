"""A tf.data pipeline that is given from Python: streamed, and split by the contents of its examples."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from src.data import BATCH_BYTES, Data
from src.errors import UsageError
from src.preprocess.names import request_names
from src.readers.features import NAMES, data_set, kind_of, knobs_of, with_channel
from src.readers.targets import Encode, learnt, outputs_of
from src.settings.given import NOT_RESUMED, PIPELINE, GivenData
from src.sources.splits import SHARES, SPLITS
from src.sources.streamed import Streamed
from src.specs import Columns, Tokens
from src.system import digests
from src.system.screen import track

BATCH = 256  # examples at a time, at most, of a pipeline that has no batches
NOTES = ("split 60/20/20 by a hash of each example", f"no state is saved, as {NOT_RESUMED}")


def given(pipeline: tf.data.Dataset, takes: Sequence[type]) -> GivenData:
    """What stands in for the file of a data set; see src/readers/given.py for the arguments."""
    x, y = _specs(pipeline)
    batched = _is_batched(x, y)
    columns = list(x) if isinstance(x, dict) else []
    kind = Columns if columns else _kind(x, batched, takes)

    def make(wanted: type | None = None, **knobs: Any) -> Data:
        hashes, labels = _read(batches := _requests(pipeline, kind, batched))
        outputs, encode = learnt(labels, wanted, classes=getattr(pipeline, "class_names", ()))
        sources = _sources(batches, hashes, encode(labels), encode)
        return data_set(kind, sources, outputs, columns, NOTES, **knobs)

    about = "A tf.data pipeline that was given from Python."
    outputs = outputs_of(np.dtype(y.dtype.as_numpy_dtype))
    return GivenData("pipeline", Path(__file__), about, (kind,), outputs, "", "data", knobs_of(kind), make, PIPELINE)


def _specs(pipeline: tf.data.Dataset) -> tuple[Any, tf.TensorSpec]:
    """The specs of x, a tensor or a dict of tensors, and of y; raises UsageError for what can't be streamed."""
    spec = pipeline.element_spec
    parts = tf.nest.flatten(spec)
    if not (isinstance(spec, tuple) and len(spec) == 2 and all(isinstance(part, tf.TensorSpec) for part in parts)):
        raise UsageError(f"The tf.data.Dataset has to give (x, y), tensors, x perhaps a dict of them; not {spec}.")
    if any(part.shape.rank is None for part in parts):
        raise UsageError("The shapes that the tf.data.Dataset gives aren't known: say them, as by output_signature.")
    if pipeline.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise UsageError("The tf.data.Dataset never ends: leave out repeat().")
    return spec


def _is_batched(x: Any, y: tf.TensorSpec) -> bool:
    """Whether an element is a batch: its targets are a matrix, or as many as its inputs."""
    if y.shape.rank != 1:
        return y.shape.rank > 1
    first = tf.nest.flatten(x)[0].shape
    return y.shape[0] is None or (first.rank > 0 and first[0] == y.shape[0])


def _kind(x: tf.TensorSpec, batched: bool, takes: Sequence[type]) -> type:
    """The kind of features that a tensor becomes."""
    shape = x.shape[1:] if batched else x.shape
    kind = kind_of(len(shape) + 1, x.dtype.as_numpy_dtype, takes)
    if kind is None or None in shape:
        raise UsageError(f"x can't be features: it is {x.dtype.name}, of the shape {tuple(shape)} an example.")
    return kind


def _requests(pipeline: tf.data.Dataset, kind: type, batched: bool) -> tf.data.Dataset:
    """Requests by input's name and targets, in batches."""
    if not batched:
        parts = tf.nest.flatten(pipeline.element_spec)
        size = sum(part.dtype.size * (part.shape.num_elements() or 1) for part in parts) or 1
        pipeline = pipeline.batch(max(1, min(BATCH, BATCH_BYTES // size)))

    def request(x, y):
        if isinstance(x, dict):
            columns = [tf.reshape(column, [-1]) for column in x.values()]
            return dict(zip(request_names(list(x)), columns, strict=True)), y
        if kind is not Tokens and x.dtype != tf.uint8 and not x.dtype.is_floating:
            x = tf.cast(x, tf.float32)
        return {NAMES[kind]: with_channel(x, kind)}, y

    return pipeline.map(request)


def _read(batches: tf.data.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """The hash and the target of each example, in the order of one pass.

    Raises:
        ValueError: where there are none, or another pass has others.
    """
    hashes, targets = [], []
    for raw, y in track(batches.as_numpy_iterator(), "reading the pipeline"):
        hashes.append(digests.of_batch(raw))
        targets.append(y)
    if not hashes:
        raise ValueError("the tf.data.Dataset has no examples")
    again, _ = next(batches.as_numpy_iterator())
    if not np.isin(digests.of_batch(again), np.concatenate(hashes)).all():
        raise ValueError(
            "the tf.data.Dataset gives other examples in each pass, as random augmentation or shuffle before take do: "
            "none could be kept out of training. Images are augmented by the knob augment"
        )
    return np.concatenate(hashes), np.concatenate(targets)


def _sources(batches: tf.data.Dataset, hashes: np.ndarray, target: np.ndarray, encode: Encode) -> dict[str, Streamed]:
    """Train, validation and test: the examples whose hashes are in their share of all hashes there could be."""
    order = np.lexsort([*target.reshape(len(target), -1).T, hashes])  # the same however the pipeline shuffles
    hashes, target = hashes[order], target[order]
    limits = [np.uint64(share * 2.0**64) for share in np.cumsum(SHARES)[:-1]]
    ends = [0, *np.searchsorted(hashes, limits), len(hashes)]
    sources = {}
    for split, first, last in zip(SPLITS, ends, ends[1:], strict=False):
        if first == last:
            raise ValueError(f"{len(hashes):,} examples are too few to be split: {split} would have none")
        sources[split] = Streamed(batches, hashes[first:last], target[first:last], encode)
    return sources
