"""Data sets of pictures in files: what is the same whatever their targets are."""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import tensorflow as tf

from src.data import Data, Targets
from src.preprocess.images import pixels, shown
from src.readers.pictures import Store
from src.readers.recorded import Pictures as Recorded
from src.sources.fetched import Fetched
from src.specs import Output


def data_of(
    store: Store | Recorded,
    parts: Mapping[str, np.ndarray],
    outputs: Output,
    target: Targets | Callable[[tf.Tensor], tf.Tensor],
    *,
    notes: str,
    warnings: tuple[str, ...] = (),
) -> Data:
    """The data set of a store's pictures.

    Args:
        store: the pictures.
        parts: the numbers of those of each split.
        outputs: what the targets are.
        target: of every picture of the store, or a graph function from numbers to targets: see Fetched.
        notes, warnings: see Data.
    """
    preprocess = pixels(store.spec, store.door.high)

    def image(numbers):
        return {"image": tf.cast(store.fetch(numbers), preprocess.input["image"].dtype)}

    def image_and_target(numbers):
        return image(numbers), target(numbers)

    fetch, kept = (image_and_target, None) if callable(target) else (image, target)
    split = partial(Fetched, fetch, kept, at_once=store.at_once, hashes=store.hashes, name=store.name)
    return Data(
        split(parts["train"]),
        split(parts["validation"]),
        split(parts["test"]),
        inputs=store.spec,
        outputs=outputs,
        preprocess=preprocess,
        doors={"image_bytes": store.door},
        notes=notes,
        warnings=warnings,
        show=partial(shown, high=store.door.high),
    )
