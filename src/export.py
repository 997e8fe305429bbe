"""Export a run for TensorFlow Serving: one graph from a raw request to named answers, proved before it is published.

src/exporting/publish.py does it; src/exporting/formats.py has the formats of other runtimes.
"""

from pathlib import Path
from typing import Literal

from src.errors import UserError
from src.exporting.publish import Destination, publish, publish_file, remove_old
from src.exporting.verifier import Verifier
from src.runs.run import find
from src.system import screen
from src.system.files import check_writable


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
    trained = find(run, model, data, runs_dir)
    given = export_name or trained.config["knobs"].get("export_name")
    destination = Destination(export_name=given, exports_dir=exports_dir)
    names = trained.config["model"], trained.config["data_name"]
    if format != "savedmodel":
        path = publish_file(trained, destination.name(*names), format)
        screen.show(f"export  {path}  (verified in its runtime)")
        return path
    check_writable(trained.path, Path(exports_dir))
    with Verifier() as verifier:
        path = publish(trained, Path(exports_dir) / destination.name(*names), verifier)
    screen.show(f"export  {path}  (verified in a clean process)")
    for old in remove_old(path.parent, keep) if keep else []:
        screen.show(f"removed {old}")
    return path
