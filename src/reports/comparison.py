"""What comes of a comparison: plain sentences, a table on the screen, and a row for each run."""

import csv
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from src.analysis.pairs import PairedTest
from src.reports.numbers import number
from src.reports.page import cost_of
from src.runs.comparison import Comparison, Line
from src.system import screen
from src.system.files import whole

NAMED = 3  # runs, or files, that a sentence names
FEWEST = 6  # examples, of which a test may find that a difference is more than chance
LEAST_P = 0.001  # below which no more is told of a p value
WIDEST_HEAD = 12  # characters of a column's head on the screen
NONE = "–"  # instead of a knob that a run doesn't have
SEEDS = "Such a test tells about the examples, not about other seeds: train each with several to see what those change."
ONLY_SEEDS = "They differ in the seed alone: so much does chance change in training, which the test doesn't tell about."


def heading(comparison: Comparison) -> str:
    """What is compared, on what."""
    data, examples = comparison.first.run.config["data_name"], comparison.first.split["examples"]
    count = len(comparison.lines)
    return f"{count} runs on {data}: {comparison.figure} on {examples:,} {comparison.split} examples"


def conclusion(comparison: Comparison) -> list[str]:
    """What the comparison comes to, what it can't tell, and that the runs differ in code or in nothing."""
    sentences = [_of_two(comparison) if len(comparison.lines) == 2 else _of_many(comparison)]
    knobs = list(comparison.lines[0].knobs)
    if any(line.test for line in comparison.lines):
        sentences.append(ONLY_SEEDS if knobs == ["seed"] else SEEDS)
    sentences += [f"Not tested: {why}." for why in comparison.untested]
    sentences += [] if knobs else ["They differ in no knob."]
    if changed := comparison.changed_files:
        sentences.append(f"Between them, the code has changed: {_listed(changed)}.")
    return sentences


def rows(comparison: Comparison) -> list[dict[str, Any]]:
    """A row for each run: folder, knobs that differ, the figure with interval and test, all figures, what it cost."""
    figure = f"{comparison.split} {comparison.figure}"
    table = []
    for line in comparison.lines:
        low, high = line.measured.interval or (None, None)
        cost = cost_of(line.run.path)
        splits = {split: figures for split, figures in line.run.metrics.items() if split != "baseline"}
        table.append(
            {
                "run": str(line.run.path),
                **line.knobs,
                figure: line.value,
                f"{figure} low": low,
                f"{figure} high": high,
                "difference to the first": line.difference if line.number > 1 else None,
                "p value": line.test.p if line.test else None,
                "paired test": line.test.name if line.test else None,
                **{f"{split} {name}": value for split, figures in splits.items() for name, value in figures.items()},
                "training seconds": cost["seconds"] if cost else None,
                "peak bytes": cost["peak_bytes"] if cost else None,
            }
        )
    return table


def write_csv(path: Path, table: Sequence[Mapping[str, Any]]) -> None:
    """Writes rows, whose columns are those of any of them; what a row lacks is left empty."""
    heads = list(dict.fromkeys(head for row in table for head in row))
    with whole(path) as partial, partial.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(heads)
        for row in table:
            cells = [row.get(head) for head in heads]
            writer.writerow([knob_text(cell) if isinstance(cell, list | bool) else cell for cell in cells])


def show(comparison: Comparison) -> None:
    """Prints the table, the knobs that differ below each run's name, and the conclusion."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("run", overflow="fold")
    lines = cells(comparison)
    for head in lines[0]:
        table.add_column(textwrap.fill(head.replace("_", " "), WIDEST_HEAD), justify="right", no_wrap=True)
    for line, figures in zip(comparison.lines, lines, strict=True):
        knobs = ", ".join(f"{name}={knob_text(value)}" for name, value in line.knobs.items())
        label = screen.styled((line.name, "cyan"), (f"\n{knobs}" if knobs else "", "dim"))
        table.add_row(label, *figures.values())
    console = screen.PlainConsole()
    console.print(f"{heading(comparison)}\n", style="bold")
    console.print(table)
    console.print()
    for sentence in conclusion(comparison):
        screen.tell(sentence)


def cells(comparison: Comparison) -> list[dict[str, str]]:
    """Of each run the figure as people read it, with interval, difference and p value where any run has one."""
    lines = [_cells(comparison.figure, line) for line in comparison.lines]
    heads = [head for head in lines[0] if any(line[head] for line in lines)]
    return [{head: line[head] for head in heads} for line in lines]


def knob_text(value: Any) -> str:
    """A knob's value as on the command line: the items of a list set apart by blanks."""
    if isinstance(value, list):
        return " ".join(map(knob_text, value))
    match value:
        case None:
            return NONE
        case bool():
            return "true" if value else "false"
        case float():
            return f"{value:g}"
    return str(value)


def signed(difference: float) -> str:
    """A difference with its sign."""
    return f"{'-' if difference < 0 else '+' if difference > 0 else ''}{number(abs(difference))}"


def _cells(figure: str, line: Line) -> dict[str, str]:
    chosen = line.run.task.monitor.removeprefix("val_")  # the epoch by it, where that is another figure
    return {
        figure: number(line.value),
        "95% interval": "–".join(map(number, line.measured.interval or ())),
        "difference": signed(line.difference) if line.number > 1 else "",
        "p": _p(line.test) if line.test else "",
        **({chosen: number(line.measured.figures[chosen])} if chosen in line.measured.figures else {}),
    }


def _of_two(comparison: Comparison) -> str:
    first, other = comparison.lines
    figures = f"{comparison.figure} {number(other.value)} against {number(first.value)}"
    test = other.test
    if not test:
        return f"{other.name} has {figures} of {first.name}."
    tested = f"{figures}, p {'' if test.p < LEAST_P else '= '}{_p(test)}; {_tested(comparison, test)}"
    if not test.differing:
        return f"{other.name} and {first.name} score the same on each example: {tested}."
    if not test.is_more_than_chance and test.examples < FEWEST:
        return f"{test.examples} examples are too few for a test, whatever they show: {tested}."
    if not test.is_more_than_chance:
        return f"{other.name} and {first.name} can't be told apart: {tested}."
    return f"{other.name} is {'better' if other.gain > 0 else 'worse'} than {first.name}: {tested}."


def _of_many(comparison: Comparison) -> str:
    """Which runs are better or worse than the first, and by what test."""
    tests = [line.test for line in comparison.lines if line.test]
    if not tests:
        return f"The best is {_named(max(comparison.lines, key=lambda line: line.gain))}."
    groups: dict[str, list[str]] = {"better": [], "worse": [], "no clear difference": []}
    for line in sorted(comparison.lines, key=lambda line: -line.gain):
        if line.test:
            clear = "better" if line.gain > 0 else "worse"
            groups[clear if line.test.is_more_than_chance else "no clear difference"].append(_named(line))
    parts = [f"{group}: {_listed(names)}" for group, names in groups.items() if names]
    corrected = f", p corrected for {len(tests)} comparisons by Holm's method" * (len(tests) > 1)
    how = f"{_tested(comparison, tests[0])}{corrected}"
    return f"Compared with {_named(comparison.lines[0])}, {'; '.join(parts)}. {how}."


def _named(line: Line) -> str:
    return f"{line.name} ({number(line.value)})"


def _tested(comparison: Comparison, test: PairedTest) -> str:
    """By what, on which examples."""
    size = comparison.first.split["examples"]
    sampled = f" of {size:,}" * (test.examples < size)
    return f"{test.name} on {test.examples:,}{sampled} {comparison.split} examples"


def _p(test: PairedTest) -> str:
    return f"< {LEAST_P}" if test.p < LEAST_P else f"{test.p:.3f}"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
