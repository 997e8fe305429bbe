"""Transfer learning: a model begins with weights that have learnt something, taken over by layer, name and shape.

Yosinski et al. (2014), How transferable are features in deep neural networks?; learning rates that are smaller below
the new layers: Howard and Ruder (2018), Universal language model fine-tuning for text classification, section 3.2.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from src.errors import UserError
from src.readers import checkpoints
from src.readers.published import published
from src.runs import record
from src.runs.loading import load_model
from src.settings.catalogue import ModelFile
from src.specs import UNKNOWN, Input, NextToken, Output, Tokens, from_json

SHOWN = 4  # layers or arrays that a message names


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """Weights to start from, and how they are trained on.

    Args:
        init: what to start from: a run, a .keras, .weights.h5, .h5, .pth or .safetensors file, or a SavedModel. Weights
            are taken over where layer, name and shape are the same.
        pretrained: whether to start from the weights that were published for this model.
        freeze: epochs in which only the new layers are trained. The default is all with pretrained, and none with init.
        body_rate: learning rate of the layers that were taken over, as a share of the new ones', above 0 and up to 1.
        layer_decay: learning rate of each layer that was taken over, as a share of the one's above it, above 0 and up
            to 1.

    Raises:
        UserError: for knobs that don't fit together.
    """

    init: str | None = None
    pretrained: bool = False
    freeze: int | None = None
    body_rate: float = 0.1
    layer_decay: float = 1.0

    def __post_init__(self):
        if self.init and self.pretrained:
            raise UserError("init has no effect with --pretrained: choose one of the two.")
        if self.freeze is not None and not (self.init or self.pretrained):
            raise UserError("freeze has no effect without --init or --pretrained: all layers are new.")
        if (self.freeze or 0) < 0:
            raise UserError(f"freeze has to be 0 or more, not {self.freeze}.")
        for name in ("body_rate", "layer_decay"):
            if not 0 < getattr(self, name) <= 1:
                raise UserError(f"{name} has to be above 0 and up to 1, not {getattr(self, name):g}.")

    def check(self) -> None:
        """Raises a UserError where there is nothing to start from, before data is read."""
        if self.init:
            _file(Path(self.init))

    def frozen_epochs(self, epochs: int) -> int:
        """How many of a training's epochs the new layers are trained alone."""
        return min(epochs, (epochs if self.pretrained else 0) if self.freeze is None else self.freeze)

    def shares(self, layers: int) -> list[float]:
        """The learning rates of so many layers that were taken over, lowest first, as shares of the new ones'."""
        return [self.body_rate * self.layer_decay**below for below in reversed(range(layers))]

    def files(self, file: ModelFile, knobs: Mapping[str, Any]) -> dict[str, str]:
        """What the model has to be built with besides, so that the weights fit: paths, by knobs that nobody has set.

        A run says what it was built with. Raises UserError where a file isn't there.
        """
        paths: Mapping[str, str] = {}
        if self.pretrained:
            sources = _source(file, knobs).get("knobs", {})
            paths = {name: str(published(source)) for name, source in sources.items()}
        elif self.init and (Path(self.init) / record.CONFIG).is_file():
            paths = record.of_run(Path(self.init)).get("init", {}).get("files", {})
        return {name: path for name, path in paths.items() if name in knobs and not knobs[name]}

    def take_over(
        self, model: keras.Model, file: ModelFile, knobs: Mapping[str, Any], inputs: Input, outputs: Output
    ) -> "TakenOver | None":
        """Gives the model the weights to start from; None where it starts anew.

        Args:
            model: that was just built.
            file: its file, which says what was published.
            knobs: with which it was built.
            inputs, outputs: its specs.

        Raises:
            UserError: where there are no such weights, or none of them fits.
        """
        if not (self.init or self.pretrained):
            return None
        path = published(_source(file, knobs)) if self.pretrained else _file(Path(self.init or ""))
        arrays = _arrays(path, file.renamed)
        if tokens := _tokens_of(Path(self.init or "")):
            arrays |= _by_token(arrays, tokens, model, inputs, outputs)
        taken = _assigned(model, arrays, path)
        files = self.files(file, knobs)
        return replace(taken, facts={**taken.facts, "files": files}) if files else taken


@dataclass(frozen=True)
class TakenOver:
    """What a model began with.

    Args:
        layers: that got all their weights.
        facts: for the configuration: the file, its hash, what was taken, is new, or was left out, and why; and the
            files that the model was built with besides.
    """

    layers: Sequence[keras.Layer]
    facts: Mapping[str, Any]

    def told(self) -> str:
        """What a user is told."""
        taken, new, left = (self.facts[name] for name in ("taken", "new", "left_out"))
        lines = [f"init    {self.facts['file']}: {len(taken)} of {len(taken) + len(new)} layers taken over"]
        lines += [f"        new: {_some(new)}"] if new else []
        lines += [f"        left out: {_some([f'{name} ({why})' for name, why in left.items()])}"] if left else []
        return "\n".join(lines)


def _source(file: ModelFile, knobs: Mapping[str, Any]) -> Mapping[str, Any]:
    """Where the published weights are of a model with those knobs."""
    if source := file.weights(knobs):
        return source
    values = [f"{knob} {', '.join(map(str, sources))}" for knob, sources in file.pretrained.items()]
    there = f"there are some for {' and '.join(values)}" if values else "its file has no PRETRAINED"
    raise UserError(f"pretrained: nobody has published weights for this {file.name}; {there}. --init takes other ones.")


def _file(path: Path) -> Path:
    """What is read of `path`: of a run its model."""
    if (path / record.CONFIG).is_file():
        record.of_run(path)
        if not (path / "model.keras").is_file():
            raise UserError(f"init: {path} was cut off before its model was saved. Go on with it: RESUME={path}")
        return path / "model.keras"
    if not path.exists():
        raise UserError(f"init: there is no {path}.")
    return path


def _tokens_of(run: Path) -> Sequence[str]:
    """What each index of a run's texts meant; nothing for another file."""
    if not (run / record.CONFIG).is_file():
        return ()
    outputs = from_json(record.of_run(run)["outputs"])
    if isinstance(outputs, NextToken):
        return outputs.tokens
    lookups = [layer for layer in load_model(run / "preprocess.keras").layers if hasattr(layer, "get_vocabulary")]
    return _known(lookups[0].get_vocabulary()) if len(lookups) == 1 else ()


def _known(tokens: Sequence[str]) -> Sequence[str]:
    """The tokens, of which the first two mean the same however they are called."""
    return ("", UNKNOWN, *tokens[2:]) if tokens else ()


def _arrays(path: Path, renamed: Mapping[str, str]) -> dict[str, np.ndarray]:
    """The weights in a file, by name: see `_named`; `renamed` says what the model calls them otherwise."""
    if path.suffix == ".keras":
        return {name: np.array(weight) for _, named in _named(load_model(path)) for name, weight in named.items()}
    by_layer: dict[str, dict[str, np.ndarray]] = {}
    for name, array in checkpoints.read(path, renamed).items():
        layer, _, rest = name.partition("/")
        by_layer.setdefault(layer, {})[rest] = array
    return {
        name: array
        for layer, parts in by_layer.items()
        for name, array in zip(_within(layer, parts), parts.values(), strict=True)
    }


def _named(model: keras.Model) -> Iterator[tuple[keras.Layer, dict[str, keras.Variable]]]:
    """Each layer that has weights, also of models within the model, and the weights by "LAYER/WEIGHT".

    Keras numbers the names that it makes up itself by process; here they are numbered by model.
    """
    count = Counter[str]()
    for layer in _weighted(model):
        made_up, name = _snake_case(type(layer).__name__), layer.name
        if re.fullmatch(rf"{made_up}(_[0-9]+)?", name):
            name = made_up + (f"_{count[made_up]}" if count[made_up] else "")
            count[made_up] += 1
        within = [weight.path.removeprefix(f"{layer.name}/") for weight in layer.weights]
        yield layer, dict(zip(_within(name, within), layer.weights, strict=True))


def _within(layer: str, paths: Iterable[str]) -> list[str]:
    """The names of a layer's weights, without the numbers of made-up names of its parts."""
    names, count = [], Counter[str]()
    for path in paths:
        plain = f"{layer}/{re.sub(r'_[0-9]+(?=/)', '', path)}"
        count[plain] += 1
        names.append(plain if count[plain] == 1 else f"{plain}, number {count[plain]}")
    return names


def _snake_case(name: str) -> str:
    """As Keras makes up a layer's name of its class'."""
    return re.sub("([a-z])([A-Z])", r"\1_\2", re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)).lower()


def _by_token(
    arrays: Mapping[str, np.ndarray], before: Sequence[str], model: keras.Model, inputs: Input, outputs: Output
) -> dict[str, np.ndarray]:
    """Weights that are one row, or column, a token, in the order of the tokens here; those of new ones are the model's.

    Args:
        arrays: in the file.
        before: the token of each index there.
        model: that was just built.
        inputs, outputs: its specs.
    """
    now = (
        outputs.tokens
        if isinstance(outputs, NextToken)
        else _known(inputs.tokens)
        if isinstance(inputs, Tokens)
        else ()
    )
    places = {token: place for place, token in enumerate(before)}
    known = np.array([place for place, token in enumerate(now) if token in places], int)
    there = np.array([places[now[place]] for place in known], int)
    moved = {}
    for layer, weights in _named(model):
        axis = 0 if isinstance(layer, keras.layers.Embedding) else -1
        if axis and not (layer.name == "head" and isinstance(outputs, NextToken)):
            continue
        for name, weight in weights.items():
            shape = (*weight.shape[:-1], len(before)) if axis else (len(before), *weight.shape[1:])
            if weight.shape[axis] == len(now) and name in arrays and arrays[name].shape == shape:
                moved[name] = np.array(weight)
                rows = np.moveaxis(moved[name], axis, 0)
                rows[known] = np.moveaxis(arrays[name], axis, 0)[there]
    return moved


def _assigned(model: keras.Model, arrays: Mapping[str, np.ndarray], path: Path) -> TakenOver:
    """Gives each layer its weights, where the file has all of them; raises a UserError where it has none of any."""
    taken: list[keras.Layer] = []
    names: list[str] = []
    new: list[str] = []
    left = dict.fromkeys(arrays, "no such weight here")
    for layer, weights in _named(model):
        if all(name in arrays and arrays[name].shape == tuple(weight.shape) for name, weight in weights.items()):
            for name, weight in weights.items():
                weight.assign(arrays[name])
            taken.append(layer)
        (names if layer in taken else new).append(next(iter(weights)).partition("/")[0])
        for name, weight in weights.items():
            if layer in taken:
                left.pop(name)
            elif name in left:
                same = arrays[name].shape == tuple(weight.shape)
                there, here = arrays[name].shape, tuple(weight.shape)
                left[name] = "another weight of its layer doesn't fit" if same else f"{there} there, {here} here"
    if not taken:
        reasons = [f"{name} ({why})" for name, why in left.items()]
        raise UserError(
            f"{path} doesn't fit this model at all. The file has {_some(reasons)}; the model has {_some(new)}."
        )
    facts = {"file": str(path), "sha256": _sha256(path), "taken": names, "new": new}
    return TakenOver(taken, {**facts, "left_out": left})


def _sha256(path: Path) -> str:
    """Of a file, or of the variables in a SavedModel's folder."""
    digest = hashlib.sha256()
    for file in sorted((path / "variables").iterdir()) if path.is_dir() else [path]:
        with open(file, "rb") as content:
            hashlib.file_digest(content, lambda: digest)
    return digest.hexdigest()


def _weighted(model: keras.Model) -> Iterator[keras.Layer]:
    """The layers that have weights, also those of models within the model."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _weighted(layer)
        elif layer.weights:
            yield layer


def _some(names: Sequence[str]) -> str:
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")
