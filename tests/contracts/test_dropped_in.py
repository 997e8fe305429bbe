"""A model and a data set that somebody drops in, with every other one deleted; and a new kind of output."""

import re
import shutil
import subprocess
import sys

import pytest

from src.settings import catalogue
from tests.tree import ROOT, copied, run

README = (catalogue.ROOT / "README.md").read_text(encoding="utf-8")
CONTRACTS = (catalogue.ROOT / "docs/contracts.md").read_text(encoding="utf-8")
FILES, ADDED = (dict(re.findall(r"```python\n# (\S+\.py).*\n((?s:.*?))```", text)) for text in (README, CONTRACTS))

SEQUENCES = {
    "models/recurrent.py": '''
"""Recurrent network over a series or tokens."""
import keras
from src.layers import features, head
from src.specs import Classes, Series, Tokens, Values

TAKES, GIVES = (Series, Tokens), (Classes, Values)

def build(inputs, outputs, *, units: int = 8) -> keras.Model:
    """Args:
        units: size of the state.
    """
    tensors = x = features(inputs)
    if isinstance(inputs, Tokens):
        x = keras.layers.Embedding(inputs.vocabulary, units)(x)
    return keras.Model(tensors, head(outputs)(keras.layers.GRU(units)(x)))
''',
    "src/datasets/waves.py": '''
"""Noisy waves of two shapes."""
import keras
import numpy as np
from src.sources.memory import split
from src.data import Data
from src.specs import Classes, Series

INPUTS, OUTPUTS = (Series,), (Classes,)

def load(*, noise: float = 0.1) -> Data:
    """Args:
        noise: standard deviation.
    """
    random, time = np.random.default_rng(0), np.linspace(0, 12, 20)
    label = random.integers(0, 2, 200).astype("int32")
    waves = np.where(label[:, None], np.sign(np.sin(time)), np.sin(time)) + random.normal(0, noise, (200, 20))
    wave = keras.Input((20,), name="wave")
    preprocess = keras.Model(wave, keras.layers.Reshape((20, 1))(wave))
    parts = split({"wave": waves.astype("float32")}, label, stratify=True)
    return Data(*parts, Series(20, 1), Classes(("round", "square")), preprocess)
''',
    "src/datasets/sentences.py": '''
"""Short sentences, each glad or sad."""
import keras
import numpy as np
from src.sources.memory import InMemory
from src.data import Data
from src.specs import Classes, Tokens

INPUTS, OUTPUTS = (Tokens,), (Classes,)

def load() -> Data:
    """The sentences."""
    texts = np.array(["what a good day", "a bad day", "good, very good", "bad weather"] * 10, object)
    source = InMemory.of({"text": texts}, np.array([0, 1, 0, 1] * 10, "int32"))
    text = keras.Input((), dtype="string", name="text")
    vectorize = keras.layers.TextVectorization(output_sequence_length=4)
    vectorize.adapt(texts.tolist())
    tokens = keras.ops.cast(vectorize(text), "int32")
    spec = Tokens(4, vectorize.vocabulary_size())
    return Data(source, source, source, spec, Classes(("glad", "sad")), keras.Model(text, tokens))
''',
}


def emptied(folder):
    """A copy of the project without any model or data set."""
    root = copied(folder)
    for path in [*(root / "models").glob("[!_]*.py"), *(root / "src/datasets").glob("[!_]*.py")]:
        path.unlink()
    return root


def drop_in(root, files):
    for path, code in files.items():
        (root / path).write_text(code, encoding="utf-8")


def succeed(root, *words):
    done = run(root, *words)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_files_of_the_readme_work_alone(tmp_path):
    root = emptied(tmp_path)
    drop_in(root, FILES)
    model, data = (path.split("/")[-1].removesuffix(".py") for path in FILES)
    output = succeed(root, "train", model, "--data", data, "--epochs", "2")
    assert f"{model} on {data}" in output
    assert (root / "saved_models" / f"{model}-{data}" / "1" / "saved_model.pb").is_file()
    assert model in succeed(root, "list")


@pytest.mark.parametrize("data", ["waves", pytest.param("sentences", marks=pytest.mark.long)])
def test_sequences_fit_without_a_change(tmp_path, data):
    root = emptied(tmp_path)
    drop_in(root, SEQUENCES)
    succeed(root, "train", "recurrent", "--data", data, "--epochs", "2", "--limit", "40")
    assert (root / "saved_models" / f"recurrent-{data}" / "1" / "saved_model.pb").is_file()


SIDES = '''
"""Points, on the right or not, and above or not."""
import numpy as np
from src.data import Data
from src.specs import Columns, Tags
from src.preprocess.tables import from_matrix

INPUTS, OUTPUTS = (Columns,), (Tags,)

def load() -> Data:
    """The points."""
    points = np.random.default_rng(0).normal(size=(300, 2))
    return from_matrix(["x", "y"], points, (points > 0).astype("float32"), Tags(("right", "above")))
'''


@pytest.mark.long
def test_the_examples_of_the_contracts_pass_their_tests(tmp_path):
    root = emptied(tmp_path)
    for folder in ("tests", "docs"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / file, root)
    drop_in(root, {**FILES, **{path: ADDED[path] for path in ADDED if path.startswith(("src/data", "src/tasks"))}})
    drop_in(root, {"src/datasets/sides.py": SIDES})
    specs = (root / "src/specs.py").read_text(encoding="utf-8")
    mark = "# Outputs made of the input"
    (root / "src/specs.py").write_text(specs.replace(mark, f"{ADDED['src/specs.py']}\n\n{mark}"), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "tests/contracts", "-n", "0", "-k", "linear or bars or sides or tagging"]
    done = subprocess.run(command, cwd=root, capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stdout
    for seed in ("0", "1"):
        words = "--epochs", "2", "--seed", seed
        assert "linear on sides" in succeed(root, "train", "linear", "--data", "sides", *words)
    assert "sign-flip permutation test on 60 test examples" in " ".join(
        succeed(root, "compare", "--data", "sides").split()
    )
    assert "linear on bars" in succeed(root, "train", "linear", "--data", "bars", "--epochs", "2")
