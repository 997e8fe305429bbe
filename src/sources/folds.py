"""Folds: train and validation together are dealt out, and each part validates once what the others trained.

Hastie, Tibshirani and Friedman, The elements of statistical learning (2009), section 7.10.
"""

import dataclasses
import warnings

import numpy as np
from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

from src.data import Data, Divisible, Source
from src.errors import UserError
from src.specs import UNLABELLED, Boxes, Classes, Output


def splits_of(
    data: Data, *, limit: int | None = None, folds: int = 0, fold: int = 0, test: bool = True
) -> tuple[Data, dict[str, Source]]:
    """The data set, or a fold of it, and the splits that a run may read, by name.

    Args:
        data: the data set.
        limit: use only this many examples of each split; for a quick try, with --no-export.
        folds: k-fold cross-validation on train and validation together, without test and export; 0 for the data set's
            own split.
        fold: train only the model that is validated on this fold, from 1; 0 for all folds in turn.
        test: whether to evaluate on the test split, once, at the end.

    Raises:
        UserError: for a limit below 1, or examples that can't be dealt out to folds.
    """
    if limit is not None and limit < 1:
        raise UserError(f"limit has to be 1 or more, not {limit}.")
    if folds or fold:
        check_folds(folds, fold)
        data = _with_fold(data, fold, folds)
    splits = {"train": data.train, "validation": data.validation, **({"test": data.test} if test else {})}
    splits = {name: source if limit is None else source.take(limit) for name, source in splits.items()}
    test_split = splits.get("test", data.test)
    data = dataclasses.replace(data, train=splits["train"], validation=splits["validation"], test=test_split)
    return data, splits


def check_folds(folds: int, fold: int = 1) -> None:
    """Raises a UserError for numbers that can't be."""
    if fold and not folds:
        raise UserError("fold has no effect without folds.")
    if folds < 2:
        raise UserError(f"folds has to be 2 or more, or 0 for the data set's own split, not {folds}.")
    if not 1 <= fold <= folds:
        raise UserError(f"fold has to be from 1 to {folds}, or 0 for each in turn, not {fold}.")


def _with_fold(data: Data, fold: int, folds: int) -> Data:
    """The data set in which fold number `fold`, from 1, of train and validation validates, and the others train.

    The folds are the same at each call, have all classes in the same proportion, of boxes the rarest ones of each
    picture, and keep together what belongs together. What is adapted to the training split is adapted anew.

    Raises:
        UserError: for examples that can't be dealt out: pieces of one text or series, or too few of them.
    """
    if not (isinstance(data.train, Divisible) and isinstance(data.validation, Divisible)):
        pieces = "pieces of one text or series, or come from a tf.data pipeline"
        raise UserError(f"This data set's examples can't be dealt out to folds: they are {pieces}.")
    if not data.adapt and any(hasattr(layer, "adapt") for layer in data.preprocess.layers):
        raise UserError("This data set's preprocess follows from its training split; for folds it needs an `adapt`.")
    both = data.train.joined(data.validation)
    if len(both) < folds:
        raise UserError(f"{len(both)} examples are too few for {folds} folds.")
    strata = _strata(data.outputs, both)
    target = np.zeros(len(both)) if strata is None else strata
    kind = {
        (True, True): StratifiedGroupKFold,
        (True, False): StratifiedKFold,
        (False, True): GroupKFold,
        (False, False): KFold,
    }[strata is not None, both.groups is not None]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class")  # it isn't in every fold
        try:
            cuts = list(kind(folds, shuffle=True, random_state=0).split(target, target, both.groups))
        except ValueError as error:
            raise UserError(f"There can't be {folds} folds: {error}") from None
    train, validation = (both.chosen(rows) for rows in cuts[fold - 1])
    inputs, preprocess = data.adapt(train) if data.adapt else (data.inputs, data.preprocess)
    return dataclasses.replace(data, train=train, validation=validation, inputs=inputs, preprocess=preprocess)


def _strata(outputs: Output, source: Source) -> np.ndarray | None:
    """What each fold has as large a share of as all examples, a number for each of these; None of other outputs.

    It is the class. Of boxes it is the class in the picture that is rarest in all of them, so that no fold lacks it
    without need, and another number where there is no box.
    """
    if isinstance(outputs, Classes):
        return source.targets()
    if not isinstance(outputs, Boxes):
        return None
    label = source.targets()["label"]  # (examples, most)
    counts = np.bincount(label[label != UNLABELLED], minlength=len(outputs.names))
    by_rarity = np.append(np.argsort(np.argsort(counts, kind="stable")), len(counts))  # UNLABELLED is the last
    return by_rarity[label].min(axis=1, initial=len(counts))
