"""Data sets of TensorFlow Datasets: found in TFDS_DATA_DIR, or downloaded once; refused quickly where neither works."""

import re
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from src.data import Data
from src.errors import UserError
from src.preprocess.images import Pictures, pixels
from src.preprocess.texts import characters, windows, word_counts, words
from src.settings import catalogue
from src.sources.memory import InMemory
from src.sources.splits import NAMES
from src.sources.windows import Windows
from src.specs import Classes, Image
from src.system import places
from src.system.files import read_json
from src.system.screen import tell, track

if TYPE_CHECKING:  # imported where it is used, as that takes seconds
    from tensorflow_datasets.core import DatasetBuilder as Builder

PROBE_S = 10  # how long the first download address may take to answer
CHUNK = 1000  # examples decoded at a time


def labelled_images(name: str, spec: Image, background: int = 255) -> Data:
    """A set of "image" and "label" with the splits train and test; the last tenth of train validates.

    Args:
        name: of the set.
        spec: of its images.
        background: grey level on which transparent parts of a picture are put that is asked about.

    Raises:
        UserError: where the set isn't there and can't be downloaded.
    """
    builder = prepared(name)
    shape = (spec.height, spec.width, spec.channels)
    train, validation, test = _sources(builder, "test", "image", "image", lambda n: np.empty((n, *shape), "uint8"))
    classes = Classes(tuple(builder.info.features["label"].names))
    doors = {"image_bytes": Pictures(spec, background=background)}
    return Data(train, validation, test, inputs=spec, outputs=classes, preprocess=pixels(spec), doors=doors)


def labelled_texts(name: str, feature: str, length: int, vocabulary: int, test_split: str = "test") -> Data:
    """A set of texts and "label", as words; the last tenth of train validates.

    Args:
        name: of the set.
        feature: name of its text.
        length: words of a text that are read.
        vocabulary: words that are told apart.
        test_split: the split that tests.

    Raises:
        UserError: where the set isn't there and can't be downloaded.
    """
    builder = prepared(name)
    sources = _sources(builder, test_split, feature, "text", lambda n: np.empty(n, object), word_counts)
    train, validation, test = sources
    classes = Classes(tuple(builder.info.features["label"].names))
    adapt = partial(words, vocabulary=vocabulary, length=length)
    return Data.adapted(adapt, train, validation=validation, test=test, outputs=classes)


def whole_texts(name: str, feature: str, length: int) -> Data:
    """A set with one long text a split, as windows of characters, to predict the next one of.

    Args:
        name: of the set.
        feature: name of its text.
        length: characters of a window.

    Raises:
        UserError: where the set isn't there and can't be downloaded.
    """
    builder = prepared(name)

    def source(split: str) -> Windows:
        texts = builder.as_dataset(split=split, shuffle_files=False).as_numpy_iterator()
        return windows("\n".join(example[feature].decode() for example in texts), length)

    train, validation, test = map(source, ("train", "validation", "test"))
    inputs, outputs, preprocess = characters(train, length)
    return Data(train, validation, test, inputs=inputs, outputs=outputs, preprocess=preprocess)


def _sources(
    builder: "Builder",
    test_split: str,
    feature: str,
    request: str,
    empty: Callable[[int], np.ndarray],
    lengths: Callable | None = None,
) -> tuple[InMemory, InMemory, InMemory]:
    """Training, validation, of the last tenth of train, and test. `empty` makes room for so many examples."""
    train, test = (builder.info.splits[split].num_examples for split in ("train", test_split))
    held_out = train // 10

    def source(part: str, split: str, first: int, size: int) -> InMemory:
        return InMemory(size, _reader(builder, part, split, first, feature, request, empty), lengths)

    return (
        source("train", "train", 0, train - held_out),
        source("validation", "train", train - held_out, held_out),
        source("test", test_split, 0, test),
    )


def _reader(
    builder: "Builder", part: str, split: str, first: int, feature: str, request: str, empty: Callable
) -> Callable[[int], tuple[dict[str, np.ndarray], np.ndarray]]:
    """Reads so many examples from `first` on; images are decoded once into uint8."""
    import tensorflow_datasets as tfds

    def read(n):
        column, labels = empty(n), np.empty(n, "int32")
        rows = tfds.core.ReadInstruction(split, from_=first, to=first + n, unit="abs")
        batches = builder.as_dataset(split=rows, shuffle_files=False).batch(CHUNK).as_numpy_iterator()
        for number, batch in enumerate(track(batches, f"reading {builder.name} {part}", -(-n // CHUNK))):
            here = slice(number * CHUNK, number * CHUNK + len(batch["label"]))
            column[here], labels[here] = batch[feature], batch["label"]
        return {request: column}, labels

    return read


def numbered(builder: "Builder") -> dict[str, np.ndarray]:
    """The numbers of the examples of each split that the set has, counted on from one split to the next."""
    called = {name: split for split, names in NAMES.items() for name in names}
    numbers, first = {}, 0
    for name in _splits(builder):
        size = builder.info.splits[name].num_examples
        numbers[called[name]] = np.arange(first, first + size)
        first += size
    if "train" not in numbers:
        raise UserError(f"{builder.info.full_name} has no split train; it has: {', '.join(builder.info.splits)}.")
    return numbers


def files(builder: "Builder") -> list[str]:
    """The files of those splits, in the order of those numbers."""
    return [str(path) for name in _splits(builder) for path in builder.info.splits[name].filepaths]


def examples(builder: "Builder", *features: str, batch: int | None = CHUNK) -> Iterator[dict[str, Any]]:
    """These features of all examples, in that order, in batches, or one by one for None; images stay encoded."""
    import tensorflow_datasets as tfds

    in_order = tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False)
    only_these = tfds.decode.PartialDecoding(dict.fromkeys(features, True))
    for name in _splits(builder):
        split = builder.as_dataset(split=name, shuffle_files=False, read_config=in_order, decoders=only_these)
        yield from (split.batch(batch) if batch else split).as_numpy_iterator()


def _splits(builder: "Builder") -> list[str]:
    return [str(name) for name in builder.info.splits if any(name in called for called in NAMES.values())]


def prepared(name: str) -> "Builder":
    """The builder of a set that is on this disk, downloaded now if need be."""
    import tensorflow_datasets as tfds

    _check_features(places.data_sets() / re.split("[/:]", name)[0])
    try:
        builder = tfds.builder(name, data_dir=places.data_sets())
    except (tfds.core.registered.DatasetNotFoundError, ValueError) as error:
        raise UserError(f"TensorFlow Datasets has no set {name!r}: {str(error).strip().splitlines()[0]}") from None
    if builder.is_prepared():
        return builder
    address = next(iter(builder.url_infos or {}), None)
    failure = _unreachable(address) if address else None
    if failure:
        raise _missing(name, builder, f"{address} can't be reached ({failure})")
    tell(f"downloading {name} into {builder.data_dir}")
    try:
        builder.download_and_prepare()
    except Exception as error:  # whatever a download over the network can end in
        raise _missing(name, builder, f"the download failed: {type(error).__name__}: {error}") from error
    return builder


def _check_features(folder: Path) -> None:
    """Raises a UserError where the folder of a set would have Python import something of its own choice."""

    def classes(content: Any) -> Iterator[str]:
        for key, value in content.items() if isinstance(content, dict) else ():
            if key in ("type", "pythonClassName") and isinstance(value, str):
                yield value
        for value in content.values() if isinstance(content, dict) else content if isinstance(content, list) else ():
            yield from classes(value)

    for file in sorted(folder.rglob("features.json")):
        for name in classes(read_json(file)):
            if not name.startswith("tensorflow_datasets."):
                raise UserError(
                    f"{file} names the Python class {name!r}, which would be imported: only the features of TensorFlow "
                    "Datasets itself are."
                )


def _unreachable(address: str) -> str | None:
    """Why nothing answers at `address` within PROBE_S seconds, or None when something does.

    In a thread, as looking a name up has no time limit of its own.
    """
    answer: list[str | None] = [f"no answer within {PROBE_S} seconds"]

    def ask():
        try:
            request = urllib.request.Request(address, method="HEAD")
            urllib.request.urlopen(request, timeout=PROBE_S).close()
            answer[0] = None
        except urllib.error.HTTPError:
            answer[0] = None  # somebody is there; the download itself will tell
        except OSError as error:
            answer[0] = str(getattr(error, "reason", error))

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(PROBE_S)
    return answer[0]


def _missing(name: str, builder: "Builder", failure: str) -> UserError:
    offline = ", ".join(file.name for file in catalogue.datasets().values() if not (file.download or file.named_by))
    return UserError(
        f"The data set {name} is not in {builder.data_dir_root}, and {failure}.\n"
        f"Set TFDS_DATA_DIR to a folder that has it, connect and try again, or use --data with a set that needs no "
        f"download: {offline}."
    )
