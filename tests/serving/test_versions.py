"""Which versions of a model answer while folders come, go, and are broken."""

import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from src.errors import UserError
from src.serving.client import Client
from src.serving.local.errors import Refused
from src.serving.local.servable import Servable
from src.serving.local.versions import RETRIES, RETRY_S, Model, Models, latest, specific
from src.settings import catalogue


def write(path: Path, factor: float) -> None:
    """A SavedModel with a weight: y = factor * x."""
    module = tf.Module()
    module.factor = tf.Variable(factor)
    ask = tf.function(lambda x: {"y": module.factor * x}, input_signature=[tf.TensorSpec([None], name="x")])
    path.parent.mkdir(parents=True, exist_ok=True)
    tf.saved_model.save(module, str(path.with_name(f".{path.name}")), signatures=ask)
    path.with_name(f".{path.name}").rename(path)


@pytest.fixture
def model(tmp_path):
    write(tmp_path / "m" / "1", 1.0)
    found = Model("m", tmp_path / "m")
    found.poll(0.0)
    yield found
    found.close()


def answer(model, **which):
    with model.use(**which) as (number, servable):
        outputs = servable.ask("serving_default", {"x": np.float32([1])}, 10)
    return number, outputs["y"].tolist()


def states(model):
    return {number: version.state for number, version in model.versions.items()}


def test_the_largest_number_answers_and_the_one_before_is_unloaded(model):
    assert answer(model) == (1, [1.0])
    write(model.base / "0007", 7.0)
    write(model.base / "2", 2.0)
    model.poll(1.0)
    assert answer(model) == (7, [7.0])
    assert states(model) == {1: "END", 7: "AVAILABLE"}
    with pytest.raises(Refused, match=r"Specific\(m, 1\)"):
        answer(model, number=1)


@pytest.mark.parametrize("name", ["tmp-8", ".unfinished-9", "9.0", "v9", "tmp9", "-", "99999999999999999999"])
def test_what_is_no_number_is_no_version(model, name):
    shutil.copytree(model.base / "1", model.base / name)
    model.poll(1.0)
    assert states(model) == {1: "AVAILABLE"}


def test_a_removed_version_is_replaced_by_the_one_before(model):
    write(model.base / "2", 2.0)
    model.poll(1.0)
    shutil.rmtree(model.base / "2")
    model.poll(2.0)
    assert answer(model) == (1, [1.0])
    shutil.rmtree(model.base / "1")
    model.poll(3.0)
    with pytest.raises(Refused, match=r"Latest\(m\)") as error:
        answer(model)
    assert error.value.status == 404
    write(model.base / "1", 3.0)
    model.poll(4.0)
    assert answer(model) == (1, [3.0])


def test_without_its_folder_a_model_goes_on(model):
    model.base.rename(model.base.with_name("gone"))
    model.poll(1.0)
    assert answer(model) == (1, [1.0])


def empty(path):
    path.mkdir()


def file(path):
    path.touch()


def without_weights(path):
    write(path, 2.0)
    shutil.rmtree(path / "variables")


def damaged(path):
    write(path, 2.0)
    (path / "saved_model.pb").write_bytes(b"no model")


def truncated(path):
    write(path, 2.0)
    (data,) = (path / "variables").glob("variables.data-*")
    data.write_bytes(data.read_bytes()[:1])


@pytest.mark.parametrize("broken", [empty, file, without_weights, damaged, truncated])
def test_a_broken_version_never_replaces_a_good_one(model, broken):
    broken(model.base / "2")
    for attempt in range(RETRIES + 1):
        model.poll(1.0 + attempt * RETRY_S)
        assert answer(model) == (1, [1.0])
    assert states(model) == {1: "AVAILABLE", 2: "END"}
    assert model.versions[2].error
    write(model.base / "3", 3.0)
    model.poll(1e6)
    assert answer(model) == (3, [3.0])


def test_one_that_failed_is_tried_anew_where_what_answers_is_gone(model):
    without_weights(model.base / "2")
    for attempt in range(RETRIES + 1):
        model.poll(1.0 + attempt * RETRY_S)
    shutil.rmtree(model.base / "2")
    model.poll(1e5)
    write(model.base / "2", 2.0)
    model.poll(1e5 + 1)
    assert answer(model) == (1, [1.0]), "moved away and back: its number is dead"
    shutil.rmtree(model.base / "1")
    model.poll(1e5 + 2)
    assert answer(model) == (2, [2.0])


def test_what_nobody_thought_of_fails_one_version_only(model, monkeypatch):
    monkeypatch.setattr("src.serving.local.versions.Servable", lambda path: 1 / 0)
    write(model.base / "2", 2.0)
    model.poll(1.0)
    assert answer(model) == (1, [1.0])
    assert states(model)[2] == "LOADING"


def test_a_warm_up_gives_requests_no_more_time(tmp_path):
    write(tmp_path / "1", 1.0)
    warm_up(tmp_path / "1", records(tmp_path / "records", log()))
    servable = Servable(tmp_path / "1")
    request = {"x": np.float32([1])}
    assert servable.ask("serving_default", request, 10)["y"].tolist() == [1.0]
    assert {timeout for _, timeout in servable._asks} == {60, 10}
    servable.close()


def test_a_version_that_is_completed_is_loaded_by_the_next_attempt(model):
    without_weights(model.base / "2")
    model.poll(1.0)
    assert states(model)[2] == "LOADING"
    shutil.rmtree(model.base / "2")
    write(model.base / "2", 2.0)
    model.poll(2.0)
    assert states(model)[2] == "LOADING", "not before the time has come"
    model.poll(1.0 + RETRY_S)
    assert answer(model) == (2, [2.0])


def test_several_versions_and_their_labels(tmp_path):
    for number in (1, 2, 3):
        write(tmp_path / "m" / str(number), float(number))
    model = Model("m", tmp_path / "m", specific([1, 2, 9]), {"stable": 1, "canary": 3})
    model.poll(0.0)
    assert answer(model) == (2, [2.0])
    assert answer(model, label="stable") == (1, [1.0])
    with pytest.raises(Refused, match="Unrecognized servable version label: nosuch"):
        answer(model, label="nosuch")
    with pytest.raises(Refused, match=r"Specific\(m, 3\)"):
        answer(model, label="canary")
    model.close()
    assert latest(2)([1, 5, 3]) == {3, 5}


def test_a_model_without_a_version_ends_the_start(tmp_path):
    (tmp_path / "m").mkdir()
    with pytest.raises(Refused, match="has no version"):
        Models([Model("m", tmp_path / "m")]).start()
    write(tmp_path / "m" / "1", 1.0)
    (tmp_path / "m" / "2").mkdir()
    with pytest.raises(Refused, match="its newest version, 2, can't be loaded: fix or remove its folder"):
        Models([Model("m", tmp_path / "m")]).start()


@pytest.mark.long
def test_ten_versions_are_published_while_clients_ask(tmp_path):
    """No request fails, none is answered by half a version, and each one is by one as new as those before."""
    write(tmp_path / "m" / "1", 1.0)
    config = tmp_path / "models.config"
    config.write_text(f'model_config_list {{ config {{ name: "m" base_path: "{tmp_path / "m"}" }} }}')
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    client = Client(f"http://127.0.0.1:{port}", "m")
    failed, seen, ends = [], [[], [], [], []], threading.Event()

    def ask(seen):
        while not ends.is_set():
            try:
                seen += client.post({"instances": [1.0]})["predictions"]
            except UserError as error:
                failed.append(str(error))

    words = [sys.executable, "-m", "src.serving.local.server", "--config", str(config), "--port", str(port)]
    with subprocess.Popen(words, cwd=catalogue.ROOT) as server:
        try:
            wait_for(client, 1)
            threads = [threading.Thread(target=ask, args=[numbers]) for numbers in seen]
            for thread in threads:
                thread.start()
            for number in range(2, 12):
                if number == 6:
                    shutil.copytree(tmp_path / "m" / "5", tmp_path / "half" / "6")
                    shutil.rmtree(tmp_path / "half" / "6" / "variables")
                    (tmp_path / "half" / "6").rename(tmp_path / "m" / "6")
                else:
                    write(tmp_path / "m" / str(number), float(number))
                    wait_for(client, number)
        finally:
            ends.set()
            for thread in threads:
                thread.join()
            server.terminate()
    assert not failed
    for numbers in seen:
        assert numbers == sorted(numbers)
        assert set(map(float, (1, 5, 7, 11))) <= set(numbers) <= set(map(float, range(1, 12))) - {6.0}


def wait_for(client, version):
    deadline = time.monotonic() + 60
    while client.available() != version:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def warm_up(path, content):
    (path / "assets.extra").mkdir()
    (path / "assets.extra" / "tf_serving_warmup_requests").write_bytes(content)


def log(signature="serving_default", name="x", value=None):
    request = predict_pb2.PredictRequest()
    request.model_spec.signature_name = signature
    request.inputs[name].CopyFrom(tf.make_tensor_proto(np.float32([1]) if value is None else value))
    return prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))


def records(path, *messages):
    with tf.io.TFRecordWriter(str(path)) as writer:
        for message in messages:
            writer.write(message if isinstance(message, bytes) else message.SerializeToString())
    return path.read_bytes()


@pytest.mark.parametrize(
    "content", [b"", log(), prediction_log_pb2.PredictionLog()], ids=["empty", "good", "no request"]
)
def test_a_warm_up_is_run(tmp_path, content):
    write(tmp_path / "1", 1.0)
    warm_up(tmp_path / "1", content if content == b"" else records(tmp_path / "records", content))
    Servable(tmp_path / "1").close()


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda file: b"these are no records at all", "DATA_LOSS"),
        (lambda file: records(file, log())[:-6], "DATA_LOSS"),
        (lambda file: records(file, b"\xff no log"), "INVALID_ARGUMENT"),
        (lambda file: records(file, log(value=np.int32([1]))), "INVALID_ARGUMENT"),
        (lambda file: records(file, log(name="z")), "INVALID_ARGUMENT"),
        (lambda file: records(file, log(signature="nosuch")), "FAILED_PRECONDITION"),
        (lambda file: records(file, *[log()] * 1001), "INVALID_ARGUMENT"),
    ],
    ids=["none", "truncated", "no log", "another type", "another name", "another signature", "too many"],
)
def test_a_warm_up_that_fails_fails_the_load(tmp_path, make, code):
    write(tmp_path / "1", 1.0)
    warm_up(tmp_path / "1", make(tmp_path / "records"))
    with pytest.raises(Refused) as error:
        Servable(tmp_path / "1")
    assert error.value.code == code
