"""Written texts beside those that are right: how like they are, the nearest text that was learnt, and where was looked.

BLEU: Papineni et al. (2002); chrF: Popović (2015); both by sacrebleu, so that figures can be compared with those of
papers: Post (2018), A call for clarity in reporting BLEU scores.
"""

from collections.abc import Mapping, Sequence
from itertools import zip_longest

import numpy as np
from matplotlib.figure import Figure
from sacrebleu.metrics import BLEU, CHRF
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfTransformer

SELDOM = 20  # characters with less than one blank among so many are of a script that sets none
AT_ONCE = 64  # texts that are compared with all that were learnt
PARTS = 4  # by length, into which texts are divided
PANEL = 3.4  # inches


def likeness(written: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, float]:
    """BLEU and chrF from 0 to 100, and the share of texts that are one of their references.

    Args:
        written: a text for each source.
        references: of each, all that are right.
    """
    by_place = _by_place(references)
    return {
        "bleu": _bleu(references).corpus_score(written, by_place).score,
        "chrf": CHRF().corpus_score(written, by_place).score,
        "exact_match": float(np.mean([text in right for text, right in zip(written, references, strict=True)])),
    }


def how_measured(references: Sequence[Sequence[str]]) -> dict[str, str]:
    """The signatures of BLEU and chrF, by which papers say how they were measured."""
    signatures = {}
    for name, metric in {"BLEU": _bleu(references), "chrF": CHRF()}.items():
        metric.corpus_score([""] * len(references), _by_place(references))  # counts the references
        signatures[name] = f"{name} {metric.get_signature()}"
    return signatures


def chrf_of_each(written: Sequence[str], references: Sequence[Sequence[str]]) -> np.ndarray:
    """The chrF of each text, from 0 to 100, (texts,)."""
    metric = CHRF()
    return np.array([metric.sentence_score(text, right).score for text, right in zip(written, references, strict=True)])


def nearest(learnt: Sequence[np.ndarray], asked: Sequence[np.ndarray]) -> np.ndarray:
    """For each text that is asked, the number of the one that was learnt whose tokens are most alike, (asked,).

    By the cosine of their TF-IDF weights.

    Args:
        learnt, asked: tokens of texts, each (tokens,).
    """
    size = 1 + max(int(tokens.max(initial=0)) for tokens in (*learnt, *asked))
    weight = TfidfTransformer(sublinear_tf=True)
    known = weight.fit_transform(_counts(learnt, size)).T.tocsr()
    rows = weight.transform(_counts(asked, size))
    parts = [rows[start : start + AT_ONCE] @ known for start in range(0, len(asked), AT_ONCE)]
    return np.concatenate([np.asarray(part.argmax(axis=1)).ravel() for part in parts])


def by_length(lengths: np.ndarray, chrf: np.ndarray) -> list[dict[str, float]]:
    """The mean chrF of short texts, of longer ones and so on.

    Args:
        lengths: tokens of each source, (texts,).
        chrf: of each text, (texts,).
    """
    bounds = np.unique(np.quantile(lengths, np.linspace(0, 1, PARTS + 1)[1:], method="higher"))
    part_of = np.searchsorted(bounds, lengths)
    parts = [np.flatnonzero(part_of == part) for part in range(len(bounds))]
    return [
        {
            "shortest": int(lengths[rows].min()),
            "longest": int(lengths[rows].max()),
            "texts": len(rows),
            "chrf": float(chrf[rows].mean()),
        }
        for rows in parts
        if len(rows)
    ]


def draw_lengths(parts: Sequence[Mapping[str, float]]) -> Figure:
    """chrF by length of the source, as `by_length` gives it."""
    figure = Figure(figsize=(5, PANEL), layout="constrained")
    axes = figure.subplots()
    names = ["\u2013".join(map(str, dict.fromkeys([part["shortest"], part["longest"]]))) for part in parts]
    bars = axes.bar(names, [part["chrf"] for part in parts])
    axes.bar_label(bars, [f"{part['texts']:,} texts" for part in parts], fontsize="small")
    axes.set(xlabel="tokens of the source", ylabel="mean chrF", title="Short sources and long ones")
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(y=0.12)
    return figure


def draw_attention(looks: Sequence[Mapping]) -> Figure:
    """Where a model looked while it wrote: a row for each written token, a column for each one of the source.

    Args:
        looks: of each text "source" and "written", their tokens as texts, and "weights", (written, source).
    """
    figure = Figure(figsize=(PANEL * len(looks), PANEL), layout="constrained")
    for axes, look in zip(figure.subplots(1, len(looks), squeeze=False)[0], looks, strict=True):
        axes.imshow(np.array(look["weights"]), cmap="Blues", vmin=0, vmax=1, aspect="auto")
        axes.set_xticks(range(len(look["source"])), _visible(look["source"]), rotation=90, fontsize="small")
        axes.set_yticks(range(len(look["written"])), _visible(look["written"]), fontsize="small")
        axes.xaxis.tick_top()
        axes.tick_params(length=0)
    return figure


def _visible(tokens: Sequence[str]) -> list[str]:
    """Tokens with their blanks; one without a text is the end."""
    return [token.replace(" ", "\u2423") or "end" for token in tokens]


def _bleu(references: Sequence[Sequence[str]]) -> BLEU:
    """BLEU of words, or of characters where the script sets no blanks between words."""
    text = "".join(reference for right in references for reference in right)
    has_words = text.count(" ") * SELDOM >= len(text)
    return BLEU(tokenize="13a" if has_words else "char")


def _by_place(references: Sequence[Sequence[str]]) -> list[list[str]]:
    """The first reference of each text, the second, and so on; None where a text has no more, which sacrebleu skips."""
    return list(map(list, zip_longest(*references)))


def _counts(texts: Sequence[np.ndarray], size: int) -> csr_matrix:
    """How often each token is in each text, (texts, size)."""
    lengths = [len(text) for text in texts]
    places = np.concatenate([[0], np.cumsum(lengths)])
    tokens = np.concatenate([*texts, np.zeros(0, "int64")]).astype("int64")
    counts = csr_matrix((np.ones(len(tokens), "float32"), tokens, places), shape=(len(texts), size))
    counts.sum_duplicates()
    return counts
