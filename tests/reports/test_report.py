"""What a reader is shown of a run."""

import pytest

from src.reports.curves import curves, names_of
from src.training.progress import _widths

HISTORY = {
    "epoch": [0, 1],
    "learning_rate": [0.1, 0.1],
    "loss": [0.5, 0.4],
    "log_loss": [0.5, 0.40000001],
    "val_loss": [0.6, 0.5],
    "val_log_loss": [0.6, 0.5],
}


@pytest.mark.parametrize("differs", [False, True], ids=["the loss repeats it", "the loss tells more"])
def test_a_loss_that_is_another_figure_is_left_out(differs):
    history = {**HISTORY, "loss": [0.7, 0.6]} if differs else HISTORY
    titles = [axes.get_title() for axes in curves(history).axes]
    assert ("loss" in titles, "log_loss" in titles) == (differs, True)
    logs = {name: column[0] for name, column in history.items() if name != "epoch"}
    splits = {"train": logs, "validation": logs, "baseline": {"log_loss": 1.0, "predictor": "the shares"}}
    assert ("loss" in names_of(splits)) == differs
    assert ("val_loss" in _widths(logs, "val_log_loss")) == differs
