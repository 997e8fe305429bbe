"""Import TensorFlow without the native log lines that it writes while it starts."""

import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import absl.logging

from src.errors import UserError


def import_tensorflow(debug: bool = False, deterministic: bool = False) -> None:
    """Imports Keras and TensorFlow and runs a first op, keeping what they write to file descriptor 2 off the screen.

    No environment variable silences these lines, so the descriptor itself is turned away, and only here: before any
    thread starts. What was written is shown when the import fails, or with `debug`. The first op starts the threads,
    whose number is fixed before it where a training will be `deterministic`.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "0" if debug else "3")
    if debug:
        return _first_op(deterministic)
    absl.logging.set_verbosity(absl.logging.ERROR)
    with hidden_log():
        _first_op(deterministic)
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # last, as in a notebook the import lowers it


@contextmanager
def hidden_log() -> Iterator[None]:
    """Keeps what is written to file descriptor 2 off the screen; it is shown where something unexpected is raised."""
    sys.stderr.flush()
    with tempfile.TemporaryFile() as log:
        screen = os.dup(2)
        os.dup2(log.fileno(), 2)
        try:
            yield
        except UserError:
            raise
        except Exception:
            log.seek(0)
            os.write(screen, log.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(screen, 2)
            os.close(screen)


def _first_op(deterministic: bool) -> None:
    import keras  # noqa: F401 - before TensorFlow, which it configures
    import tensorflow as tf

    if deterministic:
        from src.system import device

        device.fix_threads()
    tf.constant(0) + 0
