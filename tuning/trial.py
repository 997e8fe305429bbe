"""One trial, in a process of its own, which is told its folder: it reads trial.json there, and writes result.json.

The process bounds memory, takes nothing along when it is killed, and ends when the search does. It trains as
`make train` does; one that was cut off goes on where it was.
"""

import importlib
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from src import catalogue, config
from src.errors import UserError
from src.files import read_json, write_json
from src.locks import owned
from src.quiet import import_tensorflow
from src.signals import CODES

PATIENCE_S = 60  # for one that a search which was killed has left, and that is about to end


def main() -> int:
    """Runs the trial of the folder that the first line of standard input names.

    Returns:
        The exit code: 0 where there is a result, which may be a failure.
    """
    import_tensorflow()
    importlib.import_module("src.train")  # while there is nothing to do yet
    folder = Path(os.fsdecode(sys.stdin.buffer.readline().rstrip(b"\n")))
    if not folder.name:
        return 1  # the search has ended
    threading.Thread(target=_end_with_the_search, daemon=True).start()
    with open(folder / "log.txt", "ab") as log:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(log.fileno(), stream.fileno())
    with owned(folder / ".lock", f"the trial {folder}", PATIENCE_S):
        if not (folder / "result.json").exists():
            begun = time.monotonic()
            write_json(folder / "result.json", {**_result(folder), "seconds": round(time.monotonic() - begun, 1)})
    return 0


def _result(folder: Path) -> dict[str, Any]:
    """The best figure so far, the epochs it took and the run; or the reason why there is none."""
    import tensorflow as tf
    from tensorboard.plugins.hparams.api import hparams

    from src.report import read_history
    from src.signals import Stopped
    from src.train import train

    asked = read_json(folder / "trial.json")
    runs_dir, paused = Path(asked["knobs"]["runs_dir"]), False
    knobs = {**asked["knobs"], "pause": asked["pause"]}
    started = asked["parent"] or next(
        (path.parent.name for path in runs_dir.glob(f"*-{folder.name}/config.json")), None
    )
    if started:
        knobs = {"resume": str(runs_dir / started), "runs_dir": str(runs_dir), "pause": asked["pause"]}
    try:
        train(asked["model"], **knobs)
    except Stopped:
        paused = True
    except UserError as error:
        return {"reason": str(error).splitlines()[0]}
    except (MemoryError, tf.errors.ResourceExhaustedError) as error:
        return {"reason": f"out of memory {error}".splitlines()[0]}
    run = runs_dir / started if started else next(runs_dir.glob(f"*-{folder.name}/config.json")).parent
    task = catalogue.load(catalogue.task(config.of_run(run)["task"])).Task
    figures = read_history(run)[task.monitor]
    if paused and len(figures) != asked["pause"]:
        sys.exit(CODES[signal.SIGTERM])  # it wasn't the pause: it can go on
    score = (max if task.direction == "max" else min)(figures)
    if asked["shown"] is not None:
        with tf.summary.create_file_writer(str(runs_dir.parent / "tensorboard" / folder.name)).as_default():
            hparams({name: _plain(value) for name, value in asked["shown"].items()}, trial_id=folder.name)
            tf.summary.scalar(task.monitor, score, step=len(figures))
    return {"score": score, "epochs": len(figures), "paused": paused, "run": run.name}


def _plain(value: Any) -> Any:
    """As TensorBoard shows it."""
    return " ".join(map(str, value)) if isinstance(value, list) else "none" if value is None else value


def _end_with_the_search() -> None:
    """Waits for the end of standard input, which the search holds as long as it lives."""
    while sys.stdin.buffer.read(1):
        pass
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
