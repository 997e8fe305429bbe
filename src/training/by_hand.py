"""What is given to `train` from Python beside knobs: Keras objects, recorded by name and configuration."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from src.errors import UserError
from src.settings.config import Config


@dataclass(frozen=True)
class ByHand:
    """Keras objects; a run that was trained with them is resumed and repeated with equal ones.

    Args:
        callbacks: called as in `model.fit`; their attributes that are numbers are part of a saved state.
        optimizer: used instead of the one that knobs describe; None for that one.
        metrics: measured beside the task's, of the target and the prediction as the loss has them.

    Raises:
        UserError: for an object of another kind.
    """

    callbacks: Sequence[keras.callbacks.Callback] = ()
    optimizer: keras.Optimizer | None = None
    metrics: Sequence[keras.metrics.Metric] = ()

    def __post_init__(self):
        kinds = {"callbacks": keras.callbacks.Callback, "metrics": keras.metrics.Metric}
        for name, kind in kinds.items():
            for item in getattr(self, name):
                if not isinstance(item, kind):
                    raise UserError(f"{name} takes a list of keras.{name} objects, and not {item!r:.60}.")
        if not isinstance(self.optimizer, keras.Optimizer | None):
            raise UserError(f"optimizer takes a name or a keras.optimizers object, and not {self.optimizer!r:.60}.")

    def new_optimizer(self, settings: Config) -> keras.Optimizer | None:
        """A fresh optimiser like the given one: training again in one notebook starts anew.

        Raises:
            UserError: where knobs describe an optimiser, too.
        """
        if self.optimizer is None:
            return None
        if chosen := ", ".join(name for name in settings.of("optimizer") if settings.chosen(name)):
            raise UserError(f"An optimizer was given, so {chosen} has no effect: set it in the object.")
        return type(self.optimizer).from_config(self.optimizer.get_config())

    def described(self) -> dict[str, Any]:
        """What config.json keeps; empty where nothing was given."""
        found = {
            "callbacks": [type(callback).__name__ for callback in self.callbacks],
            "optimizer": self.optimizer and keras.saving.serialize_keras_object(self.optimizer),
            "metrics": [metric.name for metric in self.metrics],
        }
        return {name: value for name, value in found.items() if value}

    def check_repeats(self, recorded: Mapping[str, Any], where: str) -> None:
        """Raises a UserError where a run that is repeated or resumed had other objects."""
        if missing := ", ".join(name for name in recorded if name not in self.described()):
            again = ", ".join(f"{name}=…" for name in missing.split(", "))
            raise UserError(
                f"{where} was trained with {missing} given from Python: give them again, train(…, {again})."
            )
