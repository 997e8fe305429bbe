"""Picture files as people have them: of mixed sizes, formats, colours and depths, and some of them broken."""

import itertools
import math
import os
import warnings
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

import numpy as np
import PIL.Image
import tensorflow as tf

from src.preprocess.images import Pictures
from src.readers import headers
from src.sources import cache as caches
from src.specs import Image
from src.system import digests
from src.system.screen import track

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif")
LARGEST, STEP = 128, 16  # pixels of a side that is chosen here; what it is a multiple of
AS_IT_IS = 256  # pixels of a side up to which pictures of one size keep it
AT_ONCE = 256  # pictures
MOST_SIDE = 4096  # pixels of an image
SHOWN, NAMED = 10, 3  # files that are listed, or named in a sentence
EMPTY = "there is nothing in them to learn from; look at the files, and take them out"


class Store:
    """Picture files, looked at, resized to one size, and kept decoded where they fit.

    `door` decodes them as it does those of a request, `spec` is what they are resized to, `headers` are what they say
    of themselves, `bad` has by number why one can't be read, `fetch` gives the images of numbers: of (batch,) with
    `at_once`, else of one.

    Args:
        files: in the order of their numbers.
        size: height and width, or one number for both; where there is none, the pictures' own size if all have the
            same and it is small, else a square as large as half of them are, up to LARGEST.
        cache: where they are kept: see src/sources/cache.py.
        background: grey level, 0 to 255, on which transparent parts are put.

    Raises:
        ValueError: for a size or a background that can't be, or where there is no picture.
    """

    def __init__(self, files: Sequence[Path], size: Sequence[int], cache: str | None, background: int = 255):
        if not 0 <= background <= 255:
            raise ValueError(f"background is a grey level from 0 to 255, not {background}")
        self._files = files
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PIL.Image.DecompressionBombWarning)
            self.headers = list(_each(headers.read, files, "looking at"))
        self.bad = {number: header.reason for number, header in enumerate(self.headers) if header.reason}
        good = [header for header in self.headers if not header.reason]
        if not good:
            raise ValueError(f"there is no picture that can be read:{self.why()}")
        sizes = [(header.height, header.width) for header in good]
        self.spec = Image(*size_of(sizes, size), 1 if all(header.grey for header in good) else 3)
        self.door = Pictures(self.spec, self._white(), background)
        self._shape = (self.spec.height, self.spec.width, self.spec.channels)
        self._bytes = len(files) * math.prod(self._shape) * self.door.kind.size
        self.cache = caches.choose(cache, self._bytes)
        self.at_once = self.cache != "none"
        self._looked = False
        self._hashes: dict[int, int] = {}  # of the pixels of each picture, by its number
        self._plain: set[int] = set()  # the numbers of pictures of one colour
        self._same: list[list[int]] = []  # the numbers of pictures whose pixels are the same
        self.fetch = self._kept()

    def __str__(self) -> str:
        good = [header for number, header in enumerate(self.headers) if number not in self.bad]
        sizes = sorted({(header.height, header.width) for header in good}, key=math.prod)
        between = " to ".join(f"{height} x {width}" for height, width in dict.fromkeys((sizes[0], sizes[-1])))
        grey = sum(header.grey for header in good)
        colours = "in colour" if not grey else "grey" if grey == len(good) else f"{grey:,} of them grey"
        size = f"resized to {self.spec.height} x {self.spec.width}, {self._bytes / 1e6:,.1f} MB"
        first = f"{between} pixels, {colours}; {size}, {caches.PLACES[self.cache]} (--image-size, --cache)"
        remarks = {
            f"have 16 bits a channel; {self.door.high or 0:,} is white": [header.deep for header in good],
            "are turned, as their EXIF data say": [header.orientation > 1 for header in good],
            f"have an alpha channel: transparent parts get the grey level {self.door.background} (--background)": [
                header.alpha for header in good
            ],
            "are GIF with a transparent colour, which becomes black: convert them to PNG where it matters": [
                header.clear_gif for header in good
            ],
        }
        return "\n".join(
            [first, *(f"{sum(each):,} of {len(good):,} {what}" for what, each in remarks.items() if any(each))]
        )

    def why(self, most: int | None = SHOWN) -> str:
        """The first bad pictures, `most` of them, and what is wrong with them, a line each."""
        lines = [f"\n  {self._files[number]}: {reason}" for number, reason in sorted(self.bad.items())]
        return "".join(lines[:most]) + (f"\n  and {len(lines) - most:,} more" if most and len(lines) > most else "")

    def name(self, number: int) -> str:
        """Where people find a picture: its file, with the folder of its class."""
        return str(Path(*self._files[number].parts[-2:]))

    def hashes(self, numbers: np.ndarray) -> np.ndarray:
        """A hash of the file of each of these pictures, uint64 (numbers,); remembered where files needn't be read."""
        return self._file_hashes[numbers]

    def warnings(self, names: Sequence[str], labels: np.ndarray) -> tuple[str, ...]:
        """What looks wrong in pictures that can be read: see src/specs.py.

        Args:
            names: of the classes.
            labels: the class of each picture, by its number.
        """
        sentences: list[str] = []
        told: set[int] = set()
        group = {number: index for index, numbers in enumerate(self._same) for number in numbers}
        for label, name in enumerate(names):
            numbers = [number for number in np.flatnonzero(labels == label).tolist() if number not in self.bad]
            if len(numbers) > 1 and self._plain.issuperset(numbers):
                what = "have one colour throughout"
                sentences.append(f"all {len(numbers):,} pictures of the class {name!r} {what}: {EMPTY}")
                told.update(numbers)
            elif len(numbers) > 1 and len({group.get(number, -number - 1) for number in numbers}) == 1:
                sentences.append(
                    f"all {len(numbers):,} pictures of the class {name!r} are the same one: a model learns this one "
                    "picture by heart; look whether copies were put there"
                )
        if others := sorted(self._plain - told - self.bad.keys()):
            some = ", ".join(str(self._files[number]) for number in others[:NAMED])
            more = f" and {len(others) - NAMED:,} more" if len(others) > NAMED else ""
            count = f"{len(others):,} of {len(self._files) - len(self.bad):,} pictures"
            sentences.append(f"{count} have one colour throughout ({some}{more}): {EMPTY}")
        return tuple(sentences)

    @cached_property
    def _file_hashes(self) -> np.ndarray:
        def contents(number: int) -> bytes:
            return b"" if number in self.bad else self._files[number].read_bytes()

        def find() -> dict[str, str]:
            return {"hashes": digests.of_contents(contents, range(len(self._files))).tobytes().hex()}

        key = caches.digest(self._files, "hashes")
        record = find() if self.cache == "memory" else caches.remembered(key, find)
        return np.frombuffer(bytes.fromhex(record["hashes"]), "<u8")

    def _white(self) -> int | None:
        """What is white where there are pictures of 16 bits: the largest value of as many bits as their pixels need."""
        deep = [number for number, header in enumerate(self.headers) if header.deep]
        if not deep:
            return None

        def largest(number: int) -> int:
            try:
                pixels = tf.io.decode_png(self._files[number].read_bytes(), self.spec.channels, tf.uint16)
                return int(tf.reduce_max(pixels))
            except tf.errors.OpError:
                return 0  # it is found out when it is decoded

        def find() -> dict[str, int]:
            return {"largest": max(_each(largest, deep, "looking for the brightest pixel"))}

        record = caches.remembered(caches.digest([self._files[number] for number in deep], "largest"), find)
        return max(255, 2 ** record["largest"].bit_length() - 1)

    def _kept(self) -> Callable:
        key = caches.digest(self._files, (self.spec, self.door.high, self.door.background, self.cache))
        if self.at_once:
            kind, shape = self.door.kind.as_numpy_dtype, (len(self._files), *self._shape)
            fetch = caches.keep(self.cache, self._images(), shape, kind, key)
        else:
            paths = tf.constant([str(file) for file in self._files])

            def fetch(number):
                return self._decode(paths[number])

        findings = self._findings() if self.cache == "memory" else caches.remembered(key, self._findings)
        self.bad |= {int(number): reason for number, reason in findings["bad"].items()}
        self._plain, self._same = set(findings["plain"]), findings["same"]
        return fetch

    def _decode(self, path: tf.Tensor) -> tf.Tensor:
        return self.door.decode(tf.io.read_file(path))

    def _images(self) -> Iterator[np.ndarray]:
        """All images, decoded on all cores; black ones for those that can't be, which are bad now."""
        good = [str(file) for number, file in enumerate(self._files) if number not in self.bad]
        decoded = tf.data.Dataset.from_tensor_slices(good).map(self._decode, num_parallel_calls=tf.data.AUTOTUNE)
        images, black = decoded.as_numpy_iterator(), np.zeros(self._shape, self.door.kind.as_numpy_dtype)
        for number in track(range(len(self._files)), "decoding", len(self._files)):
            image = black
            if number not in self.bad:
                try:
                    image = next(images)
                    self._look(number, image)
                except tf.errors.OpError as error:
                    self.bad[number] = _reason(self._files[number], error)
            yield image
        self._looked = True

    def _look(self, number: int, image: np.ndarray) -> None:
        content = image.tobytes()
        self._hashes[number] = hash(content)
        if content == image[0, 0].tobytes() * (self.spec.height * self.spec.width):
            self._plain.add(number)

    def _findings(self) -> dict:
        """What was noticed when all were decoded, which is done now if it wasn't just now.

        By number why each bad picture can't be read; the numbers of plain pictures; those of pictures that are the
        same, together.
        """
        if not self._looked:
            deque(self._images(), maxlen=0)
        same: dict[int, list[int]] = {}
        for number, pixels in sorted(self._hashes.items()):
            same.setdefault(pixels, []).append(number)
        return {
            "bad": {str(number): reason for number, reason in self.bad.items()},
            "plain": sorted(self._plain),
            "same": [numbers for numbers in same.values() if len(numbers) > 1],
        }


def size_of(sizes: Sequence[tuple[int, int]], given: Sequence[int]) -> tuple[int, int]:
    """The height and width to which pictures of those sizes are resized: the given ones, or see Store."""
    if given:
        if len(given) > 2 or min(given) < 1 or max(given) > MOST_SIDE:
            valid = f"image_size is one number, or height and width, from 1 to {MOST_SIDE:,}"
            raise ValueError(f"{valid}, not {' '.join(map(str, given))}")
        return given[0], given[-1]
    if len(set(sizes)) == 1 and max(sizes[0]) <= AS_IT_IS:
        return sizes[0]
    half = float(np.median([min(size) for size in sizes]))
    side = max(STEP, min(LARGEST, int(half) // STEP * STEP))
    return side, side


def leave_out(folder: Path, bad: Sequence[str], what: str, skip_bad: bool) -> list[str]:
    """A note on each thing that can't be used, and so is left out.

    Args:
        folder: with the files.
        bad: a line for each thing: where it is, and why it can't be used.
        what: things they are, and how many of them, as in "2 of 40 pictures".
        skip_bad: whether they may be left out.

    Raises:
        ValueError: where they may not, with the first of them.
    """
    if bad and not skip_bad:
        lines = "".join(f"\n  {line}" for line in bad[:SHOWN])
        more = f"\n  and {len(bad) - SHOWN:,} more" if len(bad) > SHOWN else ""
        raise ValueError(f"{folder} has {what} that can't be used; --skip-bad leaves them out:{lines}{more}")
    return [f"left out: {line}" for line in bad]


def counted(names: Sequence[str], labels: Sequence[int]) -> str:
    """How many there are of each class, or of how many where that is too long to read."""
    of_each = Counter(labels)
    counts = [of_each[label] for label in range(len(names))]
    if len(names) > 2 * SHOWN:
        return f"{len(names)} classes of {min(counts):,} to {max(counts):,}"
    return ", ".join(f"{name} {count:,}" for name, count in zip(names, counts, strict=True))


def _reason(file: Path, error: tf.errors.OpError) -> str:
    """Why TensorFlow couldn't decode it."""
    try:
        with PIL.Image.open(file) as picture:
            picture.load()
    except (OSError, ValueError, SyntaxError) as damage:
        return f"it is damaged: {damage}"
    return f"it can't be decoded: {error.message.splitlines()[0].split('}} ')[-1]}"


def _each(work: Callable, things: Sequence, title: str) -> Iterator:
    """What `work` makes of each thing, in order, on all cores, under a progress bar."""
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        some = (things[start : start + AT_ONCE] for start in range(0, len(things), AT_ONCE))  # for memory's sake
        yield from track(itertools.chain.from_iterable(threads.map(work, part) for part in some), title, len(things))
