"""What the screen shows of a training, epoch by epoch."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest

from src.training.callbacks import LearningRate
from src.training.optimizers import optimizer
from src.training.progress import EpochLines

LOGS = {
    "accuracy": {"loss": 0.81234, "accuracy": 0.78, "val_loss": 123456.7, "val_accuracy": 0.86},
    "bits_per_character": {"loss": 1.0, "bits_per_character": 3.1, "val_loss": 1.0, "val_bits_per_character": 1.0},
    "frechet_distance": {"generator_loss": 1.0, "discriminator_loss": 2.0, "val_frechet_distance": 3.0},
    "mae": {"loss": 1.0, "mae": 2.0, "rmse": 3.0, "val_loss": 1e-7, "val_mae": 25000.0, "val_rmse": 3.0},
}


@pytest.mark.parametrize("figure", LOGS)
def test_a_line_an_epoch_fits_80_columns(capsys, figure):
    best = SimpleNamespace(monitor=f"val_{figure}", best_epoch=1)
    lines = EpochLines(100, 10, best)
    for epoch in range(3):
        lines.on_epoch_begin(epoch)
        lines.on_epoch_end(epoch, {**LOGS[figure], "learning_rate": 0.00123})
    said = capsys.readouterr().out.splitlines()
    assert max(map(len, said)) <= 80
    _, names, splits, *rows = said
    assert figure in names and "validation" in splits and len(rows) == 3
    assert [row.endswith("best") for row in rows] == [False, True, False]
    assert "2/100" in rows[1] and "0.0012" in rows[1]


@pytest.mark.parametrize("schedule", ["cosine", "constant"])
def test_the_rate_that_is_shown_is_the_one_of_the_last_step(schedule):
    made, _ = optimizer(8, None, learning_rate=0.5, schedule=schedule)
    used, shown_rates = [], []

    class Used(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            used.append(float(self.model.optimizer.learning_rate))

        def on_epoch_end(self, epoch, logs=None):
            shown_rates.append(logs["learning_rate"])

    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(made, "mse")
    model.fit(np.ones((4, 1)), np.ones((4, 1)), batch_size=1, epochs=2, verbose=0, callbacks=[LearningRate(), Used()])
    assert shown_rates == pytest.approx([used[3], used[7]])
    assert min(shown_rates) > 0
