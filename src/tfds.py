"""Data sets of TensorFlow Datasets: found in TFDS_DATA_DIR, or downloaded once; refused quickly where neither works."""

import sys
import threading
import urllib.error
import urllib.request

import numpy as np
from rich.progress import track

from src import catalogue
from src.errors import UserError
from src.images import Pictures, pixels
from src.sources import InMemory
from src.specs import Classes, Data, Image

PROBE_S = 10  # how long the first download address may take to answer
CHUNK = 1000  # examples decoded at a time


def labelled_images(name: str, spec: Image) -> Data:
    """A set of "image" and "label" with the splits train and test; the last tenth of train validates.

    Raises:
        UserError: where the set isn't there and can't be downloaded.
    """
    builder = _prepared(name)
    counts = {split: builder.info.splits[split].num_examples for split in ("train", "test")}
    held_out = counts["train"] // 10
    parts = {
        "train": ("train", 0, counts["train"] - held_out),
        "validation": ("train", counts["train"] - held_out, held_out),
        "test": ("test", 0, counts["test"]),
    }
    sources = {part: _source(builder, spec, part, *where) for part, where in parts.items()}
    classes = Classes(tuple(builder.info.features["label"].names))
    return Data(**sources, inputs=spec, outputs=classes, preprocess=pixels(spec), doors={"image_bytes": Pictures(spec)})


def _source(builder, spec: Image, part: str, split: str, first: int, size: int) -> InMemory:
    """The examples from `first` on, decoded once into uint8 when they are first needed."""
    import tensorflow_datasets as tfds

    def read(n):
        images = np.empty((n, spec.height, spec.width, spec.channels), "uint8")
        labels = np.empty(n, "int32")
        rows = tfds.core.ReadInstruction(split, from_=first, to=first + n, unit="abs")
        batches = builder.as_dataset(split=rows, shuffle_files=False).batch(CHUNK).as_numpy_iterator()
        shown = track(
            batches,
            f"reading {builder.name} {part}",
            total=-(-n // CHUNK),
            transient=True,
            disable=not sys.stdout.isatty(),
        )
        for number, batch in enumerate(shown):
            here = slice(number * CHUNK, number * CHUNK + len(batch["label"]))
            images[here], labels[here] = batch["image"], batch["label"]
        return {"image": images}, labels

    return InMemory(size, read)


def _prepared(name: str):
    """The builder of a set that is on this disk, downloaded now if need be."""
    import tensorflow_datasets as tfds

    builder = tfds.builder(name)
    if builder.is_prepared():
        return builder
    address = next(iter(builder.url_infos or {}), None)
    failure = _unreachable(address) if address else None
    if failure:
        raise _missing(name, builder, f"{address} can't be reached ({failure})")
    print(f"downloading {name} into {builder.data_dir}")
    try:
        builder.download_and_prepare()
    except Exception as error:  # whatever a download over the network can end in
        raise _missing(name, builder, f"the download failed: {type(error).__name__}: {error}") from error
    return builder


def _unreachable(address: str) -> str | None:
    """Why nothing answers at `address` within PROBE_S seconds, or None when something does.

    In a thread, as looking a name up has no time limit of its own.
    """
    answer = [f"no answer within {PROBE_S} seconds"]

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


def _missing(name: str, builder, failure: str) -> UserError:
    offline = ", ".join(file.name for file in catalogue.datasets().values() if not file.download)
    return UserError(
        f"The data set {name} is not in {builder.data_dir_root}, and {failure}.\n"
        f"Set TFDS_DATA_DIR to a folder that has it, connect and try again, or use --data with a set that needs no "
        f"download: {offline}."
    )
