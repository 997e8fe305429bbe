"""Putting a training together: data set, task, model, plan and optimiser, each checked before anything is trained."""

import dataclasses
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import keras

from src.data import Data, Source
from src.runs.manifest import manifest, remarks
from src.runs.save import describe
from src.settings import catalogue
from src.settings.config import Config
from src.settings.contract import check_loss, check_model, check_targets, check_task, load_data, steps_of, unexplained
from src.settings.examples import check_examples
from src.settings.mistakes import mistakes_in, mistakes_while_training
from src.signatures import traced
from src.sources.folds import splits_of
from src.system import device
from src.task import Task
from src.training.augmentation import augmentation, suggestion
from src.training.by_hand import ByHand
from src.training.frozen import transferring
from src.training.learning import Learning
from src.training.optimizers import check_rate_is_free, optimizer
from src.training.plan import Plan, plan
from src.training.transfer import TakenOver, Transfer


def prepare(settings: Config, by_hand: ByHand, say: Callable[[str], None]) -> tuple[Learning, Config]:
    """What will be trained, compiled, and the configuration now that the data has decided what was open.

    Args:
        settings: every knob's value.
        by_hand: Keras objects that were given beside knobs.
        say: is told what was found and chosen.

    Raises:
        UserError: for what can't be trained.
    """
    precision = device.start(**settings.of("device"))
    if settings.values["deterministic"] and (threads := device.threads()["intra_op"]) != device.THREADS:
        say(f"TensorFlow had started before with {threads} threads: the bits are the same only where it has as many")
    transfer = Transfer(**settings.of("transfer"))
    transfer.check()
    settings, data, splits = _load(settings, say)
    task, data, about = _task(settings, data, splits)
    augment = augmentation(task.move, task.border, **settings.of("augmentation"))
    warned = [f"warning: {text}" for text in about["warnings"]]
    for text in filter(None, [*remarks(about), *warned, "" if transfer.pretrained else suggestion(data, augment)]):
        say(text)
    by_hand.check_metrics(task)
    model, taken = _begun(transfer, settings, data, precision, say)
    check_loss(settings.choices.task, task, model, data)
    steps = steps_of(settings.choices.model.reference, model, data.inputs)
    signatures = task.signatures(model, data.preprocess, data.doors, steps)
    chosen = _plan(settings, model, data)
    frozen_epochs = transfer.frozen_epochs(chosen.epochs) if taken else 0
    made, schedule = _optimizer(settings, task, by_hand, chosen.steps * (chosen.epochs - frozen_epochs))
    say(
        f"{len(data.train):,} training examples, {model.count_params():,} parameters; batch size {chosen.batch}, "
        f"{chosen.steps} steps per epoch, {chosen.steps_per_execution} per execution"
    )
    learning = Learning(
        model=model,
        task=task,
        data=data,
        splits=splits,
        plan=chosen,
        optimizer=made,
        schedule=schedule,
        augment=augment,
        seed=settings.values["seed"],
        metrics=by_hand.metrics,
        callbacks=by_hand.callbacks,
        steps=steps,
        signatures=signatures,
        samples=partial(task.samples, traced(signatures)),
        manifest=about,
    )
    if taken:
        alone = _optimizer(settings, task, by_hand, chosen.steps * frozen_epochs)
        learning = transferring(learning, taken.layers, frozen_epochs, transfer.shares(len(taken.layers)), *alone)
    learning.compile()
    resolved = {"jit": model.jit_compile, "precision": precision, "augmented": augment is not None}
    facts = describe(settings, data, vars(chosen) | resolved)
    further = {"by_hand": by_hand.described(), "init": taken.facts if taken else {}}
    facts |= {name: dict(fact) for name, fact in further.items() if fact}
    return dataclasses.replace(learning, facts=facts), settings


def _load(settings: Config, say: Callable[[str], None]) -> tuple[Config, Data, dict[str, Source]]:
    """The data set, or a fold of it, its splits, and the configuration now that it is known what it is for."""
    data = load_data(settings.choices.data, settings.of("data"), [task.spec for task in settings.choices.tasks])
    settings = settings.decided(type(data.inputs), type(data.outputs))
    choices = settings.choices
    data, splits = splits_of(data.predicting(choices.task.spec), **settings.of("splits"))
    if data.notes:
        say(data.notes)
    say(f"{choices.model.name} on {settings.data_name}: {choices.task.name}, on {device.name()}")
    for text in unexplained(choices.model, choices.data, choices.task):
        say(text)
    return settings, data, splits


def _task(settings: Config, data: Data, splits: dict[str, Source]) -> tuple[Task, Data, dict[str, Any]]:
    """The task, the data with the statistics of its targets, and the manifest."""
    choices = settings.choices
    warnings = [*data.warnings, *check_examples(choices.data, data.preprocess, splits)]
    outputs = check_targets(choices.data, choices.task, data.outputs, splits)
    with mistakes_in(choices.task):
        task = catalogue.load(choices.task).Task(outputs, **settings.of(choices.task.name))
    check_task(choices.task, task)
    with mistakes_in(choices.data), mistakes_while_training(choices.task):
        about = manifest(splits, task, data.notes, warnings)
    return task, dataclasses.replace(data, outputs=outputs), about


def _begun(
    transfer: Transfer, settings: Config, data: Data, precision: str, say: Callable[[str], None]
) -> tuple[keras.Model, TakenOver | None]:
    """The model, and what it begins with, if not anew."""
    model, knobs = _build(transfer, settings, data, precision), settings.of("model")
    if taken := transfer.take_over(model, settings.choices.model, knobs, data.inputs, data.outputs):
        say(taken.told())
    return model, taken


def _plan(settings: Config, model: keras.Model, data: Data) -> Plan:
    """Batches, steps and epochs."""
    deterministic, chose_epochs = settings.values["deterministic"], settings.chosen("epochs")
    chosen = plan(model, data.inputs, len(data.train), deterministic, chose_epochs, **settings.of("plan"))
    settings.values["epochs"] = chosen.epochs  # by which the run is repeated
    return chosen


def _optimizer(
    settings: Config, task: Task, by_hand: ByHand, steps: int
) -> tuple[keras.Optimizer, Sequence[keras.callbacks.Callback]]:
    """The optimiser of a training of `steps` steps, and the callbacks that its schedule needs."""
    schedule: Sequence[keras.callbacks.Callback] = ()
    if not (made := by_hand.new_optimizer(settings)):
        made, schedule = optimizer(max(steps, 1), task, **settings.of("optimizer"))
    check_rate_is_free(made, by_hand.callbacks)
    return made, schedule


def _build(transfer: Transfer, settings: Config, data: Data, precision: str) -> keras.Model:
    """The model under a precision policy, which is put back: preprocessing stays in float32."""
    file, knobs = settings.choices.model, settings.of("model")
    knobs |= transfer.files(file, knobs)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        with mistakes_in(file):
            model = catalogue.load(file).build(data.inputs, data.outputs, **knobs)
    finally:
        keras.config.set_dtype_policy(before)
    check_model(file, model, data.outputs)
    return model
