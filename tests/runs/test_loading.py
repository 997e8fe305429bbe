"""Files of a run that are damaged or hostile: refused in one line, and nothing in them is executed."""

import json
import os
import shutil
import zipfile

import h5py
import keras
import pytest

from src import specs
from src.errors import UserError
from src.runs import record
from src.runs.loading import load_model
from src.runs.run import load_run
from src.settings import config
from src.specs import Classes, Vector
from src.system.files import read_record


@pytest.fixture(scope="module")
def keras_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("good") / "model.keras"
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save(path)
    return path


def test_a_good_file_is_opened(keras_file):
    assert load_model(keras_file).output_shape == (None, 2)


def test_a_file_that_carries_code_is_refused(tmp_path):
    path, witness = tmp_path / "code.keras", tmp_path / "executed"

    def evil(x):
        os.makedirs(witness, exist_ok=True)
        return x

    keras.Sequential([keras.Input((3,)), keras.layers.Lambda(lambda x: evil(x), output_shape=(3,))]).save(path)
    shutil.rmtree(witness, ignore_errors=True)
    with pytest.raises(UserError, match=r"code\.keras was not opened: it carries code.*Lambda"):
        load_model(path)
    assert not witness.exists()


@pytest.mark.parametrize("module", ["os", "builtins", "subprocess", "src.cli"])
def test_a_file_that_names_a_function_outside_keras_is_refused(tmp_path, keras_file, module):
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(keras_file) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "config.json":
                whole = json.loads(content)
                layer = whole["config"]["layers"][-1]
                layer |= {"module": module, "class_name": "system", "registered_name": "system"}
                content = json.dumps(whole).encode()
            new.writestr(name, content)
    with pytest.raises(UserError, match="can't be opened"):
        load_model(path)


@pytest.mark.parametrize("name", ["../outside", "assets/../../outside", "/outside", "..\\outside", "C:\\outside"])
def test_a_member_that_would_leave_the_folder_is_refused(tmp_path, keras_file, name):
    path = tmp_path / "model.keras"
    shutil.copy(keras_file, path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, "x")
    with pytest.raises(UserError, match="outside its folder"):
        load_model(path)


@pytest.mark.parametrize("length", [0, 1, 100, 2000, -1])
def test_a_file_that_was_cut_short_is_refused(tmp_path, keras_file, length):
    path = tmp_path / "model.keras"
    path.write_bytes(keras_file.read_bytes()[:length])
    with pytest.raises(UserError, match=r"model\.keras can't be opened"):
        load_model(path)


RUN = {
    "format": record.FORMAT,
    "model": "m",
    "data": "d",
    "task": "t",
    "started": "2026-01-02T00:00:00+00:00",
    "knobs": {},
    "resolved": {"precision": "float32"},
    "inputs": specs.to_json(Vector(3)),
    "outputs": specs.to_json(Classes(("a", "b"))),
}


SPLIT = {"examples": 1, "sha256": ""}
WRONG = [
    ("started", 5), ("started", "soon"), ("knobs", []), ("resolved", {}), ("resolved", []), ("outputs", {}),
    ("outputs", {"kind": "os"}), ("inputs", {"kind": "Vector", "length": 3}), ("inputs", None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "config.json is damaged"),
        ("[]", "has to hold named values"),
        ("{}", "lacks format"),
        (json.dumps({**RUN, "format": 99}), "the format 99"),
        *((json.dumps({**RUN, name: wrong}), f"damaged: {name}") for name, wrong in WRONG),
        (json.dumps({name: RUN[name] for name in RUN if name not in ("task", "inputs")}), "lacks inputs"),
        (None, "it has no config.json"),
    ],
)
def test_a_configuration_that_is_none_is_named(tmp_path, content, said):
    if content is not None:
        (tmp_path / "config.json").write_text(content)
    with pytest.raises(UserError, match=said):
        record.of_run(tmp_path)


@pytest.mark.parametrize("name", ["metrics.json", "manifest.json"])
@pytest.mark.parametrize("content", [b"{", b"[]", b"null", b"{}", b"\xff"])
def test_a_damaged_file_of_a_run_is_named(tmp_path, name, content):
    good = {"metrics.json": {"train": {}, "validation": {}, "baseline": {"predictor": "none"}}}
    good |= {
        "manifest.json": {"splits": dict.fromkeys(["train", "validation"], SPLIT), "in_two_splits": []},
        "config.json": RUN,
    }
    for file, values in good.items():
        (tmp_path / file).write_text(json.dumps(values))
    assert load_run(tmp_path).config["model"] == "m"
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=name):
        load_run(tmp_path)


def test_a_missing_name_is_named(tmp_path):
    (tmp_path / "some.json").write_text('{"a": 1}')
    assert read_record(tmp_path / "some.json", "a") == {"a": 1}
    with pytest.raises(UserError, match=r"some\.json lacks b, c\."):
        read_record(tmp_path / "some.json", "a", "b", "c")


def test_a_damaged_run_does_not_hide_the_others(tmp_path):
    for name, content in {
        "good": json.dumps(RUN),
        "bad": "{",
        "old": json.dumps({**RUN, "started": "2026-01-02T01:00:00+02:00"}),
    }.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(content)
    assert record.newest_run(tmp_path, "m", "d", "config.json") == tmp_path / "good"
    assert record.newest_run(tmp_path, "m", "other", "config.json") is None


def test_a_knob_that_a_run_lacks_is_named(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({**RUN, "knobs": {"width": 3}}))
    width, depth = (config.Knob(name, int, 1, "", "models/m.py:1") for name in ("width", "depth"))
    assert record.knobs_of_run(tmp_path, [width]) == {"width": 3}
    with pytest.raises(UserError, match="lacks the knobs depth"):
        record.knobs_of_run(tmp_path, [width, depth])


def planted(keras_file, path, change=lambda whole: None, **members):
    """A copy of a good file with other layers or members, compressed as well as can be."""
    with zipfile.ZipFile(keras_file) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = members.get(name.replace(".", "_"), old.read(name))
            if name == "config.json":
                change(whole := json.loads(content))
                content = json.dumps(whole).encode()
            new.writestr(name, content)
        for name in members.keys() - {name.replace(".", "_") for name in old.namelist()}:
            new.writestr(name, members[name])
    return path


def test_a_file_that_unpacks_to_far_more_is_refused(tmp_path, keras_file):
    path = planted(keras_file, tmp_path / "model.keras", asset=b"\0" * 200_000_000)
    assert path.stat().st_size < 1_000_000
    with pytest.raises(UserError, match=r"model\.keras was not opened: its [\d,]+ bytes would become 200,"):
        load_model(path)


def test_weights_that_unpack_to_far_more_are_refused(tmp_path, keras_file):
    with h5py.File(tmp_path / "weights.h5", "w") as file:
        file.create_dataset("vars/0", (10_000, 10_000), chunks=(1000, 1000), compression="gzip")  # all 0, never written
    weights = (tmp_path / "weights.h5").read_bytes()
    path = planted(keras_file, tmp_path / "model.keras", model_weights_h5=weights)
    with pytest.raises(UserError, match=r"was not opened: its [\d,]+ bytes would become 400,000,000"):
        load_model(path)


def test_layers_that_are_far_larger_than_the_file_are_refused(tmp_path, keras_file):
    def huge(whole):
        whole["config"]["layers"][-1]["config"]["units"] = 10**9

    path = planted(keras_file, tmp_path / "model.keras", huge)
    with pytest.raises(UserError, match=r"was not opened: its layers would have 3,000,000,000 weights, and it has 8\."):
        load_model(path)
    assert load_model(keras_file).count_params() == 8
