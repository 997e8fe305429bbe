"""Errors of a classifier: by class, by how sure it was, by threshold, and the examples that show them.

Calibration: Guo et al. (2017), On calibration of modern neural networks, section 2.
"""

from collections.abc import Sequence

import numpy as np
from sklearn import metrics

from src.analysis.intervals import wilson
from src.analysis.labels import likely_wrong
from src.analysis.plots import HEIGHT, INK, name_points, panel
from src.analysis.sections import EXAMPLE, SHOWN, Examples, Plot, Section, Table
from src.system.screen import drawn, shortened

BINS = 15  # of probabilities
FEW = 8  # classes, up to which each has a curve
MOST_CONFUSED, MOST_LISTED = 50, 200  # rows of a table
RELIABLE = 2 / 3  # accuracy from which on it says something that a model disagrees with a label
LINE = 0.19  # inches of a line of a legend
UNSURE = 0.5  # between the probabilities of the likeliest classes, below which an answer is unsure
THRESHOLDS = np.arange(0.05, 1.0, 0.05)


def by_class(labels: np.ndarray, predicted: np.ndarray, names: Sequence[str]) -> Table:
    """Precision, recall and F1 of each class, with their intervals."""
    confusion = metrics.confusion_matrix(labels, predicted, labels=range(len(names)))
    right, true, taken = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    jaccard = [2 * bound / (1 + bound) for bound in wilson(right, true + taken - right)]  # F1 = 2J / (1 + J)
    columns = {
        "precision": (right / np.maximum(taken, 1), *wilson(right, taken), taken),
        "recall": (right / np.maximum(true, 1), *wilson(right, true), true),
        "F1": (2 * right / np.maximum(true + taken, 1), *jaccard, true + taken),
    }
    rows: list[dict[str, str | int | float]] = [
        {
            "class": name,
            "examples": int(true[row]),
            **{head: _with_interval(*(float(part[row]) for part in parts)) for head, parts in columns.items()},
        }
        for row, name in enumerate(names)
    ]
    return Table("By class", rows, "In brackets, the 95% interval of each. – means that there was no example of it.")


def confused(labels: np.ndarray, predicted: np.ndarray, names: Sequence[str]) -> list[Table]:
    """Which classes are taken for which, the commonest first; nothing where none is."""
    confusion = metrics.confusion_matrix(labels, predicted, labels=range(len(names)))
    true = confusion.sum(axis=1)
    np.fill_diagonal(confusion, 0)
    order = np.argsort(-confusion, axis=None, kind="stable")[:MOST_CONFUSED]
    pairs = [(row, column) for row, column in zip(*np.unravel_index(order, confusion.shape), strict=True)]
    rows: list[dict[str, str | int | float]] = [
        {
            "true": names[row],
            "predicted": names[column],
            "examples": int(confusion[row, column]),
            "share of the true class": f"{confusion[row, column] / true[row]:.1%}",
        }
        for row, column in pairs
        if confusion[row, column]
    ]
    often = [row for row in rows if row["examples"] != 1] or rows
    return [Table("Most frequent confusions", often, is_folded=len(names) <= FEW or len(often) > SHOWN)] if rows else []


def reliability(labels: np.ndarray, probabilities: np.ndarray) -> Plot:
    """How often the model is right where it says that it is so sure, and how often it says so."""
    sure, right, bins = _binned(labels, probabilities)
    counts = np.bincount(bins, minlength=BINS)
    there = counts > 0
    mean_sure = np.bincount(bins, sure, BINS)[there] / counts[there]
    accuracy = np.bincount(bins, right, BINS)[there] / counts[there]
    error = expected_calibration_error(labels, probabilities)
    title = f"Expected calibration error {error:.3f}"
    figure, axes = panel(title=title, xlabel="probability of the answer", ylabel="share that is right")
    axes.plot([0, 1], [0, 1], color=INK, alpha=0.4, linewidth=1)
    axes.vlines(mean_sure, *wilson((accuracy * counts[there]).round(), counts[there]), color="C0", alpha=0.5)
    axes.scatter(mean_sure, accuracy, s=12 + 120 * counts[there] / counts.max(), color="C0", zorder=3, clip_on=False)
    told = zip(counts[there], mean_sure, accuracy, strict=True)
    name_points(axes, mean_sure, accuracy, [f"{n:,} answers at {sure:.1%}: {r:.1%} right" for n, sure, r in told])
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    text = "On the line, a probability means what it says; below it, the model is surer than it should be. "
    return Plot("Reliability", figure, text + "Large points have many examples; bars are 95% intervals.")


def expected_calibration_error(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Mean distance between how sure the model is and how often it is right, over bins of equal width."""
    sure, right, bins = _binned(labels, probabilities)
    return float(np.abs(np.bincount(bins, sure - right, BINS)).sum() / max(1, len(labels)))


def curves(labels: np.ndarray, probabilities: np.ndarray, names: Sequence[str], only: int | None) -> list[Plot]:
    """ROC, and precision over recall: of `only` one class, or of each where there are few; else nothing."""
    classes = [only] if only is not None else range(len(names)) if len(names) <= FEW else []
    classes = [place for place in classes if 0 < np.sum(labels == place) < len(labels)]
    if not classes:
        return []
    height = HEIGHT + LINE * len(classes)
    roc, receiver = panel(height=height, xlabel="false alarms, share of the others", ylabel="recall")
    both, precision = panel(height=height, xlabel="recall", ylabel="precision", ylim=(-0.02, 1.02))
    receiver.plot([0, 1], [0, 1], color=INK, alpha=0.4, linewidth=1)
    for place in classes:
        is_it, probability, name = labels == place, probabilities[:, place], shortened(names[place])
        alarms, recall, bounds = metrics.roc_curve(is_it, probability)
        receiver.plot(alarms, recall, label=f"{drawn(name)}, area {metrics.roc_auc_score(is_it, probability):.3f}")
        told = zip(bounds[1:], recall[1:], alarms[1:], strict=True)  # the first bound is infinite
        texts = [f"{name} from {bound:.3f} on: recall {r:.1%}, false alarms {a:.1%}" for bound, r, a in told]
        name_points(receiver, alarms[1:], recall[1:], texts)
        precisions, recalls, bounds = metrics.precision_recall_curve(is_it, probability)
        average = metrics.average_precision_score(is_it, probability)
        precision.step(recalls, precisions, where="post", label=f"{drawn(name)}, average precision {average:.3f}")
        told = zip(bounds, precisions[:-1], recalls[:-1], strict=True)
        texts = [f"{name} from {bound:.3f} on: precision {p:.1%}, recall {r:.1%}" for bound, p, r in told]
        name_points(precision, recalls[:-1], precisions[:-1], texts)
    for figure in (roc, both):
        figure.legend(loc="outside lower left", frameon=False, fontsize=8)
    return [Plot("ROC", roc), Plot("Precision and recall", both)]


def rarer(counts: Sequence[int]) -> int:
    """Of two classes, that which is looked for: the rarer one, the second of equal ones."""
    return 0 if counts and counts[0] < counts[1] else 1


def thresholds(is_it: np.ndarray, probability: np.ndarray, name: str) -> Table:
    """What comes of answering with the class of that name from a probability on."""
    rows: list[dict[str, str | int | float]] = []
    for threshold in THRESHOLDS:
        alarm = probability >= threshold
        right = int((alarm & is_it).sum())
        rows.append(
            {
                "threshold": f"{threshold:.2f}",
                "precision": right / int(alarm.sum()) if alarm.any() else "–",
                "recall": right / max(1, int(is_it.sum())),
                "F1": 2 * right / max(1, int(alarm.sum() + is_it.sum())),
                "false alarms": int((alarm & ~is_it).sum()),
                "misses": int((~alarm & is_it).sum()),
            }
        )
    text = f"What comes of answering “{name}” from that probability on. Rows of the least cost are marked."
    return Table("Thresholds", rows, text, costs=("false alarms", "misses"))


def captions(labels: np.ndarray, probabilities: np.ndarray, names: Sequence[str]) -> list[str]:
    """The answer to each example, how sure it was, and the true class where that is another one."""
    told = []
    for label, answer, sure in zip(labels, probabilities.argmax(axis=1), probabilities.max(axis=1), strict=True):
        told.append(f"{names[answer]} ({sure:.0%})" + (f", true: {names[label]}" if answer != label else ""))
    return told


def mistakes(numbers: np.ndarray, labels: np.ndarray, probabilities: np.ndarray, names: Sequence[str]) -> list[Section]:
    """The surest wrong answers, and the answers that were least sure."""
    predicted, sure = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = np.flatnonzero(predicted != labels)
    wrong = wrong[np.argsort(-sure[wrong], kind="stable")][:SHOWN]
    second, first = np.partition(probabilities, -2, axis=1)[:, -2:].T
    unsure = np.argsort(first - second, kind="stable")[:SHOWN]
    unsure = unsure[(first - second)[unsure] < UNSURE]

    sections: list[Section] = []
    for title, rows in (("Most confident mistakes", wrong), ("Least certain", unsure)):
        if len(rows):
            told = captions(labels[rows], probabilities[rows], names)
            sections.append(Examples(title, dict(zip(numbers[rows].tolist(), told, strict=True))))
    return sections


def suspicious(
    numbers: np.ndarray, labels: np.ndarray, probabilities: np.ndarray, names: Sequence[str]
) -> list[Section]:
    """Examples whose label is likely wrong: the first ones shown, all of them listed; nothing where none is."""
    rows, rather = likely_wrong(labels, probabilities)
    if not len(rows) or np.mean(probabilities.argmax(axis=1) == labels) < RELIABLE:
        return []
    captions = {
        int(numbers[row]): f"labelled {names[labels[row]]}, rather {names[other]} ({probabilities[row, other]:.0%})"
        for row, other in zip(rows[:SHOWN], rather[:SHOWN], strict=True)
    }
    listed: list[dict[str, str | int | float]] = [
        {
            EXAMPLE: int(numbers[row]),
            "label": names[labels[row]],
            "its probability": float(probabilities[row, labels[row]]),
            "rather": names[other],
            "probability": float(probabilities[row, other]),
        }
        for row, other in zip(rows[:MOST_LISTED], rather[:MOST_LISTED], strict=True)
    ]
    text = f"By confident learning, of {len(labels):,} examples {len(rows):,} may be labelled wrongly, or be hard."
    shown = Examples("Labels that are likely wrong", captions, text)
    more = Table("All labels that are likely wrong", listed, is_folded=True)
    return [shown, more] if len(rows) > SHOWN else [shown]


def _binned(labels: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How sure each answer is, whether it is right, and the bin of equal width in which it lies: (examples,) each."""
    sure = probabilities.max(axis=1)
    return sure, probabilities.argmax(axis=1) == labels, np.minimum((sure * BINS).astype(int), BINS - 1)


def _with_interval(value: float, low: float, high: float, of: float) -> str:
    return f"{value:.3f} ({low:.2f}–{high:.2f})" if of else "–"
