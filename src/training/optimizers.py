"""Optimisers and learning-rate schedules.

Adam: Kingma and Ba (2015); AdamW: Loshchilov and Hutter (2019); SGD with momentum: Sutskever et al. (2013); RMSprop:
Hinton's lecture 6e (2012); cosine schedule: Loshchilov and Hutter (2017); warm-up: Goyal et al. (2017), section 2.2.
"""

from collections.abc import Sequence
from typing import Literal

import keras

from src.errors import UserError

WARMUP = 0.1  # share of the steps
USUAL_RATE = {"adam": 1e-3, "adamw": 1e-3, "sgd": 3e-2, "rmsprop": 1e-3}
USUAL_MOMENTUM = {"adam": 0.9, "adamw": 0.9, "sgd": 0.9, "rmsprop": 0.0}
USUAL_WEIGHT_DECAY = {"adamw": 0.004}
PLATEAU_FACTOR = 0.3
PLATEAU_EPOCHS = 4


def optimizer(
    steps: int,
    task,
    *,
    optimizer: Literal["adam", "adamw", "sgd", "rmsprop"] = "adam",
    learning_rate: float | None = None,
    schedule: Literal["constant", "cosine", "plateau"] = "cosine",
    warmup: float | None = None,
    momentum: float | None = None,
    weight_decay: float | None = None,
    clip_norm: float | None = None,
) -> tuple[keras.Optimizer, list[keras.callbacks.Callback]]:
    """The optimiser for a training of `steps` steps, and the callbacks that its schedule needs.

    Args:
        steps: of the whole training.
        task: has the figure that the schedule "plateau" watches.
        optimizer: Adam, AdamW, SGD with Nesterov momentum, or RMSprop.
        learning_rate: peak learning rate, above 0. The default is 0.001, and 0.03 for sgd.
        schedule: constant; cosine: warm-up, then cosine decay to 0; or plateau: multiplied by 0.3 when the validation
            metric hasn't improved for 4 epochs.
        warmup: fraction of all steps in which the learning rate rises from 0, in [0, 1); cosine schedule only. The
            default is 0.1.
        momentum: momentum, in [0, 1), or Adam's beta_1. The default is 0.9, and 0 for rmsprop.
        weight_decay: decoupled weight decay, multiplied by the learning rate. The default is 0.004 for adamw, else
            none.
        clip_norm: maximum global norm of the gradients, above 0. The default is no clipping.

    Raises:
        UserError: for a number out of its range, or one that has no effect here.
    """
    peak = USUAL_RATE[optimizer] if learning_rate is None else learning_rate
    _require(peak > 0, "learning_rate has to be above 0", peak)
    _require(warmup is None or 0 <= warmup < 1, "warmup has to be in [0, 1)", warmup)
    _require(momentum is None or 0 <= momentum < 1, "momentum has to be in [0, 1)", momentum)
    _require(weight_decay is None or weight_decay >= 0, "weight_decay has to be 0 or more", weight_decay)
    _require(clip_norm is None or clip_norm > 0, "clip_norm has to be above 0", clip_norm)
    if warmup is not None and schedule != "cosine":
        raise UserError(f"warmup has no effect with the schedule {schedule}; it belongs to cosine.")
    kind = {
        "adam": keras.optimizers.Adam,
        "adamw": keras.optimizers.AdamW,
        "sgd": keras.optimizers.SGD,
        "rmsprop": keras.optimizers.RMSprop,
    }[optimizer]
    kept = USUAL_MOMENTUM[optimizer] if momentum is None else momentum
    options = {"beta_1" if optimizer.startswith("adam") else "momentum": kept}
    if optimizer == "sgd":
        options["nesterov"] = kept > 0
    rate = _cosine(peak, steps, WARMUP if warmup is None else warmup) if schedule == "cosine" else peak
    decay = USUAL_WEIGHT_DECAY.get(optimizer) if weight_decay is None else weight_decay
    none = 0.0 if optimizer == "adamw" else None
    made = kind(rate, weight_decay=decay or none, global_clipnorm=clip_norm, **options)
    return made, [_plateau(task)] if schedule == "plateau" else []


def slow_down(optimizer: keras.Optimizer, shares: Sequence[tuple[keras.Variable, float]]) -> None:
    """Trains some variables at a share of the learning rate each, and doesn't draw them to 0 by weight decay."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)  # half precision wraps it
    slow = {id(variable.value): share for variable, share in shares}  # TensorFlow's, as Keras gives them
    update = inner.update_step

    def update_step(gradient, variable, learning_rate):
        update(gradient, variable, learning_rate * slow.get(id(variable), 1.0))

    inner.update_step = update_step
    inner.exclude_from_weight_decay(var_list=[variable for variable, _ in shares])


def schedule_of(optimizer: keras.Optimizer) -> keras.optimizers.schedules.LearningRateSchedule | None:
    """What its learning rate follows; None where that is a number, which callbacks may change."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)  # half precision wraps it
    rate = inner.get_config()["learning_rate"]
    return keras.optimizers.schedules.deserialize(rate) if isinstance(rate, dict) else None


def check_rate_is_free(optimizer: keras.Optimizer, callbacks: Sequence[keras.callbacks.Callback]) -> None:
    """Raises a UserError where a callback sets the learning rate, and a schedule does, too."""
    setters = (keras.callbacks.LearningRateScheduler, keras.callbacks.ReduceLROnPlateau)
    for callback in callbacks:
        if isinstance(callback, setters) and schedule_of(optimizer):
            raise UserError(
                f"callbacks has a {type(callback).__name__}, which can't set a learning rate that follows a schedule: "
                'give schedule="constant", or an optimizer object whose learning rate is a number.'
            )


def _cosine(peak: float, steps: int, warmup: float) -> keras.optimizers.schedules.LearningRateSchedule:
    rising = min(round(warmup * steps), steps - 1)
    if not rising:
        return keras.optimizers.schedules.CosineDecay(peak, steps)
    return keras.optimizers.schedules.CosineDecay(0.0, steps - rising, warmup_target=peak, warmup_steps=rising)


def _plateau(task) -> keras.callbacks.ReduceLROnPlateau:
    return keras.callbacks.ReduceLROnPlateau(
        task.monitor, mode=task.direction, factor=PLATEAU_FACTOR, patience=PLATEAU_EPOCHS, min_delta=0.0
    )


def _require(condition: bool, message: str, value: float | None) -> None:
    if not condition:
        raise UserError(f"{message}, not {value}.")
