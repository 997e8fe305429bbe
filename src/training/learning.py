"""What is trained: everything that `fit` needs, put together by src/training/prepare.py."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from src.data import Data, Source
from src.signatures import Signature, Steps
from src.task import Task
from src.training.augmentation import Augment
from src.training.plan import Plan


@dataclass(frozen=True)
class Learning:
    """A model, what it learns, and how.

    Args:
        model: from features to prediction.
        task: what is learnt, and the figure that decides which epoch is best.
        data: the data set; fit doesn't read its test split.
        splits: those that may be read, by name.
        plan: batches, steps and epochs.
        optimizer: changes the weights.
        schedule: callbacks of its learning-rate schedule.
        augment: changes features and targets of training batches; None for no change.
        seed: decides the order of the examples, and how they are changed.
        metrics: further ones of the user's, beside the task's.
        callbacks: the user's.
        steps: makes the model's single step, for tasks that predict step by step.
        signatures: what the model can be asked.
        samples: makes samples of the model's work, texts or pictures by name, for TensorBoard and the report.
        manifest: what the splits are.
        facts: the configuration: content of config.json.
        fixed: layers that aren't trained, such as those that were taken over in frozen epochs.
        part: the epochs of the plan that are trained here, from 0; None for all.
        frozen: the training of the new layers alone, which comes first; None where there is none.
    """

    model: keras.Model
    task: Task
    data: Data
    splits: Mapping[str, Source]
    plan: Plan
    optimizer: keras.Optimizer
    schedule: Sequence[keras.callbacks.Callback] = ()
    augment: Augment | None = None
    seed: int = 0
    metrics: Sequence[keras.metrics.Metric] = ()
    callbacks: Sequence[keras.callbacks.Callback] = ()
    steps: Steps | None = None
    signatures: Mapping[str, Signature] = field(default_factory=dict)
    samples: Callable[[], Mapping[str, str | np.ndarray]] = dict
    manifest: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    fixed: Sequence[keras.Layer] = ()
    part: range | None = None
    frozen: "Learning | None" = None

    @property
    def epochs(self) -> range:
        """Those that are trained here, from 0."""
        return range(self.plan.epochs) if self.part is None else self.part

    @property
    def is_exact(self) -> bool:
        """Whether its batches follow from seed and step, so that it can be resumed exactly."""
        return self.data.train.is_exact

    def compile(self) -> None:
        """Gives the model its loss, metrics and optimiser; `model.jit_compile` then says whether XLA is used."""
        self.model.compile(
            self.optimizer,
            loss=self.task.loss,
            metrics=[*self.task.metrics(), *self.metrics],
            steps_per_execution=self.plan.steps_per_execution,
            jit_compile=self.plan.jit,
        )
