"""What the process computes on, and the settings that hold for the whole of it."""

import os

import keras
import tensorflow as tf

from src.errors import UserError


def name() -> str:
    """The devices in use, such as "CPU, 2 cores" or "GPU NVIDIA H100"."""
    gpus = tf.config.list_physical_devices("GPU")
    names = [tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name) for gpu in gpus]
    return "GPU " + ", ".join(names) if names else f"CPU, {os.cpu_count()} cores"


def on_gpu() -> bool:
    """Whether TensorFlow sees a GPU."""
    return bool(tf.config.list_physical_devices("GPU"))


def start(*, seed: int = 0, deterministic: bool = False, mixed_precision: bool = False) -> str:
    """Starts every random number from `seed`; returns the name of Keras' precision policy.

    Args:
        seed: seed of all random numbers.
        deterministic: whether two trainings give bit-identical weights; some ops get slower. TensorFlow has no way
            back: a process that once asked for it stays so.
        mixed_precision: whether to compute in half precision, bfloat16 if the device supports it.

    Raises:
        UserError: for a seed out of its range.
    """
    if not 0 <= seed < 2**32:
        raise UserError(f"seed has to be from 0 to {2**32 - 1}, not {seed}.")
    keras.utils.set_random_seed(seed)
    if deterministic:
        tf.config.experimental.enable_op_determinism()
    return _precision_policy(mixed_precision)


def _precision_policy(mixed: bool) -> str:
    """The name of Keras' precision policy: bfloat16 where the hardware has it, float16 on older GPUs.

    A CPU gets bfloat16 too: float16 is several times slower there than float32.
    """
    if not mixed:
        return "float32"
    gpus = tf.config.list_physical_devices("GPU")
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    has_bfloat16 = all(detail.get("compute_capability", (8, 0)) >= (8, 0) for detail in details)
    return "mixed_bfloat16" if has_bfloat16 else "mixed_float16"
