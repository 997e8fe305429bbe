"""Write the report of a trained run again."""

from src.reports import report as page
from src.runs.run import find
from src.system.locks import owned
from src.system.screen import tell


def report(*, run: str = "", model: str = "", data: str = "", runs_dir: str = "runs") -> None:
    """Writes report.html from what the run holds; its data set isn't needed.

    Args:
        run: folder of the run.
        model: the newest run of this model.
        data: the newest run on this data set.
        runs_dir: folder of the runs.
    """
    path = find(run, model, data, runs_dir).path
    with owned(path / ".lock", f"the run {path}"):
        page.write(path)
    tell(f"report  {path / 'report.html'}")
