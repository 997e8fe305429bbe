"""Picture files as people have them: of mixed sizes, formats and colours, and some of them broken."""

import itertools
import math
import os
import sys
import warnings
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import PIL.Image
import tensorflow as tf
from rich.progress import track

from src import cache as caches
from src.images import Pictures
from src.specs import Image

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif")
MOST_PIXELS = 100_000_000  # of a picture; what is larger is a mistake, or an attack on memory
GREY = ("1", "L", "LA", "I", "I;16", "F")  # PIL's modes
LARGEST, STEP = 128, 16  # pixels of a side that is chosen here; what it is a multiple of
AS_IT_IS = 256  # pixels of a side up to which pictures of one size keep it
AT_ONCE = 256  # pictures
MOST_SIDE = 4096  # pixels of an image
SHOWN = 10  # files that are named


@dataclass(frozen=True)
class Header:
    """What a picture says of itself: its size and PIL's mode; or why it can't be used."""

    height: int = 0
    width: int = 0
    mode: str = ""
    reason: str = ""


class Store:
    """Picture files, looked at, resized to one size, and kept decoded where they fit.

    `spec` is what they are resized to, `bad` has by number why a picture can't be read, `fetch` gives the images of
    numbers: of (batch,) with `at_once`, else of one.

    Args:
        files: in the order of their numbers.
        size: height and width, or one number for both; where there is none, the pictures' own size if all have the
            same and it is small, else a square as large as half of them are, up to LARGEST.
        cache: where they are kept: see src/cache.py.

    Raises:
        ValueError: for a size that can't be, or where there is no picture.
    """

    def __init__(self, files: Sequence[Path], size: Sequence[int], cache: str | None):
        self._files, self._looked = files, False
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PIL.Image.DecompressionBombWarning)
            found = list(_each(_header, files, "looking at"))
        self.bad = {number: header.reason for number, header in enumerate(found) if header.reason}
        self._headers = [header for header in found if not header.reason]
        if not self._headers:
            raise ValueError(f"there is no picture that can be read:{self.why()}")
        sizes = [(header.height, header.width) for header in self._headers]
        grey = all(header.mode in GREY for header in self._headers)
        self.spec = Image(*size_of(sizes, size), 1 if grey else 3)
        self._shape = (self.spec.height, self.spec.width, self.spec.channels)
        shape = (len(files), *self._shape)
        self._bytes = math.prod(shape)
        self.cache = caches.choose(cache, self._bytes)
        self.at_once = self.cache != "none"
        self.fetch = self._kept(shape)

    def __str__(self) -> str:
        heads = self._headers
        sizes = sorted({(header.height, header.width) for header in heads}, key=math.prod)
        between = " to ".join(f"{height} x {width}" for height, width in dict.fromkeys((sizes[0], sizes[-1])))
        grey = sum(header.mode in GREY for header in heads)
        colours = "in colour" if not grey else "grey" if grey == len(heads) else f"{grey:,} of them grey"
        return (
            f"{between} pixels, {colours}; resized to {self.spec.height} x {self.spec.width}, "
            f"{self._bytes / 1e6:,.1f} MB, {caches.PLACES[self.cache]} (--image-size, --cache)"
        )

    def why(self, most: int | None = SHOWN) -> str:
        """The first bad pictures, `most` of them, and what is wrong with them, a line each."""
        lines = [f"\n  {self._files[number]}: {reason}" for number, reason in sorted(self.bad.items())]
        return "".join(lines[:most]) + (f"\n  and {len(lines) - most:,} more" if most and len(lines) > most else "")

    def _kept(self, shape: tuple[int, ...]) -> Callable:
        key = caches.digest(self._files, (self.spec, self.cache))
        if self.at_once:
            fetch = caches.keep(self.cache, self._images(), shape, key)
        else:
            paths, decode = tf.constant([str(file) for file in self._files]), _decoder(self.spec)

            def fetch(number):
                return decode(paths[number])

        if self.cache != "memory":
            self.bad |= {int(number): reason for number, reason in caches.remembered(key, self._broken).items()}
        return fetch

    def _images(self) -> Iterator[np.ndarray]:
        """All images, decoded on all cores; black ones for those that can't be, which are bad now."""
        decode = tf.function(_decoder(self.spec), input_signature=[tf.TensorSpec((), tf.string)])
        black = np.zeros(self._shape, "uint8")

        def image(number: int) -> np.ndarray:
            if number in self.bad:
                return black
            try:
                return decode(str(self._files[number])).numpy()
            except tf.errors.OpError as error:
                self.bad[number] = _reason(self._files[number], error)
                return black

        yield from _each(image, range(len(self._files)), "decoding")
        self._looked = True

    def _broken(self) -> dict[str, str]:
        """What is wrong with each picture that can't be read; all are decoded, if that wasn't done just now."""
        if not self._looked:
            deque(self._images(), maxlen=0)
        return {str(number): reason for number, reason in self.bad.items()}


def size_of(found: Sequence[tuple[int, int]], wanted: Sequence[int]) -> tuple[int, int]:
    """The height and width to which pictures of the sizes `found` are resized: as wanted, or see Store."""
    if wanted:
        if len(wanted) > 2 or min(wanted) < 1 or max(wanted) > MOST_SIDE:
            known = f"image_size is one number, or height and width, from 1 to {MOST_SIDE:,}"
            raise ValueError(f"{known}, not {' '.join(map(str, wanted))}")
        return wanted[0], wanted[-1]
    if len(set(found)) == 1 and max(found[0]) <= AS_IT_IS:
        return found[0]
    half = float(np.median([min(size) for size in found]))
    side = max(STEP, min(LARGEST, int(half) // STEP * STEP))
    return side, side


def counted(names: Sequence[str], labels: Sequence[int]) -> str:
    """How many there are of each class, or of how many where that is too long to read."""
    counts = Counter(labels)
    if len(names) > 2 * SHOWN:
        return f"{len(names)} classes of {min(counts.values()):,} to {max(counts.values()):,}"
    return ", ".join(f"{name} {counts[label]:,}" for label, name in enumerate(names))


def _decoder(spec: Image) -> Callable[[tf.Tensor], tf.Tensor]:
    """From a file's path to its image, as a request with its bytes would have it."""
    pictures = Pictures(spec)
    return lambda path: pictures.decode(tf.io.read_file(path))


def _header(file: Path) -> Header:
    try:
        if not file.stat().st_size:
            return Header(reason="it is empty")
        with PIL.Image.open(file) as picture:
            (width, height), mode, kind = picture.size, picture.mode, picture.format
    except (OSError, ValueError, SyntaxError, PIL.Image.DecompressionBombError) as error:
        if isinstance(error, PIL.Image.DecompressionBombError):
            return Header(reason="it has an absurd number of pixels")
        return Header(reason="it is no picture" if isinstance(error, PIL.UnidentifiedImageError) else str(error))
    if width * height > MOST_PIXELS:
        return Header(reason=f"it has an absurd number of pixels, {height:,} x {width:,}")
    if kind not in ("PNG", "JPEG", "MPO", "BMP", "GIF"):
        return Header(reason=f"it is {kind} in truth: convert it to PNG or JPEG")
    if kind == "BMP" and mode in ("P", "1"):
        return Header(reason="it is BMP with a palette, which TensorFlow can't read: convert it to PNG")
    return Header(height, width, mode)


def _reason(file: Path, error: tf.errors.OpError) -> str:
    """Why TensorFlow couldn't decode it."""
    try:
        with PIL.Image.open(file) as picture:
            picture.load()
    except (OSError, ValueError, SyntaxError) as found:
        return f"it is damaged: {found}"
    return f"it can't be decoded: {error.message.splitlines()[0].split('}} ')[-1]}"


def _each(work: Callable, things: Sequence, title: str) -> Iterator:
    """What `work` makes of each thing, in order, on all cores, under a progress bar."""
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        some = (things[start : start + AT_ONCE] for start in range(0, len(things), AT_ONCE))  # for memory's sake
        results = itertools.chain.from_iterable(threads.map(work, part) for part in some)
        yield from track(results, title, len(things), transient=True, disable=not sys.stdout.isatty())
