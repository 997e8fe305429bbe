"""Tensors as PyTorch names and lays them out become Keras': "_blocks.0._bn1.weight" is "blocks_0_bn1/gamma"."""

import re
from collections.abc import Mapping

import numpy as np

from src.errors import UserError


def as_keras_has(tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The tensors under Keras' names, in its layout.

    Where a kernel has one channel in, it is depthwise, but for that of the file's first convolution, which sees
    pictures. A vector of weights belongs to a normalisation. A matrix is an embedding where its layer's name ends so;
    others belong to dense layers.

    Args:
        tensors: by name, such as "fc.weight", in the file's order.

    Raises:
        UserError: where two of them would get the same name.
    """
    arrays = {}
    first = next((name for name, tensor in tensors.items() if tensor.ndim > 2), None)
    for name, tensor in tensors.items():
        owner, _, kind = name.rpartition(".")
        layer = re.sub(r"[._]+", "_", owner).strip("_")
        weight = tensors.get(f"{owner}.weight", tensor)
        is_embedding = weight.ndim == 2 and re.search("embeddings?$", layer, re.IGNORECASE) is not None
        names = {"running_mean": "moving_mean", "running_var": "moving_variance"}
        names |= {"weight": "gamma", "bias": "beta"} if weight.ndim == 1 else {"weight": "kernel"}
        names |= {"weight": "embeddings"} if is_embedding else {}
        if kind == "num_batches_tracked":
            continue
        if kind == "weight" and tensor.ndim > 1 and not is_embedding:
            is_depthwise = tensor.ndim == 4 and tensor.shape[1] == 1 and name != first
            ends = (0, 1) if is_depthwise else (1, 0)
            tensor = tensor.transpose(*range(2, tensor.ndim), *ends)  # from (out, in, …) to (…, in, out)
        path = "/".join(part for part in (layer, names.get(kind, kind)) if part)
        if path in arrays:
            raise UserError(f"two of its tensors would be called {path}")
        arrays[path] = tensor
    return arrays
