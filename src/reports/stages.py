"""The model as a chain of stages: layers in order, until the shape of what they pass on changes."""

from collections import Counter
from dataclasses import dataclass, field

import keras


@dataclass
class Stage:
    """Layers that pass on the same shape.

    Args:
        shape: of one example, such as "14 × 14 × 64".
        layers: how many of each class.
        parameters: of all of them.
    """

    shape: str
    layers: Counter = field(default_factory=Counter)
    parameters: int = 0

    @property
    def about(self) -> str:
        """Its layers, such as "2 × Conv2D, ReLU"."""
        return ", ".join(f"{count} × {kind}" if count > 1 else kind for kind, count in self.layers.items())


def stages(model: keras.Model) -> list[Stage]:
    """The stages of a model, from its inputs on; a model within it counts as one layer."""
    chain: list[Stage] = []
    for layer in model.layers:
        shape = _shape(layer)
        is_input = isinstance(layer, keras.layers.InputLayer)
        if not chain or is_input or shape != chain[-1].shape:
            chain.append(Stage(shape))
        kind = f"input {layer.name}" if is_input else type(layer).__name__
        chain[-1].layers[kind] += 1
        chain[-1].parameters += layer.count_params()
    return chain


def _shape(layer: keras.Layer) -> str:
    """Of what a layer gives, without the batch; "any" stands for a size that differs from one to another."""
    shapes = [tensor.shape[1:] for tensor in keras.tree.flatten(layer.output)]
    texts = [" × ".join("any" if size is None else str(size) for size in shape) or "1" for shape in shapes]
    return ", ".join(dict.fromkeys(texts))
