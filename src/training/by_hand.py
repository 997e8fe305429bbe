"""What is given to `train` from Python beside knobs, recorded by name and configuration."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from src.errors import UserError
from src.readers.given import given, is_name
from src.runs.resume import by_hand_of
from src.settings import catalogue
from src.settings.config import Config, as_names
from src.settings.given import GivenData
from src.task import Task


@dataclass(frozen=True)
class ByHand:
    """Keras objects and data; a run that was trained with them is resumed and repeated with equal ones.

    Args:
        callbacks: called as in `model.fit`; their attributes that are numbers are part of a saved state.
        optimizer: used instead of the one that knobs describe; None for that one.
        metrics: measured beside the task's, of the target and the prediction as the loss has them.
        data: the data set; None for one that is named.

    Raises:
        UserError: for an object of another kind.
    """

    callbacks: Sequence[keras.callbacks.Callback] = ()
    optimizer: keras.Optimizer | None = None
    metrics: Sequence[keras.metrics.Metric] = ()
    data: GivenData | None = None

    def __post_init__(self):
        kinds = {"callbacks": keras.callbacks.Callback, "metrics": keras.metrics.Metric}
        for name, kind in kinds.items():
            items = getattr(self, name)
            if not isinstance(items, Sequence) or not all(isinstance(item, kind) for item in items):
                raise UserError(f"{name} takes a list of objects of keras.{name}, and not {items!r:.60}.")
        if not isinstance(self.optimizer, keras.Optimizer | None):
            raise UserError(f"optimizer takes a name or an object of keras.optimizers, and not {self.optimizer!r:.60}.")

    def new_optimizer(self, settings: Config) -> keras.Optimizer | None:
        """A fresh optimiser like the given one: training again in one notebook starts anew.

        Raises:
            UserError: where knobs describe an optimiser, too.
        """
        if self.optimizer is None:
            return None
        chosen = [name for name in settings.of("optimizer") if settings.chosen(name)]
        origins = {origin: by_hand_of(Path(origin)) for origin in {settings.origins[name] for name in chosen}}
        # The knobs of a run that had such an object weren't used there either.
        if without := ", ".join(name for name in chosen if "optimizer" not in origins[settings.origins[name]]):
            raise UserError(f"An optimizer was given, so {without} has no effect: set it in the object.")
        return type(self.optimizer).from_config(self.optimizer.get_config())

    def check_metrics(self, task: Task) -> None:
        """Raises a UserError for metrics that wouldn't be measured, or be taken for one of the task's."""
        if self.metrics and task.loss is None:
            raise UserError("metrics has no effect here: the model is trained in a way of its own.")
        for name in {"loss", *(metric.name for metric in task.metrics())} & {metric.name for metric in self.metrics}:
            raise UserError(f"The task has a metric {name!r} already: give yours another name, name=….")

    def described(self) -> dict[str, Any]:
        """What config.json keeps; empty where nothing was given."""
        objects = {
            "callbacks": [type(callback).__name__ for callback in self.callbacks],
            "optimizer": self.optimizer and _described(self.optimizer),
            "metrics": {metric.name: _described(metric) for metric in self.metrics},
            "data": self.data and self.data.what,
        }
        return {name: value for name, value in objects.items() if value}

    def check_repeats(self, recorded: Mapping[str, Any], where: str) -> None:
        """Raises a UserError where a run that is repeated or resumed had other objects.

        Args:
            recorded: what its config.json keeps.
            where: the configuration, for the message.
        """
        described = self.described()
        names = [name for name in recorded if name != "data"]  # which a name may replace
        if missing := [name for name in names if name not in described]:
            again = ", ".join(f"{name}=…" for name in missing)
            what = ", ".join(missing)
            raise UserError(
                f"{where} is of a training with {what} given from Python: give them again, train(…, {again})."
            )
        for name in names:
            if described[name] != recorded[name]:
                apart = "; ".join(_differences(recorded[name], described[name]))
                raise UserError(f"{where} is of a training with other {name}: {apart}.")


def told_apart(
    model: str | Path,
    data: Any,
    callbacks: Sequence[keras.callbacks.Callback],
    optimizer: str | keras.Optimizer | None,
    metrics: Sequence[keras.metrics.Metric],
    knobs: Mapping[str, Any],
) -> tuple[str, dict[str, Any], ByHand]:
    """What was given to `train` from Python: the model's name, knobs that are plain values, and objects.

    Raises:
        UserError: for what is neither.
    """
    named = {"data": data, "optimizer": optimizer}  # which may be objects, too
    named = {name: value for name, value in named.items() if value is not None and is_name(value)}
    model, values = as_names(model, {**knobs, **named})
    given_data = None if is_name(data) else given(data, catalogue.model(model).takes)
    return model, values, ByHand(callbacks, None if isinstance(optimizer, str) else optimizer, metrics, given_data)


def metrics_of(recorded: Mapping[str, Any]) -> tuple[list[keras.metrics.Metric], list[str]]:
    """Keras' own metrics that a run's config.json keeps, made again, and the names of others.

    Args:
        recorded: what was given from Python.
    """
    again, others = [], []
    for name, about in recorded.get("metrics", {}).items():
        kind: Any = getattr(keras.metrics, about["class_name"], None)
        config = about["config"]
        plain = not any(isinstance(value, dict | list) for value in config.values())  # code could be hidden in others
        is_metric = isinstance(kind, type) and issubclass(kind, keras.Metric)
        if is_metric and plain and about["module"].startswith("keras."):
            try:
                again.append(kind.from_config(config))
            except (TypeError, ValueError) as error:
                raise UserError(
                    f"The metric {name!r} that was given from Python can't be made again: {error}"
                ) from None
        else:
            others.append(name)
    return again, others


def _described(item: Any) -> dict[str, Any]:
    """Class and configuration, as JSON has them, without a name that Keras made up and counts in a process."""
    described = json.loads(json.dumps(keras.saving.serialize_keras_object(item), default=str))
    if re.fullmatch(rf"{re.escape(type(item).__name__.lower())}(_\d+)?", described["config"].get("name", "")):
        del described["config"]["name"]
    return described


def _differences(before: Any, now: Any, where: str = "") -> Iterator[str]:
    """Where two descriptions differ, and how."""
    if isinstance(before, dict) and isinstance(now, dict):
        for name in {**before, **now}:
            yield from _differences(before.get(name), now.get(name), name)
    elif before != now:
        yield f"{where} {before!r}, not {now!r}".strip()
