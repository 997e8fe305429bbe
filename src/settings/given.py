"""A data set that was given from Python, and not by the name of a file."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from src.settings.catalogue import DataFile

PIPELINE = "a tf.data pipeline"
NOT_RESUMED = "this training can't be resumed exactly: its examples come in the order of the tf.data pipeline"


@dataclass(frozen=True)
class GivenData(DataFile):
    """What stands in for the file of a data set; `path` is that of the code that makes the data set.

    Args:
        make: makes the data set, as `load` of such a file.
        what: was given, such as "arrays".
    """

    make: Callable[..., Any]
    what: str

    @property
    def where(self) -> str:
        return "data"

    def load(self, *wanted: type | None, **knobs: Any) -> Any:
        return self.make(*wanted, **knobs)
