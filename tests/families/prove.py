"""Trains a model, cuts another training of it off, resumes that one to the bit, and asks the export.

    python prove.py MODEL DATA

in a project's folder; prints the figures by split as JSON.
"""

import json
import sys

import numpy as np
import tensorflow as tf

from src.evaluate import evaluate
from src.runs.run import load_run
from src.settings import catalogue
from src.system.signals import Stopped
from src.train import train

model, data = sys.argv[1:]
knobs = {"data": data, "epochs": 6, "deterministic": True, "verbose": False, "tensorboard": False}
whole = train(model, **knobs, runs_dir="runs/whole")
try:
    train(model, **knobs, export=False, pause=2, runs_dir="runs/cut")
    sys.exit("it wasn't cut off")
except Stopped:
    resumed = train(model, resume="1", runs_dir="runs/cut")
for one, other in zip(whole.model.weights, resumed.model.weights, strict=True):
    np.testing.assert_array_equal(one, other, f"{one.path} isn't resumed to the bit")

raw, _ = catalogue.load(catalogue.dataset(data)).load().test.examples(5)
answers = load_run(whole.path).predict(raw)
serve = tf.saved_model.load(f"saved_models/{model}-{data}/1").signatures["serving_default"]
for name, served in serve(**{key: tf.constant(column) for key, column in raw.items()}).items():
    column = served.numpy() if served.dtype != tf.string else np.vectorize(bytes.decode)(served.numpy())
    if column.dtype.kind in "US":
        np.testing.assert_array_equal(column, answers[name], name)
    else:
        np.testing.assert_allclose(column, answers[name], rtol=1e-4, atol=1e-5, err_msg=name)
again = evaluate(whole.path)
np.testing.assert_allclose(list(again["test"].values()), list(whole.metrics["test"].values()), rtol=1e-4)
print(json.dumps(whole.metrics))
