"""PyTorch's files: tensors come out in Keras' layout, without PyTorch, and a file that carries code is refused."""

import io
import os
import pickle
import struct
import sys
import zipfile
from collections import OrderedDict
from types import ModuleType

import numpy as np
import pytest

from src.errors import UserError
from src.readers import checkpoints, torch_files

STORAGES = {"float32": "FloatStorage", "int64": "LongStorage"}


class Stored:
    """A storage: its key and its numbers."""

    def __init__(self, key, array):
        self.key, self.array = key, array


class Rebuilt:
    """A tensor as PyTorch pickles one: the call that rebuilds it from its storage."""

    def __init__(self, key, array, strides=None):
        self.storage, self.shape = Stored(key, array), array.shape
        self.strides = strides or tuple(stride // array.itemsize for stride in array.strides)

    def __reduce__(self):
        parts = self.storage, 0, self.shape, self.strides, False, OrderedDict()
        return sys.modules["torch._utils"]._rebuild_tensor_v2, parts


class Pickler(pickle.Pickler):
    """One that refers to storages by what PyTorch calls a persistent id."""

    def persistent_id(self, thing):
        if isinstance(thing, Stored):
            type = getattr(sys.modules["torch"], STORAGES[str(thing.array.dtype)])
            return "storage", type, thing.key, "cpu", thing.array.size, None
        return None


@pytest.fixture
def torch(monkeypatch):
    """Modules with the names that such files call."""
    modules = {name: ModuleType(name) for name in ("torch", "torch._utils")}
    for name in (*STORAGES.values(), "ComplexFloatStorage"):
        setattr(modules["torch"], name, type(name, (), {"__module__": "torch", "__qualname__": name}))
    exec("def _rebuild_tensor_v2(*parts): ...", modules["torch._utils"].__dict__)
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)


def pickled(content) -> bytes:
    file = io.BytesIO()
    Pickler(file, 2).dump(content)
    return file.getvalue()


def save(path, tensors, zipped=True):
    """Writes arrays by name in one of PyTorch's two formats."""
    arrays = {str(number): array for number, array in enumerate(tensors.values())}
    content = pickled(OrderedDict(zip(tensors, (Rebuilt(*pair) for pair in arrays.items()), strict=True)))
    if zipped:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", content)
            for key, array in arrays.items():
                archive.writestr(f"archive/data/{key}", array.tobytes())
        return
    with open(path, "wb") as file:
        for part in (torch_files.STREAM, 1001, {"little_endian": True}):
            file.write(pickle.dumps(part, 2))
        file.write(content)
        file.write(pickle.dumps(list(arrays), 2))
        for array in arrays.values():
            file.write(struct.pack("<q", array.size) + array.tobytes())


@pytest.mark.parametrize("zipped", [True, False])
def test_tensors_get_the_names_and_the_layout_of_keras(torch, tmp_path, zipped):
    random = np.random.default_rng(0)
    shapes = {
        "_stem.weight": (8, 1, 3, 3),  # of grey pictures
        "_blocks.0._depthwise.weight": (8, 1, 5, 3),
        "_blocks.0._conv.weight": (6, 8, 1, 1),
        "_blocks.0._bn1.weight": (6,),
        "_blocks.0._bn1.bias": (6,),
        "_blocks.0._bn1.running_mean": (6,),
        "_blocks.0._bn1.running_var": (6,),
        "fc.weight": (4, 6),
        "fc.bias": (4,),
        "token": (1, 6),
    }
    tensors = {name: random.random(shape, "float32") for name, shape in shapes.items()}
    save(tmp_path / "a.pth", {**tensors, "_blocks.0._bn1.num_batches_tracked": np.array(7)}, zipped)
    arrays = checkpoints.read(tmp_path / "a.pth")
    expected = {
        "stem/kernel": tensors["_stem.weight"].transpose(2, 3, 1, 0),
        "blocks_0_depthwise/kernel": tensors["_blocks.0._depthwise.weight"].transpose(2, 3, 0, 1),
        "blocks_0_conv/kernel": tensors["_blocks.0._conv.weight"].transpose(2, 3, 1, 0),
        "blocks_0_bn1/gamma": tensors["_blocks.0._bn1.weight"],
        "blocks_0_bn1/beta": tensors["_blocks.0._bn1.bias"],
        "blocks_0_bn1/moving_mean": tensors["_blocks.0._bn1.running_mean"],
        "blocks_0_bn1/moving_variance": tensors["_blocks.0._bn1.running_var"],
        "fc/kernel": tensors["fc.weight"].T,
        "fc/bias": tensors["fc.bias"],
        "token": tensors["token"],
    }
    assert arrays.keys() == expected.keys()
    for path, array in expected.items():
        np.testing.assert_array_equal(arrays[path], array, err_msg=path)


class Harmful:
    def __reduce__(self):
        return os.system, ("touch harmed",)


def refusal(tmp_path, content, **members) -> str:
    """What is said of a file with that content."""
    with zipfile.ZipFile(tmp_path / "a.pth", "w") as archive:
        archive.writestr("archive/data.pkl", content)
        for name, data in members.items():
            archive.writestr(f"archive/data/{name}", data)
    with pytest.raises(UserError) as told:
        checkpoints.read(tmp_path / "a.pth")
    return str(told.value).removeprefix(f"{tmp_path / 'a.pth'} ")


@pytest.mark.parametrize("protocol", range(6))
def test_a_file_that_carries_code_is_refused_by_name(tmp_path, monkeypatch, protocol):
    monkeypatch.chdir(tmp_path)
    said = refusal(tmp_path, pickle.dumps({"weight": Harmful()}, protocol))
    assert said == f"was not read: it carries more than weights: {os.name}.system; save the model's state_dict() alone"
    assert not (tmp_path / "harmed").exists()


def test_a_tensor_larger_than_its_storage_is_refused(torch, tmp_path):
    small = np.zeros(4, "float32")
    stretched = Rebuilt("0", np.broadcast_to(np.float32(0), (1000, 1000)), (0, 0))
    assert "a.weight claims 4,000,000 bytes" in refusal(tmp_path, pickled({"a.weight": stretched}), **{"0": bytes(16)})
    beyond = Rebuilt("0", small, (9,))
    assert "can't be read: " in refusal(tmp_path, pickled({"a.weight": beyond}), **{"0": bytes(16)})


def test_a_storage_of_anything_but_numbers_is_refused(torch, tmp_path):
    content = pickled({"a.weight": Rebuilt("0", np.zeros(2, "float32"))}).replace(b"ctorch\nFloatStorage\n", b"U\x01O")
    assert "its storage 0 isn't plain numbers" in refusal(tmp_path, content, **{"0": bytes(16)})
    content = pickled({"a.weight": Rebuilt("0", np.zeros(2, "float32"))}).replace(
        b"FloatStorage", b"ComplexFloatStorage"
    )
    assert "its numbers are ComplexFloat, which isn't read" in refusal(tmp_path, content)


def test_names_that_become_the_same_are_refused(torch, tmp_path):
    same = {"a.b.weight": Rebuilt("0", np.zeros(2, "float32")), "a_b.weight": Rebuilt("0", np.zeros(2, "float32"))}
    assert "two of its tensors would be called a_b/gamma" in refusal(tmp_path, pickled(same), **{"0": bytes(8)})
