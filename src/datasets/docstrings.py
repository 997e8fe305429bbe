"""Docstrings of Python libraries, 6 classes: which library wrote this one?

About 16,000 texts, read from the sources of the installed packages numpy, scipy, scikit-learn, matplotlib and keras and
of Python's standard library (each under its own open-source licence), so they change a little with the versions. The
names of the libraries are masked; repeated texts are left out; 60/20/20 by module, so that near-copies, which stand in
one file, are never in two splits.
"""

import importlib.util
import os
import random
import re
from collections.abc import Iterator
from functools import cache, partial
from inspect import cleandoc
from itertools import count
from pathlib import Path

import numpy as np

from src.data import Data
from src.preprocess.texts import word_counts, words
from src.sources.memory import InMemory
from src.specs import Classes, Tokens

INPUTS, OUTPUTS = (Tokens,), (Classes,)
LIBRARIES = {
    "keras": "keras",
    "matplotlib": "matplotlib",
    "numpy": "numpy",
    "scikit-learn": "sklearn",
    "scipy": "scipy",
}
LEFT_OUT = {"tests", "test", "testing", "site-packages", "idlelib", "lib2to3"}
NAMES = re.compile(
    r"numpy|scipy|scikit.learn|sklearn|matplotlib|pyplot|keras|tensorflow|python|\b(np|sp|mpl|plt|tf)\b", re.IGNORECASE
)
DOCSTRING = re.compile(r'(?:\A|:[ \t]*\n)\s*[rRuU]?"""(.+?)"""', re.DOTALL)  # parsing Python takes 30 times as long
MOST, FEWEST_WORDS = 4000, 8  # docstrings of a library; words of a docstring
SPLITS = {"train": 0.6, "validation": 0.2, "test": 0.2}


def load(*, length: int = 128, vocabulary: int = 10_000) -> Data:
    """The docstrings, as word indices.

    Args:
        length: number of words read from each text; the rest is cut off.
        vocabulary: vocabulary size: the most frequent words.
    """
    sources = {}
    for split, (texts, labels, modules) in _read().items():
        order = np.random.default_rng(0).permutation(len(texts))  # so that the first examples have all classes
        text, label, module = np.array(texts, object), np.array(labels, "int32"), np.array(modules)
        sources[split] = InMemory.of({"text": text[order]}, label[order], word_counts, module[order])
    return Data.adapted(partial(words, vocabulary=vocabulary, length=length), **sources, outputs=Classes(_names()))


def _names() -> tuple[str, ...]:
    return tuple(sorted([*LIBRARIES, "python"]))


@cache  # several trainings of one process read once: it takes seconds
def _read() -> dict[str, tuple[list[str], list[int], list[int]]]:
    """The texts of each split, their labels, and numbers of their modules."""
    parts: dict[str, tuple[list[str], list[int], list[int]]] = {split: ([], [], []) for split in SPLITS}
    seen: set[str] = set()
    module = count()
    for label, name in enumerate(_names()):
        for split, new in _split(_modules(name), seen):
            texts, labels, modules = parts[split]
            texts += new
            labels += [label] * len(new)
            modules += [next(module)] * len(new)
    return parts


def _split(modules: Iterator[list[str]], seen: set[str]) -> Iterator[tuple[str, list[str]]]:
    """The new texts of each module with their split; whole modules go where most is missing."""
    sizes = dict.fromkeys(SPLITS, 0)
    for module in modules:
        if sum(sizes.values()) >= MOST:
            return
        split = min(SPLITS, key=lambda name: sizes[name] / SPLITS[name])
        new = []
        for text in module:
            plain = re.sub(r"\W+|\d+", " ", text).lower()
            if plain not in seen:
                seen.add(plain)
                new.append(text)
        sizes[split] += len(new)
        yield split, new


def _modules(library: str) -> Iterator[list[str]]:
    """The masked docstrings of each module, in an order that is random and always the same."""
    root = _folder(library)
    files = sorted(path for path in root.rglob("*.py") if not LEFT_OUT & set(path.relative_to(root).parts))
    random.Random(0).shuffle(files)
    for path in files:
        docstrings = map(cleandoc, DOCSTRING.findall(path.read_text(encoding="utf-8", errors="ignore")))
        yield [NAMES.sub("library", text) for text in docstrings if len(text.split()) >= FEWEST_WORDS]


def _folder(library: str) -> Path:
    if library not in LIBRARIES:
        return Path(os.__file__).parent
    spec = importlib.util.find_spec(LIBRARIES[library])
    if not spec or not spec.origin:
        raise ValueError(f"{library} isn't installed")
    return Path(spec.origin).parent
