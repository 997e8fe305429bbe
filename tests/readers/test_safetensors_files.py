"""Safetensors' files: tensors come out in Keras' layout, and a file that claims what it hasn't is refused."""

import json

import numpy as np
import pytest
import tensorflow as tf

from src.errors import UserError
from src.readers import checkpoints

TYPES = {"float32": "F32", "float16": "F16", "bfloat16": "BF16", "int64": "I64"}


def save(path, tensors, **changes):
    """Writes arrays by name as such a file has them, with `changes` of what it says of the first."""
    header, end = {"__metadata__": {"format": "pt"}}, 0
    for name, array in tensors.items():
        begin, end = end, end + array.nbytes
        header[name] = {"dtype": TYPES[str(array.dtype)], "shape": array.shape, "data_offsets": (begin, end)}
    header[next(iter(tensors))] |= changes
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + b"".join(array.tobytes() for array in tensors.values()))


def test_tensors_get_the_names_and_the_layout_of_keras(tmp_path):
    random = np.random.default_rng(0)
    shapes = {
        "embeddings.word_embeddings.weight": (7, 4),
        "embeddings.LayerNorm.weight": (4,),
        "layer.0.dense.weight": (3, 4),
        "layer.0.dense.bias": (3,),
    }
    tensors = {name: random.random(shape, "float32") for name, shape in shapes.items()}
    save(tmp_path / "a.safetensors", {**tensors, "position_ids": np.arange(6)})
    expected = {
        "embeddings_word_embeddings/embeddings": tensors["embeddings.word_embeddings.weight"],
        "embeddings_LayerNorm/gamma": tensors["embeddings.LayerNorm.weight"],
        "layer_0_dense/kernel": tensors["layer.0.dense.weight"].T,
        "layer_0_dense/bias": tensors["layer.0.dense.bias"],
        "position_ids": np.arange(6),
    }
    arrays = checkpoints.read(tmp_path / "a.safetensors")
    assert arrays.keys() == expected.keys()
    for path, array in expected.items():
        np.testing.assert_array_equal(arrays[path], array, err_msg=path)


@pytest.mark.parametrize("type", ["float16", tf.bfloat16.as_numpy_dtype])
def test_numbers_in_half_precision_are_taken(tmp_path, type):
    save(tmp_path / "a.safetensors", {"scale.weight": np.array([1.5, -2], type)})
    np.testing.assert_array_equal(checkpoints.read(tmp_path / "a.safetensors")["scale/gamma"], [1.5, -2])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"shape": (1000, 1000)}, r"a.weight claims 4,000,000 bytes, of which 16 are in the file"),
        ({"data_offsets": (0, 4_000_000), "shape": (1000, 1000)}, r"claims 4,000,000 bytes, of which 16 are"),
        ({"dtype": "F8_E4M3"}, "its tensor a.weight is F8_E4M3, which isn't read; save it as F32"),
        ({"shape": None}, "can't be read: "),
    ],
)
def test_what_a_file_has_not_is_refused(tmp_path, changes, said):
    save(tmp_path / "a.safetensors", {"a.weight": np.zeros(4, "float32")}, **changes)
    with pytest.raises(UserError, match=said):
        checkpoints.read(tmp_path / "a.safetensors")


@pytest.mark.parametrize("content", [b"", b"\xff" * 100, b"\2" + bytes(7) + b"[]", b"\2" + bytes(7) + b"{}"])
def test_a_damaged_file_is_refused(tmp_path, content):
    (tmp_path / "a.safetensors").write_bytes(content)
    with pytest.raises(UserError, match=r"a\.safetensors (can't be read|holds no weights)"):
        checkpoints.read(tmp_path / "a.safetensors")
