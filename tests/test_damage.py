"""Files of a run and of a search that hold anything, or were cut off: told in one line, or no matter, never a bug."""

import copy
import json
import shutil
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from src.errors import UserError
from src.evaluate import evaluate
from src.exporting.requests import requests_of
from src.reports import report
from src.runs import record, resume, run
from src.runs.run import load_run
from src.settings import config
from tests.test_properties import JSON
from tests.tuning import samples as tuned
from tuning import page
from tuning.folder import Folder
from tuning.results import Trial
from tuning.search import Search

MODEL, DATA = tuned.MODEL, tuned.DATA
CUTS = st.floats(0, 1, exclude_max=True)  # how much of a file is left


@pytest.fixture(scope="module")
def whole(short_run, tmp_path_factory):
    """A copy of a finished run."""
    path = tmp_path_factory.mktemp("damaged") / "run"
    shutil.copytree(short_run(MODEL, DATA).path, path)
    (path / "warnings.json").write_text('["epoch 1: something"]')
    return path


@pytest.fixture(scope="module", autouse=True)
def opened_once():
    """The models, which stay whole, are opened once, and figures aren't written, which takes longest."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "load_model", cache(run.load_model))
        patch.setattr(Figure, "savefig", lambda *_, **__: None)
        yield


def asked(path):
    """Asks the run in that folder something."""
    opened = load_run(path)
    _, request = opened.signatures["serving_default"]
    return opened.predict({name: np.zeros((1, *spec.shape[1:]), "float32") for name, spec in request.items()})


def places(content, above=()):
    """The way to each value in plain data."""
    yield above
    parts = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for name, part in parts:
        yield from places(part, (*above, name))


def replaced(content, place, value):
    """Plain data with another value in one place."""
    if not place:
        return value
    content = copy.deepcopy(content)
    inner = content
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = value
    return content


def damaged(data, files):
    """One of the files, and what it holds now: cut off, or with any JSON in any place."""
    file = data.draw(st.sampled_from(files), "file")
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".jsonl":
        lines = text.splitlines()
        number = data.draw(st.integers(0, len(lines) - 1), "line")
        before, line, after = lines[:number], lines[number], lines[number + 1 :]
    if file.suffix not in (".json", ".jsonl") or data.draw(st.booleans(), "cut"):
        return file, text[: int(len(text) * data.draw(CUTS, "left"))]
    content = json.loads(line if file.suffix == ".jsonl" else text)
    place = data.draw(st.sampled_from(list(places(content))), "place")
    changed = json.dumps(replaced(content, place, data.draw(JSON, "value")))
    return file, "\n".join([*before, changed, *after, ""]) if file.suffix == ".jsonl" else changed


def check_told(file, content, *readers):
    """Raises what isn't told in a UserError's line when the readers meet this content in a file."""
    before = {path: path.read_bytes() for path in file.parent.iterdir() if path.is_file()}
    try:
        for read in readers:
            file.write_text(content, encoding="utf-8")
            try:
                read()
            except UserError as error:
                assert str(error).strip()
    finally:
        for path, whole in before.items():
            path.write_bytes(whole)


MANY = settings.default.max_examples // 2  # each reads a whole run


@settings(max_examples=MANY)
@given(st.data())
def test_a_damaged_run_is_told_or_read(whole, data):
    kept = [path for path in sorted(whole.rglob("*.json")) if path.name != "export.json"]
    file, content = damaged(data, [*kept, whole / "history.csv"])
    check_told(
        file,
        content,
        lambda: asked(whole),
        lambda: report.write(whole),
        lambda: report.show(load_run(whole)),
        lambda: resume.knobs_of_run(MODEL, {"resume": str(whole)}),
        lambda: record.newest_run(whole.parent, MODEL, DATA, "metrics.json"),
        lambda: requests_of(load_run(whole)),
    )


@settings(max_examples=MANY // 4)
@given(st.data())
def test_a_damaged_run_is_told_or_measured(whole, data):
    file, content = damaged(data, [whole / "config.json", whole / "metrics.json"])
    check_told(file, content, lambda: evaluate(whole))


@pytest.fixture(scope="module")
def search(tmp_path_factory):
    """The folder of a search that has ended."""
    path = tmp_path_factory.mktemp("searches") / "search"
    path.mkdir()
    folder = Folder(path, config.resolve(tuned.MODEL, {"data": tuned.DATA, "epochs": 9}))
    engine = tuned.Engine(doomed={"0001": "fails"})
    Search(folder, tuned.DROPOUT, "random", 2, engine, lambda line: None).run(None, None, keep=3, seeds=1)
    return folder


@settings(max_examples=2 * MANY)
@given(st.data())
def test_a_damaged_search_is_told_or_goes_on(search, data):
    names = ("search.json", "journal.jsonl", "comparison.json", "best.json")
    kept = [search.path / name for name in names] + sorted(search.path.glob("trials/*/result.json"))
    file, content = damaged(data, kept + sorted(search.path.glob("runs/*-seed*/metrics.json")))

    def resumed():
        again = Search(search, tuned.DROPOUT, "random", 2, tuned.Engine(), lambda line: None)
        page.write(search, again.results)
        search.tested(search.result(Trial("default-seed1", {})), again.results.objective)

    check_told(file, content, resumed, lambda: config.resolve(tuned.MODEL, {"config": str(search.path / "best.json")}))


@pytest.mark.parametrize("name", ["config.json", "manifest.json", "metrics.json"])
def test_deep_nesting_is_told(whole, name):
    check_told_to_be(whole / name, "[" * 100_000, "nested too deeply", whole)
    check_told_to_be(whole / name, "[" * 500 + "]" * 500, "nested too deeply", whole)


def test_a_missing_request_is_told(whole):
    file = whole / "requests" / "serving_default.json"
    content = file.read_text(encoding="utf-8")
    file.unlink()
    try:
        with pytest.raises(UserError, match="requests is damaged: it has no request to serving_default"):
            requests_of(load_run(whole))
    finally:
        file.write_text(content, encoding="utf-8")


def test_a_way_in_that_is_an_empty_folder_is_told(whole):
    (whole / "doors" / "empty").mkdir(parents=True)
    try:
        with pytest.raises(UserError, match="doors can't be opened"):
            asked(whole)
    finally:
        (whole / "doors" / "empty").rmdir()


def check_told_to_be(file, content, said, path):
    """Fails where a run with this content in a file isn't refused in these words."""
    before = file.read_bytes()
    file.write_text(content, encoding="utf-8")
    try:
        with pytest.raises(UserError, match=said):
            load_run(path)
    finally:
        file.write_bytes(before)
