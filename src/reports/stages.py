"""The model as a chain of stages: layers in order, until the shape of what they pass on changes.

Of a deep network, a stage lasts as long as height and width, or time, stay the same.
"""

from collections import Counter
from dataclasses import dataclass, field
from itertools import groupby

import keras

MOST = 12  # stages, above which those of the same height and width are one


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
    return chain if len(chain) <= MOST else _by_resolution(chain)


def _by_resolution(chain: list[Stage]) -> list[Stage]:
    """The stages, of which those that follow each other and differ in their channels alone are one."""
    merged = []
    for resolution, group in groupby(chain, lambda stage: stage.shape.rpartition(" × ")[0] or stage.shape):
        several = list(group)
        channels = list(dict.fromkeys(stage.shape.rpartition(" × ")[2] for stage in several))
        shape = several[0].shape if len(channels) == 1 else f"{resolution} × {', '.join(channels)}"
        layers: Counter[str] = sum((stage.layers for stage in several), Counter())
        merged.append(Stage(shape, layers, sum(stage.parameters for stage in several)))
    return merged


def _shape(layer: keras.Layer) -> str:
    """Of what a layer gives, without the batch; "any" stands for a size that differs from one to another."""
    shapes = [tensor.shape[1:] for tensor in keras.tree.flatten(layer.output)]
    texts = [" × ".join("any" if size is None else str(size) for size in shape) or "1" for shape in shapes]
    return ", ".join(dict.fromkeys(texts))
