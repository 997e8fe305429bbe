"""Cross-validation: how folds are cut, and what training on each leaves."""

import json
import time

import numpy as np
import pytest

from src.data import Data
from src.errors import UsageError, UserError
from src.preprocess.tables import columns
from src.runs.run import load_run
from src.settings import catalogue
from src.sources.folds import splits_of
from src.sources.memory import InMemory
from src.specs import UNLABELLED, Boxes, Classes, Columns, Series
from src.system.signals import Stopped
from tests.nets import written
from tests.samples import PAIRS
from tests.training.kills import assert_same, start

FOLDS = 4


def fold_of(data, fold, folds):
    return splits_of(data, fold=fold, folds=folds)[0]


def source(labels, start=0, groups=None):
    """Examples whose one number says which they are."""
    raw = {"number": np.arange(start, start + len(labels)).astype("float32")}
    return InMemory.of(raw, np.array(labels, "int32"), groups=groups)


def data_set(groups=None):
    train, validation = [0] * 8 + [1] * 16, [0] * 4 + [1] * 8
    parts = (None, None) if groups is None else (groups[:24], groups[24:])
    return Data.adapted(
        columns,
        source(train, 0, parts[0]),
        validation=source(validation, 24, parts[1]),
        test=source([0, 1], 100),
        outputs=Classes(("no", "yes")),
    )


def numbers(source):
    return source.examples(len(source))[0]["number"].astype(int).tolist()


def test_each_example_validates_once_and_trains_otherwise():
    folds = [fold_of(data_set(), fold, FOLDS) for fold in range(1, FOLDS + 1)]
    assert sorted(number for data in folds for number in numbers(data.validation)) == list(range(36))
    for data in folds:
        assert sorted(numbers(data.train) + numbers(data.validation)) == list(range(36))
        assert numbers(data.test) == [100, 101]
        _, labels = data.validation.examples(9)
        assert np.bincount(labels).tolist() == [3, 6], "as in the whole"


def test_each_fold_has_boxes_and_the_rarest_class_where_there_are_enough():
    """Of 40 pictures 32 have a box of the commonest class, four of them one of the rarest, too, and 8 have no box."""
    label = np.full((40, 3), UNLABELLED, "int32")
    label[:32, 0], label[::8, 1], label[5, 2] = 1, 2, 0
    label[32:] = UNLABELLED
    target = {"box": np.zeros((40, 3, 4), "float32"), "label": label}

    def part(rows):
        number = np.arange(40)[rows].astype("float32")
        return InMemory.of({"number": number}, {name: column[rows] for name, column in target.items()})

    outputs = Boxes(8, 8, ("dog", "cat", "cow"), 3)
    data = Data.adapted(columns, part(slice(30)), validation=part(slice(30, 40)), test=part(slice(2)), outputs=outputs)
    for fold in range(1, FOLDS + 1):
        found = label[numbers(fold_of(data, fold, FOLDS).validation)]
        assert [(found == kind).any(axis=1).sum() for kind in (1, 2)] == [8, 1]
        assert (found == UNLABELLED).all(axis=1).sum() == 2


def test_the_folds_are_the_same_each_time():
    one, other = (fold_of(data_set(), 2, FOLDS) for _ in range(2))
    assert numbers(one.train) == numbers(other.train)


def test_features_are_adapted_to_the_fold():
    for fold in range(1, FOLDS + 1):
        data = fold_of(data_set(), fold, FOLDS)
        (number,) = data.train.examples(len(data.train))[0].values()
        features = data.preprocess({"number": number})["numeric"].numpy()
        assert features.mean() == pytest.approx(0, abs=1e-6)
        assert features.std() == pytest.approx(1, abs=1e-5)


def test_what_belongs_together_is_in_one_fold():
    groups = np.arange(36) // 3
    for fold in range(1, FOLDS + 1):
        data = fold_of(data_set(groups), fold, FOLDS)
        train, validation = ({groups[number] for number in numbers(part)} for part in (data.train, data.validation))
        assert not train & validation


def test_a_features_model_that_can_not_be_adapted_anew_is_refused():
    data = data_set()
    fixed = Data(data.train, data.validation, data.test, data.inputs, data.outputs, data.preprocess)
    with pytest.raises(UserError, match="adapt"):
        fold_of(fixed, 1, FOLDS)


def test_more_folds_than_examples_are_refused():
    with pytest.raises(UserError, match=r"36 examples.*40 folds"):
        fold_of(data_set(), 1, 40)


@pytest.mark.parametrize("name", sorted({data for _, data in PAIRS}))
def test_every_data_set_is_dealt_out_or_says_why_not(name):
    file = catalogue.dataset(name)
    data = catalogue.load(file).load()
    try:
        part = fold_of(data, 1, FOLDS)
    except UserError as error:
        assert "pieces of one text or series" in str(error)
        return
    assert len(part.train) + len(part.validation) == len(data.train) + len(data.validation)
    assert type(part.inputs) is type(data.inputs)


PAIR = next((pair for pair in PAIRS if catalogue.dataset(pair[1]).inputs == (Columns,)), None)
needs_pair = pytest.mark.skipif(PAIR is None, reason="no model for a table that needs no download")


@needs_pair
@pytest.mark.parametrize(
    ("knobs", "said"),
    [
        ({"folds": 1}, "folds has to be 2 or more"),
        ({"folds": -2}, "folds has to be 2 or more"),
        ({"fold": 1}, "no effect without folds"),
        ({"folds": 3, "fold": 4}, "from 1 to 3"),
        ({"folds": 3, "export_name": "model"}, "none of their models is exported"),
    ],
)
def test_numbers_that_can_not_be_are_refused(tmp_path, knobs, said):
    from src.crossvalidation import train_command

    with pytest.raises(UserError, match=said):
        train_command(PAIR[0], data=PAIR[1], runs_dir=str(tmp_path), **knobs)


@needs_pair
def test_a_model_for_each_fold(tmp_path, capsys):
    from src.crossvalidation import cross_validate
    from src.evaluate import evaluate

    runs = cross_validate(PAIR[0], data=PAIR[1], folds=2, epochs=2, runs_dir=str(tmp_path))
    (folder,) = tmp_path.iterdir()
    written = json.loads((folder / "folds.json").read_text())
    assert written["runs"] == [run.path.name for run in runs]
    for name, each in written["validation"].items():
        assert each == [run.metrics["validation"][name] for run in runs]
    sizes = [{name: part["examples"] for name, part in run.manifest["splits"].items()} for run in runs]
    assert all(set(size) == {"train", "validation"} for size in sizes), "the test split isn't read"
    assert sizes[0]["train"] == sizes[1]["validation"]
    assert "in 2 folds" in capsys.readouterr().out
    again = evaluate(runs[0].path)
    assert again["validation"] == pytest.approx(runs[0].metrics["validation"], rel=1e-4)


def test_keras_objects_are_used_in_each_fold(tmp_path):
    import keras

    from src.crossvalidation import cross_validate

    epochs = []
    given = {
        "callbacks": [keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: epochs.append(epoch))],
        "optimizer": keras.optimizers.SGD(0.1),
        "metrics": [keras.metrics.SparseTopKCategoricalAccuracy(2, name="top_2")],
    }
    data, runs_dir = (np.random.default_rng(0).random((60, 3)), np.arange(60) % 3), tmp_path / "runs"
    runs = cross_validate(written(tmp_path), data=data, folds=2, epochs=2, verbose=False, runs_dir=runs_dir, **given)
    assert epochs == [0, 1, 0, 1]
    for run in runs:
        assert run.config["by_hand"]["optimizer"]["class_name"] == "SGD"
        assert run.metrics["validation"]["accuracy"] <= run.metrics["validation"]["top_2"] <= 1


@pytest.mark.parametrize(
    ("knobs", "said"), [({}, "say folds=5"), ({"folds": 3, "fold": 2}, "trains every fold: leave fold=2 out")]
)
def test_all_folds_are_asked_for(tmp_path, knobs, said):
    from src.crossvalidation import cross_validate

    with pytest.raises(UserError, match=said):
        cross_validate(
            written(tmp_path), data=(np.zeros((9, 2)), np.arange(9) % 3), runs_dir=tmp_path / "runs", **knobs
        )
    assert not (tmp_path / "runs").exists()


@pytest.mark.long
@needs_pair
def test_folds_that_were_stopped_go_on(tmp_path, capsys):
    from src import cli
    from src.crossvalidation import cross_validate

    runs_dir = tmp_path / "new" / "runs"
    knobs = {"folds": 2, "epochs": 2, "limit": 60, "seed": 3}
    whole = cross_validate(
        PAIR[0], data=PAIR[1], **knobs, verbose=False, tensorboard=False, runs_dir=tmp_path / "whole"
    )
    words = ["--no-tensorboard", *(f"--{name}={value}" for name, value in knobs.items())]
    assert cli.main(["train", PAIR[0], "--data", PAIR[1], *words, "--pause", "1", "--runs-dir", str(runs_dir)]) == 130
    (folder,) = runs_dir.glob("*-folds")
    assert f"stopped; resume with:\n  make train MODEL={PAIR[0]} RESUME={folder}\n" in capsys.readouterr().err
    with pytest.raises(UsageError, match="was started with seed 3, not 4"):
        cross_validate(PAIR[0], resume=folder, seed=4)
    with pytest.raises(UserError, match="name one of them"):
        load_run(folder)
    assert cli.main(["train", PAIR[0], "--resume", "1", "--runs-dir", str(runs_dir)]) == 130  # in the second fold
    assert f"RESUME={folder}\n" in capsys.readouterr().err
    assert cli.main(["train", PAIR[0], "--resume", str(folder)]) == 0
    assert "fold 1 of 2 is finished\n" in capsys.readouterr().out
    again = cross_validate(PAIR[0], resume=folder)
    assert len(list(folder.glob("*/config.json"))) == 2
    for one, other in zip(whole, again, strict=True):
        assert one.history == other.history
        assert one.metrics == other.metrics
    assert json.loads((folder / "folds.json").read_text())["runs"] == [run.path.name for run in again]


@pytest.mark.long
@needs_pair
def test_folds_that_were_killed_end_to_the_bit(tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    words = [PAIR[0], "--data", PAIR[1], "--folds", "2", "--deterministic", "--save-every", "0", "--no-tensorboard"]
    assert start(whole, *words).wait() == 0
    process = start(killed, *words)
    while not list(killed.glob("*-folds/*-fold2/state/*.state")):
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.01)
    process.kill()
    process.wait()
    three = [start(killed, PAIR[0], "--resume", "1") for _ in range(3)]
    codes = {process.wait() for process in three}
    log = killed.with_suffix(".log").read_text()
    assert 0 in codes <= {0, 1} and "Traceback" not in log, log
    for fold in ("fold1", "fold2"):
        assert_same(next(whole.glob(f"*-folds/*-{fold}")), next(killed.glob(f"*-folds/*-{fold}")))
    one, other = (json.loads(next(folder.glob("*-folds/folds.json")).read_text()) for folder in (whole, killed))
    assert one["validation"] == other["validation"]


@pytest.mark.long
def test_objects_and_data_are_given_again_where_folds_go_on(tmp_path):
    import keras

    from src.crossvalidation import cross_validate

    model, data = written(tmp_path), (np.random.default_rng(0).random((60, 3)), np.arange(60) % 3)
    objects = {"data": data, "optimizer": keras.optimizers.SGD(0.1)}

    class StopsInTheSecondFold(keras.callbacks.Callback):
        folds = 0

        def on_train_begin(self, logs=None):
            StopsInTheSecondFold.folds += 1
            if self.folds == 2:
                raise KeyboardInterrupt

    stopping = [StopsInTheSecondFold()]
    again = r"stopped; resume with:\n  cross_validate\('.*small_net.py', resume='.*-folds', callbacks=…, .*data=…\)"
    with pytest.raises(Stopped, match=again):
        cross_validate(
            model, **objects, callbacks=stopping, folds=3, epochs=2, verbose=False, runs_dir=tmp_path / "runs"
        )
    (folder,) = (tmp_path / "runs").iterdir()
    with pytest.raises(UserError, match="given from Python"):
        cross_validate(model, resume=folder)
    with pytest.raises(UserError, match="with other optimizer"):
        cross_validate(model, **objects | {"optimizer": keras.optimizers.SGD(0.2)}, callbacks=stopping, resume=folder)
    with pytest.raises(UserError, match=r"was trained on other data: its \w+ split had other examples"):
        cross_validate(model, **objects | {"data": (data[0] + 1, data[1])}, callbacks=stopping, resume=folder)
    runs = cross_validate(model, **objects, callbacks=stopping, resume=folder)
    assert [run.config["knobs"]["fold"] for run in runs] == [1, 2, 3]
    assert StopsInTheSecondFold.folds == 4, "the first fold is kept"


@pytest.mark.long
@needs_pair
def test_one_fold_is_trained_alone(tmp_path):
    from src.crossvalidation import cross_validate
    from src.train import train

    knobs = {"data": PAIR[1], "epochs": 2, "verbose": False, "runs_dir": str(tmp_path), "export": False}
    each = cross_validate(PAIR[0], folds=2, **knobs)
    alone = train(PAIR[0], folds=2, fold=2, test=False, **knobs)
    assert alone.metrics["validation"] == pytest.approx(each[1].metrics["validation"], rel=1e-4)


@pytest.mark.skipif(not any(catalogue.dataset(data).inputs == (Series,) for _, data in PAIRS), reason="no series")
def test_a_series_is_not_dealt_out(tmp_path):
    from src.crossvalidation import cross_validate

    model, data = next(pair for pair in PAIRS if catalogue.dataset(pair[1]).inputs == (Series,))
    with pytest.raises(UserError, match="pieces of one text or series"):
        cross_validate(model, data=data, folds=3, verbose=False, runs_dir=str(tmp_path))
    assert not list(tmp_path.iterdir()), "nothing is left of it"
