"""Speed: the harness against a plain `model.fit` on numpy arrays, the usual way; and what a written token costs.

Both train the same network with the same optimiser and batch size, in one process and by turns, so that a busy
machine slows both. docs/performance.md has the figures of one machine and what is behind them.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras.callbacks import Callback, LambdaCallback
from rich.table import Table

from src.data import Data, Source
from src.errors import UserError
from src.generation.sampling import Drawing, sample
from src.preprocess.images import pixels
from src.settings import catalogue
from src.settings.contract import steps_of
from src.sources.memory import InMemory
from src.specs import Classes, Image, NextToken, Tokens
from src.system.screen import PlainConsole
from src.task import Task
from src.training import pipeline
from src.training.fit import fit
from src.training.learning import Learning
from src.training.optimizers import optimizer
from src.training.options import Options
from src.training.plan import plan

LENGTHS, CONTEXT = (100, 1000, 10_000), 256  # of written texts, and of what a model sees at a time
WARM_UP = 2  # epochs that come before the timed ones: they trace, compile and fill caches


def bench(
    *,
    cases: tuple[str, ...] = ("mlp/60000/128/5/0.60", "cnn/6400/64/5/0.95", "mlp/digits/64/30/0.35"),
    writers: tuple[str, ...] = ("lstm", "transformer"),
    rounds: int = 5,
) -> None:
    """Times the harness against a plain model.fit, and writing; prints tables.

    Args:
        cases: MODEL/DATA/BATCH/EPOCHS/MOST each. DATA is a number of random 28 x 28 images (a step is timed), or a data
            set (an epoch is timed, with validation and all default callbacks). MOST is the highest acceptable ratio.
        writers: language models whose text generation is timed.
        rounds: repetitions, alternating between both sides.
    """
    if rounds < 1:
        raise UserError(f"rounds has to be 1 or more, not {rounds}.")
    console = PlainConsole()
    table = Table("case", "time", "plain", "harness", "median", "minimum", "at most")
    table.title = "milliseconds (medians); ratios harness / plain, of medians and of minima"
    for case in [_parse(text) for text in cases]:
        try:
            planned, plain, harness = _race(case, rounds)
        except UserError as error:
            console.print(f"{case.model}/{case.data} was left out: {error}")
            continue
        labels = (f"{case.model}/{case.data}/{case.batch}, {case.unit}", "CPU"), (f"  {planned}", "wall")
        for label, theirs, ours in zip(labels, plain.T, harness.T, strict=True):
            medians, minima = (np.median(theirs), np.median(ours)), (theirs.min(), ours.min())
            ratios = [f"{second / first:.2f}" for first, second in (medians, minima)]
            table.add_row(*label, *(f"{1000 * median:.3g}" for median in medians), *ratios, f"{case.most:.2f}")
    if table.rows:
        console.print(table)
    table = Table("model", *(f"{length:,}" for length in LENGTHS), title="milliseconds a token, texts of so many")
    for name in writers:
        try:
            table.add_row(name, *(f"{1000 * seconds:.2f}" for seconds in _writing(name, rounds)))
        except UserError as error:
            console.print(f"{name} was left out: {error}")
    if table.rows:
        console.print(table)


class Case(NamedTuple):
    """A step of `model` on so many random images, or an epoch of it on a data set, and the ratio that is allowed."""

    model: str
    data: str
    unit: str
    batch: int
    epochs: int
    most: float


def _parse(text: str) -> Case:
    try:
        model, data, batch, epochs, most = text.split("/")
        if int(epochs) < 1:
            raise ValueError
        return Case(model, data, "step" if data.isdigit() else "epoch", int(batch), WARM_UP + int(epochs), float(most))
    except ValueError:
        raise UserError(f"A case is MODEL/DATA/BATCH/EPOCHS/MOST, with whole numbers above 0, not {text}.") from None


def _writing(name: str, rounds: int) -> list[float]:
    """Seconds a token of one text of each of LENGTHS, medians; the model sees CONTEXT characters at a time."""
    file = catalogue.model(name)
    if NextToken not in file.gives:
        raise UserError("it doesn't predict the next token.")
    inputs, outputs = Tokens(CONTEXT, 100), NextToken(tuple(map(chr, range(32, 132))))
    step = steps_of(name, catalogue.load(file).build(inputs, outputs), inputs).step()

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.int32)])
    def write(length):
        nothing, one = tf.zeros_like(length), tf.ones_like(length, tf.float32)
        even = {"temperature": one, "top_p": one, "top_k": nothing, "seed": nothing}
        return sample(step, nothing[:, tf.newaxis], CONTEXT, Drawing(length, **even))

    seconds = []
    for length in [LENGTHS[0], *LENGTHS * rounds]:  # the first one traces
        begun = perf_counter()
        write(tf.constant([length]))
        seconds.append((perf_counter() - begun) / length)
    return np.median(np.reshape(seconds[1:], (rounds, -1)), axis=0).tolist()


def _race(case: Case, rounds: int) -> tuple[str, np.ndarray, np.ndarray]:
    """How the harness trained, and the seconds a unit of the plain side and of the harness, (epochs, CPU and wall)."""
    data = _images(int(case.data)) if case.unit == "step" else catalogue.load(catalogue.dataset(case.data)).load()
    sides: list[Callable[[Case, Data, Callback], keras.Model]] = [_plain, _harness]
    seconds: dict[Callable, list[np.ndarray]] = {_plain: [], _harness: []}
    models: dict[Callable, keras.Model] = {}
    for _ in range(rounds):
        for train in sides:
            ends: list[tuple[float, float]] = []
            clock = LambdaCallback(on_epoch_end=lambda *_, ends=ends: ends.append((process_time(), perf_counter())))
            models[train] = train(case, data, clock)
            units = int(models[train].optimizer.iterations) / case.epochs if case.unit == "step" else 1
            seconds[train].append(np.diff(ends[WARM_UP - 1 :], axis=0) / units)
        sides.reverse()
    model = models[_harness]
    planned = f"{model.steps_per_execution} per execution{', XLA' if model.jit_compile else ''}"
    return planned, np.concatenate(seconds[_plain]), np.concatenate(seconds[_harness])


def _harness(case: Case, data: Data, clock: Callback) -> keras.Model:
    """Trains as `python -m src train` does."""
    learning = _learning(case, data, clock)
    learning.compile()
    if case.unit == "step":
        batches, steps = pipeline.training(learning, base=0), learning.plan.steps
        learning.model.fit(batches, epochs=case.epochs, steps_per_epoch=steps, callbacks=[clock], verbose=0)
    else:
        with tempfile.TemporaryDirectory() as folder:
            fit(learning, Path(folder), Options(patience=0, verbose=False))
    return learning.model


def _plain(case: Case, data: Data, clock: Callback) -> keras.Model:
    """Trains on arrays of features, with Keras' defaults."""
    learning = _learning(case, data, clock)
    model, task = learning.model, learning.task
    model.compile(learning.optimizer, loss=task.loss, metrics=task.metrics())
    x, y = _arrays(data.train, data, task)
    validation = _arrays(data.validation, data, task) if case.unit == "epoch" else None
    model.fit(x, y, case.batch, epochs=case.epochs, validation_data=validation, callbacks=[clock], verbose=0)
    return model


def _learning(case: Case, data: Data, clock: Callback) -> Learning:
    """The case with every other knob at its default."""
    file = catalogue.model(case.model)
    task_file = next((task for task in catalogue.tasks().values() if task.spec is type(data.outputs)), None)
    if not task_file or type(data.inputs) not in file.takes or task_file.spec not in file.gives:
        raise UserError(f"{case.model} doesn't go with this data.")
    module = catalogue.load(task_file)
    task = module.Task(module.adapt(data.outputs, data.train))
    model = catalogue.load(file).build(data.inputs, task.outputs)
    chosen = plan(model, data.inputs, len(data.train), deterministic=False, epochs=case.epochs, batch=case.batch)
    made, schedule = optimizer(chosen.steps * chosen.epochs, task)
    splits = {"train": data.train, "validation": data.validation}
    return Learning(model, task, data, splits, chosen, made, schedule, callbacks=[clock])


def _arrays(source: Source, data: Data, task: Task) -> tuple:
    """Features and targets of a whole split, as numpy."""
    batches = pipeline.measuring(source, data.preprocess, task.supervise, batch=256).as_numpy_iterator()
    return keras.tree.map_structure(lambda *parts: np.concatenate(parts), *batches)


def _images(size: int) -> Data:
    random = np.random.default_rng(0)
    spec, classes = Image(28, 28, 1), Classes(tuple("0123456789"))
    images = random.integers(0, 256, (size, spec.height, spec.width, spec.channels), "uint8")
    source = InMemory.of({"image": images}, random.integers(0, classes.size, size, "int32"))
    return Data(source, source, source, spec, classes, pixels(spec))
