"""What the process computes on, and the settings that hold for the whole of it."""

import os
import platform
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from threadpoolctl import threadpool_limits

from src.errors import UserError

# That share an op of a deterministic training, on every machine: sums are cut into parts by their number. It is small,
# as more than there are cores cost time; docs/performance.md says how much.
THREADS = 4
VARIABLES = (  # of the environment, that choose among ways to compute the same
    "TF_ENABLE_ONEDNN_OPTS",
    "ONEDNN_MAX_CPU_ISA",
    "ONEDNN_DEFAULT_FPMATH_MODE",
    "TF_XLA_FLAGS",
    "XLA_FLAGS",
    "NVIDIA_TF32_OVERRIDE",
)


def name() -> str:
    """The devices in use, such as "CPU, 2 cores" or "GPU NVIDIA H100"."""
    return kind() if on_gpu() else f"{kind()}, {os.cpu_count()} cores"


def kind() -> str:
    """The devices in use, such as "CPU" or "GPU NVIDIA H100"."""
    gpus = tf.config.list_physical_devices("GPU")
    names = [tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name) for gpu in gpus]
    return "GPU " + ", ".join(names) if names else "CPU"


def conditions() -> dict[str, Any]:
    """What the last bits of a result depend on, beside code and versions."""
    return {
        "device": kind(),
        "processor": _processor(),  # by whose caches products of matrices are cut
        "instructions": " ".join(np.show_config(mode="dicts").get("SIMD Extensions", {}).get("found", [])),
        "threads": threads(),
        "environment": {name: os.environ.get(name, "") for name in VARIABLES},
    }


def cores() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads() -> dict[str, int]:
    """The threads that TensorFlow computes with: of one op, and for ops at a time."""
    config = tf.config.threading
    return {
        "intra_op": _threads(config.get_intra_op_parallelism_threads, "TF_NUM_INTRAOP_THREADS"),
        "inter_op": _threads(config.get_inter_op_parallelism_threads, "TF_NUM_INTEROP_THREADS"),
    }


def fix_threads() -> None:
    """Makes it THREADS that share an op, unless TensorFlow has started, and one in what NumPy and SciPy call."""
    threadpool_limits(1)
    with suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(THREADS)


def on_gpu() -> bool:
    """Whether TensorFlow sees a GPU."""
    return bool(tf.config.list_physical_devices("GPU"))


def start(*, seed: int = 0, deterministic: bool = False, mixed_precision: bool = False) -> str:
    """Starts every random number from `seed`; returns the name of Keras' precision policy.

    Args:
        seed: seed of all random numbers.
        deterministic: whether two trainings give bit-identical weights, also on other machines of the same kind; some
            ops get slower. TensorFlow has no way back: a process that once asked for it stays so.
        mixed_precision: whether to compute in half precision, bfloat16 if the device supports it.

    Raises:
        UserError: for a seed out of its range.
    """
    if not 0 <= seed < 2**32:
        raise UserError(f"seed has to be from 0 to {2**32 - 1}, not {seed}.")
    if deterministic:
        fix_threads()
        tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(seed)
    return _precision_policy(mixed_precision)


def _processor() -> str:
    """The processor's model, or its architecture where nobody says more."""
    with suppress(OSError, StopIteration):  # there are such lines on Linux only, and not on each processor
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return platform.processor() or platform.machine()


def _threads(chosen: Callable[[], int], variable: str) -> int:
    """As TensorFlow decides: the number that was chosen, that of the environment variable, or one a core."""
    by_environment = os.environ.get(variable, "")
    return chosen() or int(by_environment if by_environment.isdecimal() else 0) or cores()


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
