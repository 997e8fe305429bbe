"""The knobs of a training as a table, for notebooks."""

from rich.table import Table

from src.settings.config import Config
from src.settings.knobs import words
from src.system.screen import PlainConsole


def show(settings: Config) -> None:
    """Prints each knob: name, type, value and help, below the file that it belongs to."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for title in ("knob", "type", "value", "what it does"):
        table.add_column(title)
    for knobs in filter(None, settings.choices.groups.values()):
        table.add_row("\n" + knobs[0].where.partition(":")[0], style="bold")
        for knob in knobs:
            value = settings.values[knob.name]
            table.add_row(knob.name, words(knob.type), "" if value in (None, "") else repr(value), knob.help)
    PlainConsole().print(table)
