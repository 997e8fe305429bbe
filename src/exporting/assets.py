"""The files that an export has beside its graph; src/exporting/extras.py writes them."""

from pathlib import Path

FOLDER = Path("assets.extra")
WARM_UP = FOLDER / "tf_serving_warmup_requests"  # a server runs them before it says that the version is there
REQUEST = FOLDER / "request.json"  # a sample of the default signature
RESPONSE = FOLDER / "response.json"  # the trained model's answer to it
COLUMNS = FOLDER / "columns.json"  # what the file that it was trained on calls its inputs, where that isn't the same
ORIGIN = FOLDER / "origin.json"  # which run it is an export of, and what was verified
CARD = FOLDER / "model_card.md"  # what it is: data, figures, knobs, commit, inputs and outputs
ABOUT = FOLDER / "about.json"  # what a program shows of it: title, verdict, names and unit of its answers, usual inputs
