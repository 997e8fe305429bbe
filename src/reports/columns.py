"""Answers as columns of a table: a row an example, or a row for each of several things in it, such as boxes.

A model of several things has room for as many as it finds at most, on the second axis of its answers; its answer
`count` says how many of them there are.
"""

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

COUNT, MASK, PICTURE = "count", "mask", "png_bytes"  # answers that mean the same of every model
FILL = 255  # of masks, to the size of the largest one in their batch
SIDES = {"boxes": ("top", "left", "bottom", "right")}  # answers of several numbers, by what each is


def cut(answers: Mapping[str, Any]) -> dict[str, Any]:
    """The answers to one example; lists and arrays of things are cut to those that there are."""
    if COUNT not in answers:
        return dict(answers)
    count = int(answers[COUNT])
    return {name: value[:count] if isinstance(value, list | np.ndarray) else value for name, value in answers.items()}


def of_each(name: str, column: np.ndarray) -> Iterable[np.ndarray]:
    """That answer to each example; a mask in the size of its picture, (height, width)."""
    if name != MASK:
        return column
    return (mask[: np.count_nonzero(mask[:, 0] != FILL), : np.count_nonzero(mask[0] != FILL)] for mask in column)


def readable(answers: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The answers without pixels and the bytes of files; all where there is nothing else."""
    axes = 3 if COUNT in answers else 2
    kept = {name: column for name, column in answers.items() if column.ndim <= axes and not name.endswith("_bytes")}
    return kept or dict(answers)


def columns(
    beside: Mapping[str, Sequence[str]], answers: Mapping[str, np.ndarray], names: Sequence[str]
) -> tuple[Mapping[str, Sequence[Any]], list[dict[str, list]]]:
    """The columns beside the answers, and those of each answer.

    Args:
        beside: columns that go with the answers, a row an example.
        answers: by name, batch first. With a `count`, each thing is a row; an example without any is one, with None.
        names: of the classes or values that an answer of several numbers may be about.
    """
    if COUNT not in answers:
        return beside, [_spread(name, column, names) for name, column in answers.items()]
    counts = answers[COUNT]
    rows = np.repeat(np.arange(len(counts)), np.maximum(counts, 1))
    is_thing = (counts[rows] > 0).tolist()
    groups = []
    for name, column in sorted(answers.items(), key=lambda answer: answer[1].ndim):  # label and score before the sides
        if column.ndim > 1:
            things = np.concatenate([values[:count] for values, count in zip(column, counts, strict=True)])
            spread = {key: iter(values) for key, values in _spread(name, things, names).items()}
            groups.append(
                {key: [next(values) if there else None for there in is_thing] for key, values in spread.items()}
            )
        elif name != COUNT:
            groups.append(_spread(name, column[rows], names))
    return {name: [cells[row] for row in rows.tolist()] for name, cells in beside.items()}, groups


def joined(beside: Mapping[str, Any], answers: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of both; of one name twice the answer is called predicted_…."""
    columns = dict(beside)
    for name, column in answers.items():
        while name in columns:
            name = f"predicted_{name}"
        columns[name] = column
    return columns


def plain(column: np.ndarray) -> list:
    """An answer as JSON has it: float32 in no more digits than tell it apart, bytes in base64."""
    if column.dtype.kind == "f":
        return column.astype(str).astype("float64").tolist()
    if column.dtype == object:
        return [base64.b64encode(value).decode() for value in column]
    return column.tolist()


def _spread(answer: str, column: np.ndarray, names: Sequence[str]) -> dict[str, list]:
    """A column for each single value: of (batch, n) one for each of n names; what has more axes as JSON."""
    if column.ndim == 1:
        return {answer: plain(column)}
    if column.ndim == 2 and answer in SIDES:
        return {side: plain(column[:, index]) for index, side in enumerate(SIDES[answer])}
    if column.ndim == 2 and column.shape[1] == len(names):
        return {f"{answer}_{name}": plain(column[:, index]) for index, name in enumerate(names)}
    return {answer: [json.dumps(value, ensure_ascii=False) for value in plain(column)]}
