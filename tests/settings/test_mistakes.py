"""Mistakes in a file that was dropped in, told in one line while it is trained."""

import dataclasses
import sys
from importlib.util import module_from_spec, spec_from_file_location

import pytest
import tensorflow as tf

from src.errors import UserError
from src.settings import catalogue
from src.settings.catalogue import TaskFile
from src.settings.mistakes import mistakes_in, mistakes_while_training
from src.specs import Classes
from src.train import train

TASK = '''"""Classification with a mistake."""
import keras
from src.tasks import classification
from src.tasks.classification import SPEC, adapt

class Task(classification.Task):
    """Classification."""
'''


@pytest.fixture
def mistaken(tmp_path, monkeypatch):
    """From the last lines of a task's class to a training with that task in place of classification."""

    def trained(lines: str):
        path = tmp_path / "src/tasks/classification.py"
        path.parent.mkdir(parents=True)
        for folder in path.parents[:2]:
            (folder / "__init__.py").touch()
        path.write_text(TASK + lines)
        spec = spec_from_file_location("classification_with_a_mistake", path)
        module = module_from_spec(spec)
        monkeypatch.setitem(sys.modules, spec.name, module)
        spec.loader.exec_module(module)
        file = dataclasses.replace(catalogue.task("classification"), path=path)
        load = catalogue.load
        monkeypatch.setattr(catalogue, "tasks", lambda: {"classification": file})
        monkeypatch.setattr(catalogue, "task", lambda name: file)
        monkeypatch.setattr(catalogue, "load", lambda asked: module if asked is file else load(asked))
        places = {"runs_dir": str(tmp_path / "runs"), "exports_dir": str(tmp_path / "exports")}
        return train("mlp", data="wine", epochs=1, verbose=False, **places)

    return trained


LOSS = """
    def loss(self, target, logits):
        return keras.losses.sparse_categorical_crossentropy(target, logits, from_logitz=True)
"""
METRICS = """
    def metrics(self):
        return [keras.metrics.Accuracyy()]
"""
SUMMARY = """
    def summarize(self, targets):
        return self.nothing
"""
FIGURES = """
    def figures(self, predict, batches):
        figures = super().figures(predict, batches)
"""


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (LOSS, r":10: TypeError: .* got an unexpected keyword argument 'from_logitz'\nFor the traceback, add --debug"),
        (METRICS, r":10: AttributeError: module .* has no attribute 'Accuracyy'"),
        (SUMMARY, r":10: AttributeError: 'Task' object has no attribute 'nothing'"),
        (FIGURES, r': figures has to return a dict with a "baseline", .*; it returns None\.'),
        (FIGURES + '        del figures["baseline"]\n        return figures\n', ": figures has .* it returns log_loss"),
        (FIGURES + '        return {"baseline": 0.3}\n', r': figures has to return .*with the "predictor"'),
        ("    monitor = 'val_acuracy'\n", r": monitor is 'val_acuracy', which isn't .* Did you mean 'val_accuracy'\?"),
        ("    direction = 'minimum'\n", ': direction has to be "min" or "max", not'),
        ("    def draw(self, figures):\n        return 3\n", ": draw has to return a dict of figures by name, not 3"),
    ],
    ids=["loss", "metrics", "summarize", "no return", "no baseline", "no predictor", "monitor", "direction", "draw"],
)
def test_a_mistake_in_a_task_is_one_line_that_names_its_file(mistaken, lines, told):
    with pytest.raises(UserError, match=f"^src/tasks/classification.py{told}"):
        mistaken(lines)


def test_what_a_graph_was_wrong_about_is_told_without_the_way_to_it(tmp_path):
    path = tmp_path / "models/wrong.py"
    path.parent.mkdir()
    path.write_text("def product(x):\n    return x @ x\n")
    space = {}
    exec(compile(path.read_text(), path, "exec"), space)
    file = TaskFile("wrong", path, "", Classes, ())
    with (
        pytest.raises(UserError, match=r"^models/wrong.py:2: InvalidArgumentError: Matrix size-incompatible: .*\n"),
        mistakes_while_training(file),
    ):
        tf.function(space["product"], input_signature=[tf.TensorSpec((None, None))])(tf.ones((2, 3)))


def test_a_refusal_has_no_traceback_to_show():
    file = catalogue.model("mlp")
    with pytest.raises(UserError) as error, mistakes_in(file):
        exec(compile("raise ValueError('units has to be above 0')", file.path, "exec"))
    assert str(error.value) == "models/mlp.py:1: units has to be above 0"
