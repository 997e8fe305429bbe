"""Weights out of files, as arrays by the path of Keras' variables, such as "stem_conv/kernel"; no code in them is run.

| file | names |
|---|---|
| `.weights.h5` of Keras 3 | of layers as in the file; of variables by the kind of layer |
| `.h5` of Keras 1 and 2, as keras.applications publishes them | as in the file |
| a SavedModel's folder, such as an export | as in the file |
| `.pth`, `.pt` of PyTorch, `.safetensors` | made by src/readers/torch_layout.py |

What such a file can't tell, as which of two vectors a normalisation lacks, keeps its number: "norm/0". A `.keras` file
holds a whole model: src/runs/loading.py opens it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import h5py
import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import trackable_object_graph_pb2

from src.errors import UserError
from src.readers import safetensors_files, torch_files
from src.readers.archives import check_size
from src.system.files import unpatterned

# The variables of a layer, in Keras' order, by the end of its group's name: its class, or how its owner calls it.
VARIABLES = {
    "batch_normalization": ("gamma", "beta", "moving_mean", "moving_variance"),
    "layer_normalization": ("gamma", "beta"),
    "group_normalization": ("gamma", "beta"),
    "embedding": ("embeddings",),
    "separable_conv1d": ("depthwise_kernel", "pointwise_kernel", "bias"),
    "separable_conv2d": ("depthwise_kernel", "pointwise_kernel", "bias"),
    "cell": ("kernel", "recurrent_kernel", "bias"),
    "dense": ("kernel", "bias"),
    **{f"conv{n}d{end}": ("kernel", "bias") for n in (1, 2, 3) for end in ("", "_transpose")},
}
# What Keras 1 called them, after the layer's name.
OLD = {"W": "kernel", "b": "bias", "running_mean": "moving_mean", "running_std": "moving_variance"}
CONTAINERS = ("layers", "cells")  # groups that hold layers, without being one

Arrays = dict[str, np.ndarray]


def read(path: Path, rename: Mapping[str, str] | None = None) -> Arrays:
    """The weights of a file, or of a SavedModel's folder, by path of the variable, as Keras lays them out.

    Kernels of convolutions are (height, width, in, out), depthwise ones (height, width, channels, 1), dense ones
    (in, out). Seeds and the state of an optimiser are left out.

    Args:
        path: of the file or the folder.
        rename: regular expressions for parts of the paths, and what they become, for a file whose layers have other
            names than the model's.

    Raises:
        UserError: for a file that isn't there, is damaged, holds no weights, carries code, or claims more than it
            can hold.
    """
    if not path.exists():
        raise UserError(f"There is no file or folder {path}.")
    formats = {
        ".h5": _hdf5,
        ".hdf5": _hdf5,
        ".pth": torch_files.read,
        ".pt": torch_files.read,
        ".safetensors": safetensors_files.read,
    }
    if not path.is_dir() and path.suffix not in formats:
        raise UserError(f"{path} can't be read: weights are in .keras, {', '.join(formats)}, or a SavedModel's folder.")
    try:
        arrays = (_saved_model if path.is_dir() else formats[path.suffix])(path)
    except UserError as error:
        raise UserError(f"{path} was not read: {error}") from None
    except Exception as error:  # of many kinds, for a file that is damaged or made to harm
        reason = str(error).partition("\n")[0].rstrip(".")
        raise UserError(f"{path} can't be read: it is damaged, or no {path.suffix} file ({reason}).") from error
    if not arrays:
        raise UserError(f"{path} holds no weights.")
    for pattern, replacement in (rename or {}).items():
        arrays = {re.sub(pattern, replacement, name): array for name, array in arrays.items()}
    return arrays


def _hdf5(path: Path) -> Arrays:
    with h5py.File(path) as file:
        root = file.get("model_weights", file)  # the first is in the file of a whole model
        is_old = any(name.startswith("layer_names") for name in root.attrs)
        return _of_keras_2(root) if is_old else _of_keras_3(file)


def _of_keras_3(file: h5py.Group) -> Arrays:
    """Each layer has a group, named by its class, with its variables by number, and in newer files its name."""
    variables: dict[str, list[h5py.Dataset]] = {}
    for dataset in _datasets(file):
        group, _, number = dataset.name[1:].rpartition("/vars/")
        if number and not group.startswith("optimizer"):
            variables.setdefault(group, []).append(dataset)
    arrays = {}
    for group, datasets in variables.items():
        names = _names(group, len(datasets))
        owners = "/".join(_owners(file, group))
        for dataset in datasets:
            arrays[f"{owners}/{names[int(dataset.name.rpartition('/')[2])]}"] = dataset[()]
    return arrays


def _names(group: str, count: int) -> Sequence[str]:
    """What a layer's variables are called, by number; their numbers where that can't be told."""
    kind = re.sub(r"_\d+$", "", group.rpartition("/")[2])
    names = next((names for end, names in VARIABLES.items() if kind.endswith(end)), ())
    if names[-1:] == ("bias",) and count < len(names):
        names = names[:-1]
    return names if len(names) == count else [str(number) for number in range(count)]


def _owners(file: h5py.Group, group: str) -> Iterator[str]:
    """The names of the layers around a variable; Keras leaves out those of functional models, but not of others."""
    parts = group.split("/")
    for end, part in enumerate(parts, 1):
        own = "/".join(parts[:end])
        is_functional = "layers" in file[own] and not part.startswith("sequential")
        if part in CONTAINERS or is_functional:
            continue
        name = file[own]["vars"].attrs.get("name") if "vars" in file[own] else None
        yield str(name or part)


def _of_keras_2(root: h5py.Group) -> Arrays:
    """Each layer has a group of its name, with its variables by theirs: "conv1/conv1/kernel:0" or "conv1/conv1_W"."""
    arrays = {}
    for dataset in _datasets(root):
        layer, _, name = dataset.name.removeprefix(root.name).strip("/").partition("/")
        name = name.removesuffix(":0")
        if old := re.fullmatch(rf"{re.escape(layer)}_(W|b|gamma|beta|running_mean|running_std)(_\d+)?", name):
            name = OLD.get(old[1], old[1])
        arrays[name if "/" in name else f"{layer}/{name}"] = dataset[()]
    for name in [name for name in arrays if name.endswith("/depthwise_kernel")]:
        if name.replace("depthwise", "pointwise") not in arrays:  # it isn't of a separable convolution
            arrays[name.replace("depthwise_kernel", "kernel")] = arrays.pop(name)
    return arrays


def _datasets(group: h5py.Group) -> list[h5py.Dataset]:
    """Every array of a file, none of which may be in another one, or larger than what is stored of it."""
    datasets: list[h5py.Dataset] = []

    def visit(name: str, item: h5py.Group | h5py.Dataset) -> None:  # links to other files aren't visited
        if isinstance(item, h5py.Dataset):
            if item.external or item.is_virtual or item.dtype.kind not in "fiub":
                raise UserError(f"its array {name} isn't plain numbers in the file itself")
            check_size(name, item.size * item.dtype.itemsize, item.id.get_storage_size())
            datasets.append(item)

    group.visititems(visit)
    return datasets


def _saved_model(path: Path) -> Arrays:
    if not (path / "saved_model.pb").is_file():
        versions = sorted(file.parent.name for file in path.glob("*/saved_model.pb"))
        raise UserError(
            f"it is a folder, but no {f'version: name {path / versions[-1]}' if versions else 'SavedModel'}"
        )
    with unpatterned(path) as folder:
        return _variables(folder)


def _variables(path: Path) -> Arrays:
    """Those of the SavedModel in a folder."""
    files = tf.train.load_checkpoint(str(path / "variables" / "variables"))
    stored = sum(file.stat().st_size for file in (path / "variables").iterdir())
    shapes, types = files.get_variable_to_shape_map(), files.get_variable_to_dtype_map()
    graph = trackable_object_graph_pb2.TrackableObjectGraph()
    graph.ParseFromString(files.get_tensor("_CHECKPOINTABLE_OBJECT_GRAPH"))
    arrays = {}
    for variable in (attribute for node in graph.nodes for attribute in node.attributes):
        name, key = variable.full_name, variable.checkpoint_key
        if key in shapes and types[key] != tf.string and not name.endswith("seed_generator_state"):
            check_size(name, int(np.prod(shapes[key], dtype=float)) * types[key].size, stored)
            arrays[name] = files.get_tensor(key)
    return arrays
