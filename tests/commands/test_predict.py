"""Predict through the command line: every kind of input, what goes with the answers, and what can't be read."""

import base64
import csv
import io
import json
import shutil
import sys
import tempfile
from datetime import date, timedelta
from functools import cache
from types import SimpleNamespace

import numpy as np
import PIL.Image
import psutil
import pytest
import tensorflow as tf

from src.cli import main
from src.commands.predict import predict
from src.errors import UserError
from src.readers import inputs
from src.readers.requests import InputSpec, Reading
from src.reports.answers import WIDEST, _cell, writer
from src.runs.predict import Refused
from src.runs.run import load_run
from src.settings import catalogue
from src.specs import Classes, Horizon, Image, Images, Mask, NextToken, Series, Tokens
from src.system.screen import width_of
from src.train import train
from tests.conftest import BARE
from tests.samples import PAIRS

CLASSES = ("=1+1", '[red]so, "so"\nnot')  # as people name them
HEADER = ["size (m2)", "[b]side", "sold"]
SEPARATORS = {".": ",", ",": ";"}  # of tables, by their decimal mark


def write(path, rows, separator=","):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=separator).writerows(rows)
    return path


def read(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def trained(short_run):
    """From kinds of features and of an output to a run from one to the other."""

    def trained(inputs, output):
        for model, data in PAIRS:
            file = catalogue.dataset(data)
            if file.inputs == (inputs,) and catalogue.tasks_of(catalogue.model(model), file)[0].spec is output:
                return short_run(model, data)
        pytest.skip("nothing learns it")

    return trained


@pytest.fixture(scope="module")
def learnt_houses(tmp_path_factory):
    """From the decimal mark of a table with strange names to a run on it; each is trained once."""
    file = catalogue.datasets().get("csv")
    models = [model for model in catalogue.models().values() if file and catalogue.tasks_of(model, file)]
    if not models:
        pytest.skip("nothing learns a table")
    knobs = {"target": "sold", "epochs": 1, **BARE}

    @cache
    def learnt_houses(mark):
        folder = tmp_path_factory.mktemp("houses")
        rows = [[f"{50 + row}{mark}5", "north" if row % 2 else "south", CLASSES[row % 3 > 1]] for row in range(90)]
        path = write(folder / "t.csv", [HEADER, *rows], SEPARATORS[mark])
        return train(models[0].name, data="csv", path=str(path), runs_dir=str(folder), **knobs)

    return learnt_houses


@pytest.fixture
def houses(learnt_houses):
    """A run on a table with strange names."""
    return learnt_houses(".")


@pytest.fixture
def say(capsys, monkeypatch, tmp_path):
    """Runs the command in a folder of its own; gives back exit code, standard output and standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")

    def say(run, *words):
        code = main(["predict", *map(str, words), "--run", str(run.path)])
        return code, *capsys.readouterr()

    return say


def given(monkeypatch, content):
    """Puts bytes into the standard input."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


ROWS = [
    ["id", "label", "size (m2)", "note", "[b]side"],
    ["007", "=1+1", "60", '[red]a "quoted", cell', "north"],
    ["008", "x", "sixty", "", "north"],
    ["009", "", "", "two\nlines", "never seen"],
    ["010", "short"],
]


def test_other_columns_are_kept_and_what_cannot_be_read_is_named(houses, say, tmp_path):
    write(tmp_path / "t.csv", ROWS)
    code, out, err = say(houses, "t.csv", "--output", "new/answers.csv")
    assert (code, out) == (0, "2 answers in new/answers.csv\n")
    assert err.splitlines() == [
        "No answer for 2 of 4:",
        "  t.csv, row 2: size (m2) is 'sixty', not a number",
        "  t.csv, row 4: 2 columns instead of 5; fill it up",
    ]
    rows = read("new/answers.csv")
    answers = houses.predict({"size (m2)": np.float32([60, np.nan]), "[b]side": ["north", "never seen"]})
    columns = [f"probabilities_{name}" for name in sorted(CLASSES)]
    assert list(rows[0]) == [*ROWS[0], "predicted_label", "probability", *columns]
    for number, (row, asked) in enumerate(zip(rows, (ROWS[1], ROWS[3]), strict=True)):
        assert [row[name] for name in ROWS[0]] == asked
        assert row["predicted_label"] == answers["label"][number]
        np.testing.assert_allclose([float(row[name]) for name in columns], answers["probabilities"][number], rtol=1e-6)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["answers.csv"]


def test_json_lines_have_the_same_answers(houses, say, tmp_path):
    write(tmp_path / "t.csv", ROWS)
    say(houses, "t.csv", "--output", "answers.csv")
    say(houses, "t.csv", "--output", "answers.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "answers.jsonl").read_text(encoding="utf-8").splitlines()]
    for row, line in zip(read("answers.csv"), lines, strict=True):
        probabilities = line.pop("probabilities")
        assert [row.pop(f"probabilities_{name}") for name in sorted(CLASSES)] == [*map(str, probabilities)]
        assert row == {name: str(value) for name, value in line.items()}


def test_pandas_reads_both(houses, say, tmp_path):
    pandas = pytest.importorskip("pandas")
    write(tmp_path / "t.csv", ROWS)
    for name, load in (("a.csv", pandas.read_csv), ("a.jsonl", lambda file, **how: pandas.read_json(file, lines=True))):
        say(houses, "t.csv", "--output", name)
        frame = load(name)
        assert {*frame["predicted_label"]} <= {*CLASSES}
        assert frame["probability"].dtype == "float64"
        assert frame["label"][0] == "=1+1"


def test_the_screen_shows_the_first_rows_and_what_is_left_out(houses, say, tmp_path):
    write(tmp_path / "t.csv", [ROWS[0], *[ROWS[1]] * 30])
    code, out, err = say(houses, "t.csv")
    assert (code, err) == (0, "")
    assert out.count('[red]a "quoted", cell') == 20
    assert "Not shown: 10 rows and 2 columns. OUTPUT=answers.csv" in out
    assert "predicted_label" in out
    assert "[b]side" in out


def test_where_nothing_is_answered_nothing_is_written(houses, say, tmp_path):
    write(tmp_path / "t.csv", [ROWS[0], ROWS[2], ROWS[2]])
    code, out, err = say(houses, "t.csv", "--output", "answers.csv")
    assert (code, out) == (1, "")
    assert err == "error: None of 2 has an answer: t.csv, row 1: size (m2) is 'sixty', not a number.\n"
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["t.csv", "--output", "answers.xlsx"], "answers.xlsx has to end in .csv or .jsonl"),
        (["t.csv", "--output", "./t.csv"], "./t.csv is the input"),
        (["t.csv", "--output", "empty.csv/"], "empty.csv/ is a file: name a new folder"),
        (["gone.csv"], "There is no file gone.csv"),
        (["."], "'.' is a folder"),
        (["a text"], "'a text' is no file, so a text; serving_default takes"),
        (["empty.csv"], "empty.csv has no rows"),
    ],
)
def test_what_is_no_input_is_refused(houses, say, tmp_path, words, message):
    write(tmp_path / "t.csv", ROWS)
    (tmp_path / "empty.csv").write_text("")
    code, out, err = say(houses, *words)
    assert (code, out) == (1, "")
    assert message in err
    assert len(err.splitlines()) == 1


def test_rows_come_from_the_standard_input(houses, say, tmp_path, monkeypatch):
    given(monkeypatch, write(tmp_path / "t.csv", ROWS[:2]).read_bytes())
    assert say(houses, "-", "--output", "answers.jsonl")[0] == 0
    assert json.loads((tmp_path / "answers.jsonl").read_text())["id"] == "007"


def test_the_standard_input_is_called_so(houses, trained, say, tmp_path, monkeypatch):
    def told(run, content, *words):
        given(monkeypatch, content)
        _, out, err = say(run, "-", *words)
        assert str(tempfile.gettempdir()) not in out + err
        return out + err

    rows = write(tmp_path / "t.csv", [HEADER[:2], ["1,5", "north"], ["x", "north"]], ";").read_bytes()
    note = "standard input: size (m2): a comma is the decimal mark, as in 1,5 (--decimal)\n"
    assert note in told(houses, rows, "--output", "answers.csv")
    assert "  standard input, row 2: size (m2) is 'x'" in told(houses, rows)
    assert "error: standard input has no column 'size (m2)'" in told(houses, b"[b]side,x\nnorth,1\n")
    assert told(houses, b"") == "error: standard input has no rows below a header.\n"
    run = trained(Image, Classes)
    assert "│ standard input │" in told(run, tf.io.encode_png(np.zeros((9, 9, 3), "uint8")).numpy())


def test_columns_that_are_missing_are_named_in_the_order_of_the_model(houses, say, tmp_path):
    write(tmp_path / "t.csv", [["id"], ["1"]])
    _, _, err = say(houses, "t.csv")
    assert "t.csv has no column 'size (m2)', '[b]side'. It has: id" in err


@pytest.mark.parametrize("learnt", [".", ","])
@pytest.mark.parametrize("asked", [".", ","])
@pytest.mark.parametrize("words", [[], ["--decimal"]])
def test_numbers_are_read_by_the_mark_of_the_file_that_is_asked_about(
    learnt_houses, say, tmp_path, learnt, asked, words
):
    sizes = [60.25, 1.25, -1.5, np.nan]
    rows = [[cell.replace(".", asked), "north"] for cell in ("60.25", "1.250", "-1.500", "")]
    write(tmp_path / "t.csv", [HEADER[:2], *rows], SEPARATORS[asked])
    run = learnt_houses(learnt)
    code, _, err = say(run, "t.csv", "--output", "answers.csv", *words, *[asked] * len(words))
    assert code == 0
    assert "No answer" not in err
    answers = run.predict({"size (m2)": np.float32(sizes), "[b]side": ["north"] * 4})
    found = [float(row["probability"]) for row in read("answers.csv")]
    np.testing.assert_allclose(found, answers["probability"], rtol=1e-6)


def test_a_mark_that_is_not_clear_is_asked_for_and_another_one_is_hinted_at(houses, say, tmp_path):
    write(tmp_path / "t.csv", [HEADER[:2], ["1,250", "north"], ["980", "north"]], ";")
    code, _, err = say(houses, "t.csv")
    assert code == 1
    assert "t.csv: size (m2): 1,250 may be 1250 or 1.250: say which is the decimal mark, --decimal" in err
    write(tmp_path / "t.csv", [HEADER[:2], *[[f"{n},5" if n % 50 == 7 else str(n), "north"] for n in range(300)]])
    code, _, err = say(houses, "t.csv", "--output", "answers.csv", "--decimal", ".")
    assert code == 0
    assert len(read("answers.csv")) == 294
    assert err.splitlines()[:2] == [
        "No answer for 6 of 300:",
        "  t.csv, row 8: size (m2) is '7,5', not a number where a point is the decimal mark (--decimal)",
    ]


@pytest.mark.long
def test_a_table_larger_than_memory_is_read_and_written_piece_by_piece(houses, say, tmp_path):
    def rows(count):
        return [HEADER[:2], *([str(n % 100), "north" * 10] for n in range(count))]

    write(tmp_path / "few.csv", rows(2000))
    write(tmp_path / "many.csv", rows(150_000))
    say(houses, "few.csv", "--output", "answers.csv")
    before = psutil.Process().memory_info().rss
    assert say(houses, "many.csv", "--output", "answers.csv")[0] == 0
    assert psutil.Process().memory_info().rss - before < 60e6
    assert len(read("answers.csv")) == 150_000


@pytest.fixture
def pictures(tmp_path):
    """A folder of pictures, one of them broken, one with zeros at its end, and other files."""
    folder = tmp_path / "photos"
    (folder / "[red]below").mkdir(parents=True)
    for number, name in enumerate(("a.png", "b.PNG", "[red]below/c.png")):
        (folder / name).write_bytes(tf.io.encode_png(np.full((9, 9, 3), 80 * number, "uint8")).numpy())
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff broken")
    (folder / "notes.txt").write_text("none")
    header = b"BM" + np.array([54 + 12, 0, 54, 40, 2, 2, 1 + (24 << 16), 0, 16, 0, 0, 0, 0], "<u4").tobytes()
    (folder / "z.bmp").write_bytes(header + bytes(16))
    return folder


def test_a_folder_of_pictures_is_answered_but_for_a_broken_one(trained, say, pictures):
    run = trained(Image, Classes)
    code, _, err = say(run, "photos", "--output", "answers.csv")
    assert code == 0
    assert "No answer for 1 of 5:\n  photos/broken.jpg: it is a damaged JPEG picture, perhaps cut off\n" in err
    rows = read("answers.csv")
    assert [row["file"] for row in rows] == [
        f"photos/{name}" for name in ("[red]below/c.png", "a.png", "b.PNG", "z.bmp")
    ]
    encoded = [pictures.parent.joinpath(row["file"]).read_bytes() for row in rows]
    answers = run.predict(encoded, signature="image_bytes")
    assert [row["label"] for row in rows] == answers["label"].tolist()
    code, _, err = say(run, "photos/broken.jpg")
    assert code == 1
    assert err.startswith("error: photos/broken.jpg: it is a damaged JPEG picture")


def test_a_picture_that_cannot_be_decoded_is_refused_in_plain_words(trained):
    pixels = np.random.default_rng(0).integers(0, 255, (40, 40, 3)).astype("uint8")
    files = {}
    for kind in ("PNG", "JPEG", "GIF", "BMP", "TIFF"):
        PIL.Image.fromarray(pixels).save(file := io.BytesIO(), kind)
        files[kind] = file.getvalue()
    run = trained(Image, Classes)

    def refused(encoded):
        with pytest.raises(Refused) as refusal:
            run.predict([encoded], signature="image_bytes")
        return refusal.value.reason

    unknown = refused(files.pop("TIFF"))
    assert unknown == refused(b"a text") == "it is no picture, or has another format than PNG, JPEG, GIF and BMP"
    for kind, encoded in files.items():
        for size in (len(encoded) // 2, 30):
            assert refused(encoded[:size]) == f"it is a damaged {kind} picture, perhaps cut off"
    assert refused(b"") == "it is empty"


def test_pictures_may_be_listed(trained, say, pictures, monkeypatch):
    run = trained(Image, Classes)
    write(pictures / "list.csv", [["patient", "scan"], ["1", "a.png"], ["2", "gone.png"], ["3", "z.bmp"]])
    _, _, err = say(run, "photos/list.csv", "--output", "answers.csv")
    assert "gone.png: No such file" in err
    assert [(row["patient"], row["scan"]) for row in read("answers.csv")] == [("1", "a.png"), ("3", "z.bmp")]
    given(monkeypatch, b"photos/a.png\n\nphotos/b.PNG\n")
    say(run, "-", "--output", "answers.csv")
    assert [row["file"] for row in read("answers.csv")] == ["photos/a.png", "photos/b.PNG"]
    given(monkeypatch, (pictures / "a.png").read_bytes())
    assert say(run, "-", "--output", "answers.csv")[0] == 0


def test_what_has_no_answer_is_named_in_the_order_of_the_input(trained, say, pictures):
    (pictures / "text.png").write_text("no picture")
    write(pictures / "list.csv", [["scan"], ["broken.jpg"], ["a.png"], ["gone.png"], ["text.png"], ["lost.png"]])
    _, _, err = say(trained(Image, Classes), "photos/list.csv", "--output", "answers.csv")
    assert [line.split(":")[0].strip() for line in err.splitlines()[-4:]] == [
        "broken.jpg",
        "gone.png",
        "text.png",
        "lost.png",
    ]


def test_a_run_whose_doors_older_code_has_saved_is_asked_by_them(trained, say, pictures, tmp_path):
    new = trained(Image, Classes)
    shutil.copytree(new.path, tmp_path / "old")
    module = tf.Module()
    spec = tf.TensorSpec((None,), tf.string, name="image_bytes")  # in place of a dict of them
    module.door = tf.function(
        lambda encoded: new.doors["image_bytes"]({"image_bytes": encoded}), input_signature=[spec]
    )
    tf.saved_model.save(module, tmp_path / "old" / "doors" / "image_bytes")
    answers = []
    for run in (new, load_run(tmp_path / "old")):
        assert say(run, "photos", "--output", "answers.csv")[0] == 0
        answers.append(read("answers.csv"))
    assert answers[0] == answers[1]


def test_requests_are_answered_as_a_server_answers_them(trained, say, tmp_path):
    run = trained(Image, Classes)
    files = list((run.path / "requests").glob("*.json"))
    assert files
    for file in files:
        assert say(run, file, "--output", "answers.jsonl")[0] == 0
        request = json.loads(file.read_text(encoding="utf-8"))
        answers = (tmp_path / "answers.jsonl").read_text().splitlines()
        assert len(answers) == len(next(iter(request["inputs"].values())))


def test_texts_are_a_line_a_file_or_a_cell_each(trained, say, tmp_path, monkeypatch):
    run = trained(Tokens, Classes)
    texts = ["returns the array " * 30, 'says "[red]yes", no']
    (tmp_path / "lines.txt").write_text(f"{texts[0]}\n\n{texts[1]}\n")
    (tmp_path / "texts").mkdir()
    for number, text in enumerate(texts):
        (tmp_path / "texts" / f"{number}.txt").write_text(text)
    write(tmp_path / "t.csv", [["words", "n"], *[[text, "1"] for text in texts]])
    given(monkeypatch, "\n".join(texts).encode())
    expected = run.predict(np.array(texts, object))["label"].tolist()
    for words in (["lines.txt"], ["texts"], ["t.csv", "--text", "words"], ["-"]):
        assert say(run, *words, "--output", "answers.csv")[0] == 0
        assert [row["label"] for row in read("answers.csv")] == expected
    for text, label in zip(texts, expected, strict=True):
        assert say(run, text, "--output", "answers.csv")[0] == 0
        assert [(row["text"], row["label"]) for row in read("answers.csv")] == [(text, label)]


@pytest.mark.parametrize("text", ["re\u0301sum\u00e9", " r\u00e9sume\u0301\u202f"])
def test_a_text_is_read_as_those_that_were_learnt(tmp_path, text):
    signatures = {"serving_default": {"text": InputSpec("string", (None,))}}
    (tmp_path / "a.txt").write_text(f"{text}\n", encoding="utf-8")
    (tmp_path / "a.csv").write_text(f"text,n\n{text},1\n", encoding="utf-8")
    for what in (text, str(tmp_path / "a.txt"), str(tmp_path / "a.csv")):
        (examples,) = inputs.read(what, "", signatures, Reading(by_line=True)).pieces
        assert examples.request == {"text": ["r\u00e9sum\u00e9"]}


def test_a_column_called_as_the_input_has_the_texts_whatever_the_training_file_called_it(tmp_path):
    signatures = {"serving_default": {"text": InputSpec("string", (None,))}}
    rows = "".join(f"{number},word {number}\n" for number in range(9))
    for head, expected in (("n,text\n", "word 0"), ("", "0")):
        (tmp_path / "a.csv").write_text(head + rows)
        reading = Reading(columns={"text": "column_1"})
        (examples,) = inputs.read(str(tmp_path / "a.csv"), "", signatures, reading).pieces
        assert (examples.request["text"][0], len(examples.where)) == (expected, 9)


def test_a_series_is_continued_with_its_times(trained, say, tmp_path):
    run = trained(Series, Horizon)
    names = run.config["outputs"]["names"]
    days = [date(2024, 1, 31) + timedelta(n) for n in range(-99, 1)]
    write(
        tmp_path / "t.csv",
        [["Day", *names], *[[f"{day:%d.%m.%Y}", *[50 + n % 7] * len(names)] for n, day in enumerate(days)]],
    )
    assert say(run, "t.csv", "--output", "answers.csv")[0] == 0
    rows = read("answers.csv")
    assert list(rows[0]) == ["Day", *names]
    assert [row["Day"] for row in rows] == [
        f"2024-02-{day:02}" for day in range(1, run.config["outputs"]["length"] + 1)
    ]


def test_series_are_called_as_in_the_file_in_answers_and_in_the_report(say, tmp_path):
    file = catalogue.datasets().get("series")
    models = [model for model in catalogue.models().values() if file and catalogue.tasks_of(model, file)]
    if not models:
        pytest.skip("nothing learns series")
    names, requests = ["Umsatz €", "visitors [i]", "a_b"], ["Umsatz_a6a6f4", "visitors_i"]
    write(tmp_path / "t.csv", [["step", *names], *[[n, n % 7, n % 5, n % 3] for n in range(90)]])
    knobs = {"window": 5, "epochs": 1, "export": False, "verbose": False, "runs_dir": str(tmp_path / "runs")}
    run = train(models[0].name, data="series", path=str(tmp_path / "t.csv"), **knobs)
    assert [*run.signatures["serving_default"][1]] == [*requests, "a_b"]
    _, out, _ = say(run, "t.csv")
    assert all(name in out for name in names)
    say(run, "t.csv", "--output", "answers.csv")
    say(run, "t.csv", "--output", "answers.jsonl")
    row = json.loads((tmp_path / "answers.jsonl").read_text(encoding="utf-8"))
    assert list(read("answers.csv")[0]) == [*row] == ["step", *names]
    page = (run.path / "report.html").read_text(encoding="utf-8")
    assert "Forecast Umsatz €<" in page and "Forecast a_b<" in page
    for name, request in zip(names, requests, strict=False):
        assert f">{name}</td>" in page  # in the table of errors
        assert page.count(request) == 1, "where the report says what the inputs of a request are called"


MAKERS = [(Tokens, NextToken, "text", "make generate RUN="), (Image, Images, "seed", "load_run(")]


@pytest.mark.parametrize(("request_of", "way"), [maker[2:] for maker in MAKERS])
def test_what_makes_things_is_refused_with_the_way(say, monkeypatch, tmp_path, request_of, way):
    run = SimpleNamespace(path=tmp_path, takes={"generate": {request_of: None}})
    monkeypatch.setattr("src.commands.predict.find", lambda *_: run)
    code, _, err = say(run, "a text")
    assert code == 1
    assert way in err


@pytest.mark.long
@pytest.mark.parametrize(("inputs", "output", "request_of", "way"), MAKERS)
def test_makers_are_told_by_what_they_can_be_asked(trained, say, inputs, output, request_of, way):
    run = trained(inputs, output)
    assert request_of in run.signatures["generate"][1]
    assert way in say(run, "a text")[2]


def test_python_asks_in_the_same_way(houses, tmp_path):
    write(tmp_path / "t.csv", ROWS)
    predict(tmp_path / "t.csv", run=houses.path, output=tmp_path / "answers.csv")
    assert len(read(tmp_path / "answers.csv")) == 2
    with pytest.raises(UserError, match="There is no file gone"):
        predict("gone.csv", run=houses.path)


@pytest.mark.long  # it trains a U-Net
def test_a_mask_has_the_size_of_the_picture_that_was_given(trained):
    run = trained(Image, Mask)
    asked = [tf.io.encode_png(np.zeros((*size, 3), "uint8")).numpy() for size in ((90, 30), (40, 50))]
    answers = run.predict({"image_bytes": asked}, signature="image_bytes", batch=1)
    assert answers["mask"].shape == (2, 90, 50)
    assert (answers["mask"][0, :, 30:] == 255).all() and (answers["mask"][1, 40:] == 255).all()
    sizes = [tf.io.decode_png(picture).shape for picture in answers["png_bytes"]]
    assert sizes == [(90, 30, 3), (40, 50, 3)]


def test_a_mask_in_json_lines_has_the_size_of_its_picture_whatever_is_asked_with_it(tmp_path):
    masks = np.full((2, 4, 5), 255, "uint8")
    masks[0, :2, :5], masks[1, :4, :3] = 1, 0
    with writer(tmp_path / "answers.jsonl", ["road", "sky"]) as lines:
        lines.write({"file": ["a.png", "b.png"]}, {"mask": masks, "shares": np.ones((2, 2), "float32")})
    answers = [json.loads(line) for line in (tmp_path / "answers.jsonl").read_text().splitlines()]
    assert [answer["mask"] for answer in answers] == [[[1] * 5] * 2, [[0] * 3] * 4]


def test_pixels_are_not_shown_on_the_screen(capsys):
    with writer("", ["road", "sky"]) as screen:
        shares = np.array([[0.25, 0.75]], "float32")
        answers = {"mask": np.zeros((1, 4, 4), "uint8"), "png_bytes": np.array([b"PNG"], object), "shares": shares}
        screen.write({"file": ["street.png"]}, answers)
    shown = capsys.readouterr().out
    assert "shares_road" in shown and "street.png" in shown and "mask" not in shown and "png_bytes" not in shown


@pytest.mark.long  # it trains a U-Net
def test_pictures_are_drawn_into_a_folder_under_names_of_their_own(trained, say, tmp_path):
    for folder, size in (("a", (20, 30)), ("b", (40, 10))):
        (tmp_path / "photos" / folder).mkdir(parents=True)
        PIL.Image.new("RGB", size).save(tmp_path / "photos" / folder / "sea side.png")
    run = trained(Image, Mask)
    code, out, _ = say(run, "photos", "--output", "drawn/")
    assert code == 0
    told = ["Pixels are left out: mask. OUTPUT=answers.jsonl writes them.", "2 answers in drawn/"]
    assert out.splitlines() == told
    rows = read("drawn/answers.csv")
    assert [row["picture"] for row in rows] == ["sea side.png", "sea side-2.png"]
    assert [PIL.Image.open(tmp_path / "drawn" / row["picture"]).size for row in rows] == [(20, 30), (40, 10)]
    assert "mask" not in rows[0] and any(name.startswith("shares_") for name in rows[0])
    write(tmp_path / "table.csv", [["file", "photo"], *(["scan", f"photos/{folder}/sea side.png"] for folder in "ab")])
    (tmp_path / "empty").mkdir()
    say(run, "table.csv", "--output", "empty")
    assert [row["picture"] for row in read("empty/answers.csv")] == ["sea side.png", "sea side-2.png"]
    (tmp_path / "list.txt").write_text("photos/b/sea side.png\n")
    say(run, "list.txt", "--output", "listed/")
    assert [row["picture"] for row in read("listed/answers.csv")] == ["sea side.png"]
    code, _, err = say(run, "photos", "--output", "photos")
    assert (code, err) == (1, "error: photos isn't empty: name a new folder for the answers.\n")
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.mark.long  # it trains a U-Net
def test_pixels_are_left_out_of_a_table_but_not_of_json(trained, say, tmp_path):
    PIL.Image.new("RGB", (8, 6)).save(tmp_path / "a.png")
    run = trained(Image, Mask)
    _, out, _ = say(run, "a.png", "--output", "a.csv")
    told = "Pixels are left out: mask, png_bytes. OUTPUT=answers/ writes pictures, OUTPUT=answers.jsonl everything."
    assert told in out
    assert not {"mask", "png_bytes"} & read("a.csv")[0].keys()
    say(run, "a.png", "--output", "a.jsonl")
    answer = json.loads((tmp_path / "a.jsonl").read_text())
    assert np.shape(answer["mask"]) == (6, 8) and base64.b64decode(answer["png_bytes"]).startswith(b"\x89PNG")


BOXES = {
    "boxes": np.array([[[1, 2, 3, 4], [5, 6, 7, 8], [0, 0, 0, 0]], np.zeros((3, 4))], "float32"),
    "label": np.array([["cat", "dog", ""], ["", "", ""]]),
    "score": np.array([[0.9, 0.5, 0], [0, 0, 0]], "float32"),
    "count": np.array([2, 0], "int32"),
    "png_bytes": np.array([b"one", b"two"], object),
}


def test_each_of_several_things_in_a_picture_is_a_row(tmp_path, capsys):
    beside = {"file": ["pets.png", "sea.png"]}
    for output in (str(tmp_path / "boxes.csv"), ""):
        with writer(output, ["cat", "dog", "cow", "pig"]) as table:  # as many classes as a box has sides
            table.write(beside, BOXES)
    assert (tmp_path / "boxes.csv").read_text().splitlines() == [
        "file,label,score,top,left,bottom,right",
        "pets.png,cat,0.9,1.0,2.0,3.0,4.0",
        "pets.png,dog,0.5,5.0,6.0,7.0,8.0",
        "sea.png,,,,,,",
    ]
    lines = capsys.readouterr().out.splitlines()
    assert sum("pets.png" in line for line in lines) == 2 and sum("sea.png" in line for line in lines) == 1


def test_several_things_in_a_picture_are_lists_as_long_as_they_are_many(tmp_path):
    with writer(str(tmp_path / "boxes.jsonl"), ["cat", "dog"]) as lines:
        lines.write({"count": ["7", "8"]}, BOXES)  # a column of the table that is asked about
    pets, sea = map(json.loads, (tmp_path / "boxes.jsonl").read_text().splitlines())
    assert (pets["label"], pets["boxes"][1], pets["predicted_count"]) == (["cat", "dog"], [5, 6, 7, 8], 2)
    assert (sea["label"], sea["boxes"], sea["count"], sea["predicted_count"]) == ([], [], "8", 0)


def test_large_pictures_are_asked_about_a_few_at_a_time(trained, say, pictures, monkeypatch):
    monkeypatch.setattr(inputs, "MOST_PIXELS", 2 * 9 * 9)
    run, sizes = trained(Image, Classes), []
    monkeypatch.setattr(
        type(run), "predict", lambda self, raw, *_: sizes.append(len(raw["image_bytes"])) or {"sum": np.ones(sizes[-1])}
    )
    write(pictures.parent / "paths.csv", [["photo"], *[[f"photos/{name}.png"] for name in "axaaa"]])
    code, _, err = say(run, "paths.csv")
    assert code == 0 and sizes == [2, 2]
    assert "No answer for 1 of 5:\n  photos/x.png: No such file" in err


def test_the_end_of_a_long_path_is_shown_and_the_beginning_of_a_text():
    assert _cell("photos/" * 9 + "cat 1.jpg").endswith("/cat 1.jpg")
    assert _cell("good and/or bad. " * 9).startswith("good and/or bad.")


def test_a_cell_is_no_wider_than_any_whatever_its_letters():
    assert width_of(_cell("\u4e8c\u96f6\u4e8c\u516d" * 99)) <= WIDEST
    assert _cell("\u4e8c\u96f6") == "\u4e8c\u96f6"
