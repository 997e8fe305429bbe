"""Small specs of every kind, features and targets that fit them, and what can be trained at once."""

import re

import keras
import numpy as np
import pytest

from src.settings import catalogue
from src.settings.contract import check_model
from src.settings.knobs import shown
from src.signatures import Steps
from src.sources.splits import SPLITS
from src.specs import (
    Boxes,
    Classes,
    Columns,
    Horizon,
    Image,
    Images,
    Mask,
    NextToken,
    Series,
    Text,
    Tokens,
    Values,
    Vector,
)


class Specs(dict):
    """A spec of each kind."""

    def __missing__(self, kind):
        return _sample(kind, 1)[0]


MORE = 'as docs/contracts.md says under "A new output"'


def _sample(kind, examples):
    """A spec of that output and targets for it, as the task says that serves it."""
    file = next((file for file in catalogue.tasks().values() if file.spec is kind), None)
    module = file and catalogue.load(file)
    if not hasattr(module, "sample"):
        none = f"no file of src/tasks/ has SPEC = {kind.__name__}"
        what = f"{shown(file.path)} needs a function sample(examples)" if file else none
        pytest.fail(f"{what}, {MORE}", pytrace=False)
    return module.sample(examples)


SPECS = Specs(
    {
        Image: Image(12, 8, 2),
        Vector: Vector(5),
        Columns: Columns(("height", "width"), (("color", 4), ("size", 3))),
        Tokens: Tokens(6, 11),
        Series: Series(8, 2),
        Classes: Classes(("low", "middle", "high"), (5, 6, 7)),
        Values: Values(("price", "rent"), "EUR", (1000.0, 10.0), (200.0, 2.0)),
        Mask: Mask(12, 8, ("ground", "thing"), ((0, 0, 0), (255, 120, 0)), (90, 6)),
        NextToken: NextToken(("", "?", *"abcdefghi")),
        Horizon: Horizon(("low", "high"), 3, 4, False, (10.0, 20.0), (2.0, 4.0), (1.0, 1.5), (2.0, 3.0)),
        Images: Images(12, 8, 2, ("low", "middle", "high")),
    }
)
MADE_OF = {NextToken: Tokens, Horizon: Series, Images: Image}  # outputs that are made of the input itself
NEEDS = {**MADE_OF, Text: Tokens}  # features that a task takes, where it doesn't take all


def works(model) -> bool:
    """Whether the model of that file can be trained: one that can't fails its own tests, and nobody else's."""
    gives = model.gives[0]
    takes = MADE_OF.get(gives, model.takes[0])
    if takes not in SPECS or (
        gives not in SPECS and not any(file.spec is gives for file in catalogue.tasks().values())
    ):
        return True
    try:
        check_model(model, catalogue.load(model).build(SPECS[takes], SPECS[gives]), SPECS[gives])
    except Exception:  # whatever the code of a file ends in
        return False
    return True


def judged(model, data) -> bool:
    """Whether what the model makes of that data set can be judged, where it has to be."""
    judge = catalogue.models().get(model.judge.get("model"))
    return not model.judge or (judge is not None and bool(catalogue.tasks_of(judge, data)))


def is_large(model: str) -> bool:
    """Whether training the model is a long test: those with published weights are large, and smaller sizes of them.

    A model that takes them only for another choice of its parts isn't.
    """
    file = catalogue.model(model)
    defaults = {knob.name: knob.default for knob in file.knobs}
    own = [
        defaults[name] in sources or not isinstance(defaults[name], str) for name, sources in file.pretrained.items()
    ]
    return any(own)


PAIRS = [  # of a model's and a data set's name; large models come last, as many tests take the first pair
    (model.name, data.name)
    for model in sorted(filter(works, catalogue.models().values()), key=lambda model: is_large(model.name))
    for data in catalogue.datasets().values()
    if not (data.download or data.named_by) and catalogue.tasks_of(model, data) and judged(model, data)
]


def short(cases, parts) -> list:
    """The cases, of `pytest.param`; one whose `parts` have all come up before is a long test."""
    found, met = [], set()
    for case in cases:
        fresh = parts(*case.values) - met
        found.append(case if fresh else pytest.param(*case.values, id=case.id, marks=pytest.mark.long))
        met |= fresh
    return found


def features(spec, examples: int, seed: int = 0):
    """Random features of `examples` examples, as src/specs.py describes them."""
    random = np.random.default_rng(seed)
    match spec:
        case Image(height, width, channels):
            return random.random((examples, height, width, channels), "float32")
        case Vector(size):
            return random.standard_normal((examples, size), "float32")
        case Tokens(length, vocabulary):
            return random.integers(2, vocabulary, (examples, length)).astype("int32")
        case Series(length, channels):
            return random.standard_normal((examples, length, channels), "float32")
        case Columns(numeric, categories):
            columns = [random.integers(0, size, examples) for _, size in categories]
            return {
                "numeric": random.standard_normal((examples, len(numeric)), "float32"),
                "categories": np.stack(columns, axis=1).astype("int32"),
            }
    pytest.fail(f"tests/samples.py: features makes none of {type(spec).__name__}: add a case, {MORE}", pytrace=False)


def inputs(model, spec, examples: int):
    """What `model`, built for features of `spec`, takes: those, what has been written, or random numbers where it makes
    things of noise."""
    found = features(spec, examples)
    if not isinstance(model.input, dict) or (isinstance(found, dict) and set(found) == set(model.input)):
        return found
    if "written" in model.input:
        return {"tokens": found, "written": features(spec, examples, seed=1)}
    random = np.random.default_rng(0)
    return {
        name: random.integers(0, 3, examples).astype("int32")
        if tensor.dtype == "int32"
        else random.standard_normal((examples, *tensor.shape[1:]), "float32")
        for name, tensor in model.input.items()
    }


def painter(spec) -> keras.Model:
    """A model that makes images of noise, without having learnt it."""
    latent, label = keras.Input((4,), name="latent"), keras.Input((), dtype="int32", name="label")
    x = keras.layers.Dense(int(np.prod(spec.shape)), "sigmoid")(latent)
    return keras.Model({"latent": latent, "label": label}, keras.layers.Reshape(spec.shape)(x))


def judge(spec) -> keras.Model:
    """A classifier of such images, without having learnt it."""
    image = keras.Input(spec.shape, name="image")
    x = keras.layers.Dense(8, "relu")(keras.layers.Flatten()(image))
    return keras.Model(image, keras.layers.Dense(len(spec.names))(x))


def writer(spec) -> tuple[keras.Model, Steps]:
    """A model that writes texts, without having learnt it, and its steps."""
    tokens, written = (keras.Input((None,), dtype="int32", name=name) for name in ("tokens", "written"))
    token, read = keras.Input((), dtype="int32", name="token"), keras.Input((4,), name="read")
    embedding, head = keras.layers.Embedding(len(spec.tokens), 4), keras.layers.Dense(len(spec.tokens))
    means = keras.ops.mean(embedding(tokens), axis=1)
    model = keras.Model({"tokens": tokens, "written": written}, head(embedding(written) + means[:, None]))
    step = keras.Model({"token": token, "read": read}, {"logits": head(embedding(token) + read), "read": read})
    return model, Steps(lambda: step, SPECS[Tokens], lambda: keras.Model(tokens, {"read": means}))


def own_files(file, folder) -> dict:
    """The knobs of a data set that reads the user's own files, some of which it writes into the folder."""
    module = catalogue.load(file)
    if not hasattr(module, "sample"):
        what = "it has NAMED_BY, so it needs a function sample(folder) that writes a few small files of its kind there"
        pytest.fail(f"{shown(file.path)}: {what}, and returns the knobs of load that read them", pytrace=False)
    return module.sample(folder)


def of_tfds(file) -> bool:
    """Whether a data set's file reads TensorFlow Datasets, of which tests make up tiny ones."""
    code = file.path.read_text(encoding="utf-8")
    return re.search(r"^(from|import) .*\btfds\b", code, re.MULTILINE) is not None


def text_pairs(data, split: str) -> list[tuple[str, str]]:
    """The texts of a split, and what each becomes."""
    source = getattr(data, split)
    raw, target = source.examples(len(source))
    return [(text.decode(), written.decode()) for text, written in zip(raw["text"], target, strict=True)]


def all_text_pairs(data) -> list[tuple[str, str]]:
    """Those of all splits, sorted."""
    return sorted(pair for split in SPLITS for pair in text_pairs(data, split))


def predictions(spec, examples: int, seed: int = 0):
    """Random predictions for `examples` examples."""
    shape = [SPECS[Tokens].length if size is None else size for size in spec.shape]
    return np.random.default_rng(seed).standard_normal((examples, *shape), "float32")


def targets(spec, examples: int, seed: int = 0):
    """Random targets of `examples` examples, as a data set has them."""
    random = np.random.default_rng(seed)
    match spec:
        case Classes() | Images():
            return random.integers(0, len(spec.names), examples).astype("int32")
        case Values():
            return (random.standard_normal((examples, spec.size)) * spec.scale + spec.mean).astype("float32")
        case Mask(height, width, names):
            return random.integers(-1, len(names), (examples, height, width)).astype("int32")
        case Boxes(names=names, most=most):
            corners = random.random((examples, most, 2, 2), "float32")
            box = np.concatenate([corners.min(axis=2), corners.max(axis=2)], axis=-1)
            label = random.integers(-1, len(names), (examples, most)).astype("int32")
            return {"box": box * (label >= 0)[..., None], "label": label}
        case NextToken():
            return random.integers(1, SPECS[Tokens].length, examples).astype("int32")
        case Horizon():
            values = random.standard_normal((examples, 2, spec.length, len(spec.names)))
            return (values * spec.scale + spec.mean).astype("float32")
    return _sample(type(spec), examples)[1]
