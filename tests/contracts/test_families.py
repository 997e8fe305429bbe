"""New families: blocks and text to text are a spec, a task, a data set and a model, with no change elsewhere."""

import json
import shutil
import subprocess
import sys

import pytest

from tests.tree import ROOT, copied

FAMILIES = ROOT / "tests" / "families"
MARK = "# Outputs made of the input"  # in src/specs.py, before which the spec is put
FILES = {  # of each family: model, data set and task
    "blocks": ("mlp", "blocks", "finding"),
    "reversal": ("reverser", "backwards", "reversing"),
}


def dropped_in(family, tmp_path):
    root, (model, data, task) = copied(tmp_path), FILES[family]
    _, spec = (FAMILIES / family / "spec.py").read_text().split("\n\n\n", 1)
    specs = (root / "src/specs.py").read_text()
    assert MARK in specs
    (root / "src/specs.py").write_text(specs.replace(MARK, f"{spec}\n\n{MARK}"))
    for name, folder in ((model, "models"), (data, "src/datasets"), (task, "src/tasks")):
        if (file := FAMILIES / family / f"{name}.py").exists():  # blocks are found by a model that is there
            shutil.copy(file, root / folder)
    return root


@pytest.mark.long
@pytest.mark.parametrize("family", ["blocks", "reversal"])
def test_it_is_trained_resumed_to_the_bit_exported_and_asked(family, tmp_path):
    root, (model, data, _) = dropped_in(family, tmp_path), FILES[family]
    shutil.copy(FAMILIES / "prove.py", root)
    done = subprocess.run([sys.executable, "prove.py", model, data], cwd=root, capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr[-3000:]
    metrics = json.loads(done.stdout.splitlines()[-1])
    figure = next(iter(metrics["baseline"]))
    better = metrics["test"][figure] - metrics["baseline"][figure]
    assert -better > 0 if "error" in figure else better > 0, "it has learnt something"
