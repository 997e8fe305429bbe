"""Predict: ask a trained run about files as people have them, and keep its answers beside what was asked."""

import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from operator import itemgetter
from pathlib import Path
from typing import Any, Literal

import numpy as np

from src.errors import UserError
from src.readers.inputs import read
from src.readers.requests import Asked, Examples, InputSpec, Reading, Signatures
from src.reports import answers
from src.runs.predict import Refused
from src.runs.run import Run, find
from src.runs.ways import instead
from src.system import screen

STDIN, STDIN_NAME = "-", "standard input"  # as it is given, and as people are told
NAMED = 10  # examples without an answer that are named


def predict(
    what: str | Path,
    *,
    run: str = "",
    model: str = "",
    data: str = "",
    output: str = "",
    header: bool | None = None,
    encoding: str = "",
    decimal: Literal[".", ","] | None = None,
    text: str = "",
    time: str = "",
    series: str = "",
    runs_dir: str = "runs",
) -> None:
    """Asks a run about an input, and shows or writes the input's columns with the answers behind them.

    What can't be read, such as a broken picture or a row with a word where a number belongs, is named and left out. It
    is an error only if nothing is left.

    Args:
        what: a picture, a .csv file, a .txt file with a text or a picture's path a line, a .json request, a folder of
            pictures or of .txt files, a text, or "-" for the standard input.
        run: folder of the run.
        model: use the newest run of this model.
        data: use the newest run on this data set.
        output: file to write, .csv or .jsonl, or a new folder, with a / at its end, for a .csv file and the pictures
            that are answered. The default is the first rows on the screen.
        header: whether the first row of a table contains the column names. The default is to detect it.
        encoding: encoding of a table or text, such as cp1251. The default is UTF-8, or else cp1252.
        decimal: decimal mark of a table's numbers, if it isn't clear.
        text: column of a table with the texts, for a model of texts.
        time: column with the times, for a model of series.
        series: column that tells apart stacked series.
        runs_dir: folder of the runs.

    Raises:
        UserError: for an input that can't be read, or of which no example can be answered.
    """
    answers.check_output(output)
    if output and Path(output).resolve() == Path(what).resolve():
        raise UserError(f"{output} is the input: name another file for the answers.")
    trained = find(run, model, data, runs_dir)
    _check_answers(trained)
    columns, alias = trained.config.get("columns", {}), STDIN_NAME if what == STDIN else ""
    reading = Reading(header, encoding, decimal, text, time, series, columns, by_line=True, alias=alias)
    lost = _Lost()
    with _as_file(what) as path:
        asked = read(path, "", _signatures(trained), reading)
        with answers.writer(output, trained.config["outputs"].get("names", ()), asked.files) as writer:
            count = _write(trained, asked, writer, lost)
            if not count:
                raise UserError(lost.nothing_else(alias or what))
    if output:
        screen.tell(f"{count:,} answer{'s' * (count > 1)} in {output}")
    if lost.count:
        screen.tell(f"No answer for {lost.count:,} of {count + lost.count:,}:\n{lost}", sys.stderr)


class _Lost:
    """Examples without an answer: how many there are, and the first of them with the reasons."""

    def __init__(self) -> None:
        self.count, self._first = 0, list[str]()

    def add(self, reasons: Iterable[str]) -> None:
        """Takes in what is wrong with each of some examples."""
        for reason in reasons:
            self.count += 1
            if self.count <= NAMED:
                self._first.append(reason)

    def __str__(self) -> str:
        more = [f"and {self.count - NAMED:,} more"] if self.count > NAMED else []
        return "\n".join(f"  {line}" for line in [*self._first, *more])

    def nothing_else(self, what: str | Path) -> str:
        """What is said where there is no other example."""
        if not self.count:
            return f"{what} is empty."
        return f"{self._first[0]}." if self.count == 1 else f"None of {self.count:,} has an answer: {self._first[0]}."


def _check_answers(run: Run) -> None:
    """Raises UserError for a run that makes things, and isn't asked about any."""
    if "generate" in run.takes:
        raise UserError(f"{run.path} makes things, and answers none. {instead(run.path, run.takes)}")


def _signatures(run: Run) -> Signatures:
    """The inputs of what the run can be asked."""
    return {
        name: {key: InputSpec(spec.dtype.name, tuple(spec.shape)) for key, spec in request.items()}
        for name, request in run.takes.items()
    }


def _write(run: Run, asked: Asked, writer: answers.Writer, lost: _Lost) -> int:
    """Writes the answers to all examples, under a bar on a terminal, and returns how many there are."""
    count = 0
    with screen.Bar("predicting", asked.total, "examples") if sys.stdout.isatty() else nullcontext() as bar:
        for examples in asked.pieces:
            refused: list[tuple[int, str]] = []
            for beside, given in _answers(run, asked.signature, examples, refused):
                writer.write(beside, given)
                count += len(next(iter(given.values())))
            lost.add(reason for _, reason in sorted([*examples.unread, *refused], key=itemgetter(0)))
            if bar:
                bar.reach(count + lost.count)
    return count


@contextmanager
def _as_file(what: str | Path) -> Iterator[str]:
    """The input; of the standard input a file with its contents, as a table is read more than once."""
    if what != STDIN:
        yield str(what)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / STDIN_NAME
        with path.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        yield str(path)


def _answers(
    run: Run, signature: str, examples: Examples, refused: list[tuple[int, str]]
) -> Iterator[tuple[Mapping[str, Sequence[str]], Mapping[str, np.ndarray]]]:
    """The answers to some examples, in several parts where some are refused, and the columns beside them.

    Args:
        run: that is asked.
        signature: by which it is asked.
        examples: that it is asked about.
        refused: takes in which of them the model refuses, and why.
    """
    for rows, given in _asked(run, signature, examples.request, range(len(examples.where))):
        if isinstance(given, Refused):
            refused.append((rows.start, examples.why(rows.start, given.reason)))
            continue
        given = {examples.answers.get(name, name): column for name, column in given.items()}
        if examples.ahead and all(column.ndim == 2 for column in given.values()):
            steps = {name: column[0] for name, column in given.items()}
            yield examples.ahead(len(next(iter(steps.values())))), steps
        else:
            yield {name: column[rows.start : rows.stop] for name, column in examples.beside.items()}, given


def _asked(
    run: Run, signature: str, request: Mapping[str, Sequence[Any]], rows: range
) -> Iterator[tuple[range, dict[str, np.ndarray] | Refused]]:
    """The answers to rows of a request; where any is refused, to each half of them, until it is alone."""
    if not rows:
        return
    try:
        part = {name: column[rows.start : rows.stop] for name, column in request.items()}
        yield rows, run.predict(part, signature)
    except Refused as refusal:
        if len(rows) == 1:
            yield rows, refusal
            return
        for half in (rows[: len(rows) // 2], rows[len(rows) // 2 :]):
            yield from _asked(run, signature, request, half)
