"""Export a run for TensorFlow Serving: one graph from a raw request to named answers, proved before it is published.

src/exporting/formats.py has the formats of other runtimes.
"""

import errno
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

import keras
import tensorflow as tf

from src.errors import UserError
from src.exporting import extras, formats, verify
from src.exporting.compatibility import check_signatures, check_version, in_words, versions
from src.exporting.verify import from_json, to_json
from src.runs import run as runs
from src.runs.run import Run
from src.settings.config import served_as
from src.signatures import Request, Signature
from src.system.files import check_name, check_writable, whole, write_json
from src.system.locks import owned

PATIENCE_S = 120  # for another run's export under the same name
UNFINISHED = ".unfinished-"
# How far an export's numbers may be from the trained model's: rounding, which other batch sizes make differ.
TOLERANCE = {"float32": 1e-4, "mixed_bfloat16": 3e-2, "mixed_float16": 1e-2}


def export(
    *,
    run: str = "",
    model: str = "",
    data: str = "",
    format: Literal["savedmodel", "onnx", "litert"] = "savedmodel",
    export_name: str = "",
    keep: int = 0,
    runs_dir: str = "runs",
    exports_dir: str = "saved_models",
) -> Path:
    """Publishes a run: as the next version under its name, or as a file of another format in the run's export/.

    Args:
        run: folder of the run.
        model: export the newest run of this model.
        data: export the newest run on this data set.
        format: savedmodel for TensorFlow Serving; onnx and litert have numeric inputs and outputs only.
        export_name: name under which the model is served, or name of the file. The default is the run's own.
        keep: number of newest versions to keep, at least 2, as the previous one is served until the new one is ready; 0
            for all.
        runs_dir: folder of the runs.
        exports_dir: folder of the SavedModels.
    """
    if keep and format != "savedmodel":
        raise UserError("keep has an effect on SavedModels only: the other formats have no versions.")
    if keep < 0 or keep == 1:
        raise UserError(f"keep has to be 2 or more, or 0 for all, not {keep}.")
    found = runs.find(run, model, data, runs_dir)
    given = export_name or found.config["knobs"].get("export_name")
    name = served_as(given, found.config["model"], found.config["data_name"])
    if format != "savedmodel":
        path = publish_file(found, name, format)
        print(f"export  {path}  (verified in its runtime)")
        return path
    check_writable(found.path, Path(exports_dir))
    with Verifier() as verifier:
        path = publish(found, name, Path(exports_dir), verifier)
    print(f"export  {path}  (verified in a clean process)")
    for old in sorted(versions(path.parent).items())[:-keep] if keep else []:
        _remove(*old)
    return path


def _remove(number: int, path: Path) -> None:
    """Removes an old version; under a name that is no number first, so that no server finds half of it."""
    gone = path.with_name(f"{UNFINISHED}{number}")
    path.rename(gone)
    shutil.rmtree(gone)
    print(f"removed {path}")


def publish(run: Run, name: str, exports: Path, verifier: "Verifier") -> Path:
    """Writes, verifies and publishes an export of `run`; returns its folder `exports`/`name`/<version>.

    What was verified is written to the run's export.json.

    Raises:
        UserError: where the name can't be a folder's, clients of its last version would break, or the export doesn't
            answer as the trained model does; nothing is published then.
    """
    check_name("export_name", name)
    folder = exports / name
    check_signatures(folder, run.signatures)
    requests = {key: request for key, (_, request) in run.signatures.items()}
    folder.mkdir(parents=True, exist_ok=True)
    tolerance = TOLERANCE[run.config["resolved"]["precision"]]
    with owned(exports / f".{name}.lock", f"the export {folder}", PATIENCE_S):
        for left in folder.glob(f"{UNFINISHED}*"):  # by a process that was killed
            shutil.rmtree(left)
        # Not a number, so no server takes it for a version; in the same file system, so that a rename publishes it.
        unfinished = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=folder))
        try:
            cases = _cases(run)
            try:
                _write(run.signatures, [run.model, run.preprocess], unfinished / "export")
                extras.write(run, requests, cases, unfinished / "export")
            except tf.errors.ResourceExhaustedError as error:
                raise UserError(f"{folder} can't be written: {error.message.splitlines()[0]}") from error
            check_version(folder, unfinished / "export")
            found = verifier.verify(unfinished / "export", cases)
            _refuse(found["problems"], found["differences"], tolerance)
            path = _rename(unfinished / "export", folder)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
            if not any(folder.iterdir()):
                folder.rmdir()
    write_json(
        run.path / "export.json",
        {
            "path": str(path),
            "name": name,
            "version": int(path.name),
            "signatures": {key: in_words(request) for key, request in requests.items()},
            "tolerance": tolerance,
            "differences": found["differences"],
        },
    )
    return path


def publish_file(run: Run, name: str, format: str) -> Path:
    """Writes, verifies and publishes `run` in one of FORMATS of src/exporting/formats.py; returns the file.

    Raises:
        UserError: where the name can't be a file's, or the format can't hold the model or doesn't answer as it does.
    """
    check_name("export_name", name)
    path = run.path / "export" / f"{name}{formats.FORMATS[format].ending}"
    check_writable(path.parent)
    with whole(path) as partial:
        found = formats.convert(run, format, partial)
        _refuse(found["problems"], found["differences"], TOLERANCE[run.config["resolved"]["precision"]])
    return path


def _refuse(problems: list[str], differences: Mapping[str, Mapping[str, float]], tolerance: float) -> None:
    apart = {f"{signature}, {name}": d for signature, outputs in differences.items() for name, d in outputs.items()}
    problems = problems + [f"{where} differs by {d:.2g}" for where, d in apart.items() if not d <= tolerance]
    if problems:
        lines = "\n  ".join(problems)
        raise UserError(f"The export doesn't do what the trained model does, so it was not published:\n  {lines}")


class Verifier:
    """The clean process in which exports are verified, and which needs a few seconds to import TensorFlow.

    Args:
        wanted: whether there will be anything to verify.
    """

    def __init__(self, wanted: bool = True):
        self._wanted = wanted
        self._process: subprocess.Popen | None = None

    def __enter__(self) -> "Verifier":
        return self

    def __exit__(self, *_) -> None:
        if self._process:
            self._process.kill()
            self._process.communicate()

    def start(self) -> None:
        """Starts the process, if it is wanted and hasn't started: it imports while others work."""
        if self._wanted and not self._process:
            pipe = subprocess.PIPE
            self._process = subprocess.Popen(
                [sys.executable, "-I", Path(verify.__file__)],
                env={**os.environ, "CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3"},
                stdin=pipe,
                stdout=pipe,
                stderr=pipe,
                text=True,
                encoding="utf-8",
            )

    def verify(self, export: Path, cases: Mapping[str, Mapping]) -> dict:
        """The problems and differences that src/exporting/verify.py finds.

        Raises:
            UserError: where the export kills the process or can't be loaded at all.
        """
        self.start()
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "cases.json"
            file.write_text(json.dumps(cases), encoding="utf-8")
            line = json.dumps({"export": str(export.resolve()), "cases": str(file)}) + "\n"
            output, errors = self._process.communicate(line)
        if self._process.returncode:
            reason = "\n".join(errors.strip().splitlines()[-5:])
            raise UserError(f"The export failed in a clean process, so it was not published:\n{reason}")
        return json.loads(output)


def _write(signatures: Mapping[str, Signature], tracked: list, path: Path) -> None:
    archive = keras.export.ExportArchive()
    for part in tracked:
        archive.track(part)
    for name, (ask, request) in signatures.items():
        archive.add_endpoint(name, _guarded(ask, request), input_signature=[dict(request)])
    archive.write_out(path, verbose=False)


def _guarded(ask: Callable, request: Request) -> Callable:
    """`ask` that refuses other shapes than the request's.

    A server doesn't check them, and a convolution that is given a wrong rank ends its whole process.
    """

    def endpoint(raw):
        return ask({name: tf.ensure_shape(raw[name], spec.shape) for name, spec in request.items()})

    return endpoint


def _cases(run: Run) -> dict[str, dict]:
    """By signature, sample requests and the trained model's answers to them."""
    cases = {}
    for name, inputs in run.requests.items():
        _, request = run.signatures[name]
        raw = {key: from_json(column, request[key].dtype) for key, column in inputs.items()}
        answers = run.predict(raw, signature=name)
        cases[name] = {"request": inputs, "answers": {key: to_json(column) for key, column in answers.items()}}
    return cases


def _rename(unfinished: Path, folder: Path) -> Path:
    """Publishes under the next free version number."""
    while True:
        path = folder / str(max(versions(folder), default=0) + 1)
        try:
            unfinished.rename(path)
            return path
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise
