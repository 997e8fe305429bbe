"""What a training proposes at its end."""

import shlex
from pathlib import Path
from types import SimpleNamespace

import pytest

from src.reports.next_steps import next_steps
from src.runs import record
from src.settings import catalogue
from src.specs import Classes, Image, Tokens, to_json
from src.system.files import write_json

PUBLISHED = [
    file for file in catalogue.models().values() if file.pretrained and {Image, Classes} <= {*file.takes, *file.gives}
]
if not PUBLISHED or "images" not in catalogue.datasets():
    pytest.skip("no model has published weights", allow_module_level=True)


PHOTOGRAPH = Image(96, 128, 3)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where no other run is compared with


def run(inputs=PHOTOGRAPH, examples=300, model="own", **config):
    """As far as a run is looked at."""
    specs = {"inputs": to_json(inputs), "outputs": to_json(Classes(("a", "b")))}
    named = {
        "model": model,
        "data": "images",
        "task": "classification",
        "knobs": {"path": "my photos", "runs_dir": "runs"},
    }
    config["knobs"] = {**named["knobs"], **config.get("knobs", {})}
    named["origins"] = {"path": "flag", "runs_dir": "default"}
    manifest = {"splits": {"train": {"examples": examples, "sha256": "1"}}}
    return SimpleNamespace(path=Path("runs/one"), requests={}, manifest=manifest, config={**specs, **named, **config})


def weights(run):
    """The words of the command that begins with published weights, if it is proposed."""
    return [shlex.split(command) for command in next_steps(run, None) if "--pretrained" in command]


def test_few_photographs_are_better_learnt_from_published_weights():
    first = ["make", "train", f"MODEL={PUBLISHED[0].name}", "DATA=images", "ARGS=--path 'my photos' --pretrained"]
    assert weights(run()) == [first]
    assert weights(run(model=PUBLISHED[-1].name))[0][2] == f"MODEL={PUBLISHED[-1].name}"


def test_a_flag_chooses_what_weights_are_published_for():
    if not {"resnet", "unet", "masks"} <= {*catalogue.models(), *catalogue.datasets()}:
        pytest.skip("the models that have a choice without weights were deleted")
    small, same = run(model="resnet", knobs={"depth": 18}), run(model="resnet", knobs={"depth": 50})
    assert weights(small)[0][4] == "ARGS=--path 'my photos' --depth 50 --pretrained"
    assert weights(same)[0][4] == "ARGS=--path 'my photos' --pretrained"
    masks = run(model="unet", data="masks", task="segmentation", knobs={"encoder": "plain"})
    assert weights(masks)[0][2:] == [
        "MODEL=unet",
        "DATA=masks",
        "ARGS=--path 'my photos' --encoder efficientnet --pretrained",
    ]


def test_data_are_read_as_they_were():
    knobs = {"path": "scans", "classes": "my classes.txt", "image_size": [64, 96], "skip_bad": True, "cache": None}
    origins = {**dict.fromkeys(knobs, "flag"), "cache": "default"}
    if not {"unet", "masks"} <= {*catalogue.models(), *catalogue.datasets()}:
        pytest.skip("masks were deleted")
    masks = run(model="unet", data="masks", task="segmentation", knobs={"encoder": "resnet", **knobs}, origins=origins)
    flags = "--path scans --classes 'my classes.txt' --image-size 64 96 --skip-bad --pretrained"
    assert weights(masks)[0][4] == f"ARGS={flags}"


def test_few_texts_are_too():
    readers = [file.name for file in catalogue.models().values() if file.pretrained and Tokens in file.takes]
    if not readers or "text" not in catalogue.datasets():
        pytest.skip("no model of texts has published weights")
    texts = run(Tokens(9, 9), data="text", knobs={"path": "films"}, origins={"path": "flag", "runs_dir": "default"})
    assert weights(texts)[0][2:] == [f"MODEL={readers[0]}", "DATA=text", "ARGS=--path films --pretrained"]
    assert not weights(run(Tokens(9, 9), examples=2_000, data="text"))


def test_what_answers_texts_with_texts_is_talked_with():
    chat = "make chat RUN=runs/one"
    texts = run(Tokens(9, 9))
    assert chat not in next_steps(texts, None)
    texts.requests = {"serving_default": {"text": ["Hi"]}, "sample": {"text": ["Hi"], "seed": [0]}}
    assert next_steps(texts, None)[chat] == "talk with it"


@pytest.mark.parametrize(
    "other",
    [
        run(inputs=Image(32, 32, 3)),
        run(inputs=Image(96, 96, 1)),
        run(examples=50_000),
        run(init={"file": "x"}),
        run(by_hand={"data": "arrays"}),
    ],
    ids=["small", "grey", "many", "begun with weights", "arrays"],
)
def test_other_pictures_are_not(other):
    assert not weights(other)


@pytest.mark.parametrize(
    ("other", "proposed"),
    [
        ({}, True),
        ({"train": {"examples": 3, "sha256": "3"}}, True),
        ({"test": {"examples": 9, "sha256": "8"}}, False),
        ({"validation": {"examples": 2, "sha256": "4"}}, False),
    ],
    ids=["same", "less to train on", "no test", "other examples"],
)
def test_the_run_before_is_proposed_for_a_comparison_where_it_was_measured_on_the_same(
    tmp_path, monkeypatch, other, proposed
):
    this, before = run(), tmp_path / "be fore"
    this.path = tmp_path / "this"
    this.manifest["splits"]["validation"] = {"examples": 9, "sha256": "9"}
    for folder in (this.path, before):
        folder.mkdir()
        (folder / "metrics.json").touch()
    write_json(before / "manifest.json", {"splits": {**this.manifest["splits"], **other}, "in_two_splits": []})
    monkeypatch.setattr(record, "of_run", lambda path: this.config)
    command = f"""make compare 'RUNS='"'"'{before}'"'"' {this.path}'"""
    assert (command in next_steps(this, None)) == proposed
