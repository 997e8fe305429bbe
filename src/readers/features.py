"""What arrays and pipelines of some kind become: which features they may be, and the data set that makes them."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from src.data import Data, Raw, Shown, Source, show
from src.preprocess import tables, texts
from src.preprocess.arrays import images, scaled
from src.preprocess.images import Pictures
from src.preprocess.names import renamed, request_names
from src.settings import knobs
from src.settings.knobs import Knob
from src.signatures import features_of
from src.specs import Classes, Columns, Image, Input, Series, Tokens, Values, Vector

NAMES = {Image: "image", Series: "series", Tokens: "text", Vector: "vector"}  # of the one input of a request
RANKS = {Image: 4, Series: 3, Vector: 2, Tokens: 1}  # of a batch
WORDS = {Image: "images", Series: "series", Tokens: "texts", Vector: "vectors", Columns: "rows of a table"}


def kind_of(rank: int, dtype: Any, takes: Sequence[type]) -> type | None:
    """The kind of features that a batch of inputs becomes, one that the model takes where there are several.

    Args:
        rank: of a batch.
        dtype: NumPy's; texts are objects.
        takes: kinds that the model is built for.
    """
    match rank, np.dtype(dtype).kind:
        case 1, "O" | "S" | "U":
            kinds: tuple[type, ...] = (Tokens,)
        case 4, "b" | "i" | "u" | "f":
            kinds = (Image,)
        case 3, "b" | "i" | "u" | "f":
            kinds = (Image, Series) if np.dtype(dtype) == "uint8" else (Series, Image)
        case 1 | 2, "b" | "i" | "u" | "f":
            kinds = (Vector, Series) if rank == 2 else (Vector,)
        case _:
            return None
    return next((kind for kind in kinds if kind in takes), kinds[0])


def with_channel(batch: Any, kind: type) -> Any:
    """An array or a tensor with its last axis, such as that of grey images without one."""
    return batch[..., np.newaxis] if len(batch.shape) < RANKS[kind] else batch


def knobs_of(kind: type) -> tuple[Knob, ...]:
    """The knobs by which features of that kind are made."""
    return knobs.read(Path(__file__), "words") if kind is Tokens else ()


def words(train: Source, *, length: int = 256, vocabulary: int = 20_000) -> tuple[Tokens, keras.Model]:
    """The features of texts.

    Args:
        train: the training split.
        length: number of words read from each text, the rest is cut off.
        vocabulary: vocabulary size: the most frequent words.
    """
    return texts.words(train, vocabulary, length)


ADAPT: Mapping[type, Callable[..., tuple[Input, keras.Model]]] = {
    Image: images, Series: scaled, Vector: scaled, Columns: tables.columns, Tokens: words,
}  # fmt: skip


def data_set(
    kind: type,
    sources: Mapping[str, Source],
    outputs: Classes | Values,
    columns: Sequence[str] = (),
    notes: Sequence[str] = (),
    **knobs: Any,
) -> Data:
    """The data set of these sources, with the ways in that its kind of features has.

    Args:
        kind: of features.
        sources: by split.
        outputs: what is learnt.
        columns: names of those of a table.
        notes: what else is to be said.
        knobs: of the kind.
    """
    examples = sum(map(len, sources.values()))
    learnt = f"one of {outputs.size} classes" if isinstance(outputs, Classes) else ", ".join(outputs.names)
    said = "\n  ".join([f"{examples:,} {WORDS[kind]} were given; the target is {learnt}", *notes])
    data = Data.adapted(partial(ADAPT[kind], **knobs), **sources, outputs=outputs, notes=said)
    if kind is Columns:
        names = renamed(dict(zip(columns, request_names(columns), strict=True)))
        return dataclasses.replace(data, doors={"strings": tables.Strings(data.train)}, columns=names)
    if isinstance(data.inputs, Image):
        is_bytes = data.preprocess.inputs[0].dtype == "uint8"
        can_decode = is_bytes and data.inputs.channels in (1, 3)
        doors = {"image_bytes": Pictures(data.inputs)} if can_decode else {}
        return dataclasses.replace(data, doors=doors, show=show if is_bytes else partial(_shown, data.preprocess))
    return data


def _shown(preprocess: keras.Model, raw: Raw) -> Shown:
    """Images whose pixels are no bytes, for people."""
    return show({"image": (np.clip(np.asarray(features_of(preprocess, raw)), 0, 1) * 255).astype("uint8")})
