"""Publishing: an export is written, verified in a clean process, and then appears whole, under the next version."""

import errno
import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import keras
import tensorflow as tf

from src.errors import UserError
from src.exporting import assets, extras, formats
from src.exporting.compatibility import check_signatures, check_version, in_words, versions
from src.exporting.requests import requests_of
from src.exporting.verifier import Verifier
from src.exporting.verify import from_json, to_json
from src.runs.run import Run
from src.signatures import Request
from src.system.files import check_name, check_writable, read_record, sweep, whole, write_json
from src.system.locks import owned

PATIENCE_S = 120  # for another run's export under the same name
UNFINISHED = ".unfinished-"
# How far an export's numbers may be from the trained model's: rounding, which other batch sizes make differ.
TOLERANCE = {"float32": 1e-4, "mixed_bfloat16": 3e-2, "mixed_float16": 1e-2}


@dataclass(frozen=True, kw_only=True)
class Destination:
    """Where a SavedModel is published.

    Args:
        export: whether to publish the model as a SavedModel.
        export_name: name under which the model is served. The default is MODEL-DATA, or MODEL-FILE for your own data.
        exports_dir: folder of the SavedModels.
    """

    export: bool = True
    export_name: str | None = None
    exports_dir: str = "saved_models"

    def name(self, model: str, data_name: str) -> str:
        """The name under which a model is served; raises UserError for one that can't be a folder's."""
        name = self.export_name or f"{model}-{data_name}"
        check_name("export_name", name)
        return name

    def folder(self, model: str, data_name: str) -> Path | None:
        """The folder of all versions; None where nothing is published.

        Raises:
            UserError: for a name that can't be a folder's, or where nothing can be written.
        """
        if not self.export:
            if self.export_name:
                raise UserError("export_name has no effect with --no-export.")
            return None
        name = self.name(model, data_name)
        check_writable(Path(self.exports_dir))
        return Path(self.exports_dir) / name


def publish(run: Run, folder: Path, verifier: Verifier, once: bool = False) -> Path:
    """Writes, verifies and publishes an export of `run`; returns its place, `folder`/<version>.

    What was verified is written to the version, and then to the run's export.json.

    Args:
        run: that is exported.
        folder: of the versions.
        verifier: asks the export in a clean process.
        once: whether a version that is this run's already is left as it is, such as that of a process that was killed.

    Raises:
        UserError: where clients of the last version would break, or the export doesn't answer as the trained model
            does; nothing is published then.
    """
    check_signatures(folder, run.signatures)
    with _owned(folder):
        path = _version_of(run, folder) if once else None
        path = path or _publish_next(run, folder, verifier)
    place = {"path": str(path), "name": folder.name, "version": int(path.name)}
    write_json(run.path / "export.json", {**place, **read_record(path / assets.ORIGIN)})
    return path


def remove_old(folder: Path, keep: int) -> list[Path]:
    """Removes all versions but the `keep` newest; returns where they were."""
    with _owned(folder):
        old = [path for _, path in sorted(versions(folder).items())[:-keep]]
        for path in old:
            gone = path.with_name(f"{UNFINISHED}{path.name}")  # no number, so that no server finds half of it
            path.rename(gone)
            shutil.rmtree(gone)
    return old


def publish_file(run: Run, name: str, format: str) -> Path:
    """Writes, verifies and publishes `run` in one of FORMATS of src/exporting/formats.py; returns the file.

    Raises:
        UserError: where the name can't be a file's, or the format can't hold the model or doesn't answer as it does.
    """
    check_name("export_name", name)
    path = run.path / "export" / f"{name}{formats.FORMATS[format].ending}"
    check_writable(path.parent)
    sweep(path.parent)
    with whole(path) as partial:
        verified = formats.convert(run, format, partial)
        _refuse(verified["problems"], verified["differences"], TOLERANCE[run.config["resolved"]["precision"]])
    return path


@contextmanager
def _owned(folder: Path) -> Iterator[None]:
    """Makes the folder of an export this process' alone, and sweeps what one that was killed has left there."""
    with owned(folder.parent / f".{folder.name}.lock", f"the export {folder}", PATIENCE_S):
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob(f"{UNFINISHED}*"):
            shutil.rmtree(left)
        try:
            yield
        finally:
            if not any(folder.iterdir()):
                folder.rmdir()


def _version_of(run: Run, folder: Path) -> Path | None:
    """The newest version that is an export of just this run, if there is one."""
    origin = _origin(run)
    for _, path in sorted(versions(folder).items(), reverse=True):
        if (path / assets.ORIGIN).is_file() and origin.items() <= read_record(path / assets.ORIGIN).items():
            return path
    return None


def _origin(run: Run) -> dict[str, str]:
    """Which run it is, and what it has learnt."""
    content = hashlib.sha256()
    for name in ("preprocess.keras", "model.keras"):
        with open(run.path / name, "rb") as file:
            content.update(hashlib.file_digest(file, "sha256").digest())
    return {"run": run.path.name, "sha256": content.hexdigest()}


def _publish_next(run: Run, folder: Path, verifier: Verifier) -> Path:
    """Publishes the run as the next version."""
    requests = {key: request for key, (_, request) in run.signatures.items()}
    tolerance = TOLERANCE[run.config["resolved"]["precision"]]
    # Not a number, so no server takes it for a version; in the same file system, so that a rename publishes it.
    unfinished = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=folder))
    try:
        export, cases = unfinished / "export", _cases(run)
        try:
            _write(run.functions, requests, [run.model, run.preprocess], export)
            extras.write(run, requests, cases, export)
        except tf.errors.ResourceExhaustedError as error:
            raise UserError(f"{folder} can't be written: {error.message.splitlines()[0]}") from error
        check_version(folder, export)
        verified = verifier.verify(export, cases)
        _refuse(verified["problems"], verified["differences"], tolerance)
        proof = {"signatures": {key: in_words(request) for key, request in requests.items()}, "tolerance": tolerance}
        write_json(export / assets.ORIGIN, {**_origin(run), **proof, "differences": verified["differences"]})
        return _rename(export, folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _refuse(problems: list[str], differences: Mapping[str, Mapping[str, float]], tolerance: float) -> None:
    apart = {f"{signature}, {name}": d for signature, outputs in differences.items() for name, d in outputs.items()}
    problems = problems + [f"{where} differs by {d:.2g}" for where, d in apart.items() if not d <= tolerance]
    if problems:
        lines = "\n  ".join(problems)
        raise UserError(f"The export doesn't do what the trained model does, so it was not published:\n  {lines}")


def _write(functions: Mapping[str, Callable], requests: Mapping[str, Request], tracked: list, path: Path) -> None:
    archive = keras.export.ExportArchive()
    for part in tracked:
        archive.track(part)
    for name, ask in functions.items():
        archive.add_endpoint(name, _guarded(ask, requests[name]), input_signature=[dict(requests[name])])
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
    for name, inputs in requests_of(run).items():
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
