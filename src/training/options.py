"""The knobs of how a training is shown, saved and ended."""

from dataclasses import dataclass

from src.errors import UserError
from src.system.screen import tell


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a training is shown, saved and ended.

    Args:
        save_every: seconds between two saved states, from which an interrupted training can be resumed.
        pause: stop after this epoch as Ctrl-C does, to be continued with --resume; 0 for never.
        patience: stop after this many epochs without a better validation metric; 0 trains all epochs.
        tensorboard: whether to write metrics, graph, configuration and samples for TensorBoard.
        histograms: whether to write histograms of the weights for TensorBoard, too.
        report: whether to write report.html; `make report` writes it later, too.
        verbose: whether to show progress and a summary.

    Raises:
        UserError: for knobs that don't fit together.
    """

    save_every: float = 60.0
    pause: int = 0
    patience: int = 10
    tensorboard: bool = True
    histograms: bool = False
    report: bool = True
    verbose: bool = True

    def __post_init__(self):
        for name in ("pause", "patience", "save_every"):
            if getattr(self, name) < 0:
                raise UserError(f"{name} has to be 0 or more, not {getattr(self, name)}.")
        if self.histograms and not self.tensorboard:
            raise UserError("histograms have no effect with --no-tensorboard.")

    def say(self, text: str) -> None:
        """Tells the user, where `verbose`."""
        if self.verbose:
            tell(text)
