"""Asking a served model about files: the columns, texts and series that are meant, and what is said where none is."""

import gzip
import json
import math
from urllib.parse import urlsplit

import pytest

from src import cli
from src.errors import UserError
from src.preprocess.names import request_names
from src.serving import ask as asking
from src.serving.ask import ask
from src.serving.client import Client
from src.serving.local.rest import respond
from src.serving.local.versions import Model, Models
from src.settings import catalogue
from src.train import train

TEXT = {"text": {"dtype": "DT_STRING", "tensor_shape": {"dim": [{"size": "-1"}]}}}


def numbers(*names, dtype="DT_FLOAT", window=None):
    """Inputs of numbers, one each or `window` of them."""
    sizes = ["-1"] if window is None else ["-1", str(window)]
    return {name: {"dtype": dtype, "tensor_shape": {"dim": [{"size": size} for size in sizes]}} for name in names}


class Served:
    """Stands for the client of a served model: it keeps what is asked."""

    def __init__(self, **signatures):
        self.found = {name: {"inputs": inputs} for name, inputs in signatures.items()}
        self.requests = []

    def __call__(self, *_):
        return self

    def signatures(self):
        return self.found

    def predict(self, columns, signature):
        self.requests.append((signature, columns))
        rows = len(next(iter(columns.values())))
        return {"label": ["yes"] * rows, "probability": [1.0] * rows}

    @property
    def columns(self):
        """All rows that were asked about."""
        asked = [columns for _, columns in self.requests]
        return {name: [value for columns in asked for value in columns[name]] for name in asked[0]}


@pytest.fixture
def served(monkeypatch, tmp_path):
    """Serves these signatures; `columns` is what its export says of the training file's columns."""

    def serve(columns=None, **signatures):
        if columns is not None:
            extra = tmp_path / "saved_models" / "mine" / "2" / "assets.extra"
            extra.mkdir(parents=True)
            (tmp_path / "saved_models" / "mine" / "1").mkdir()
            (extra / "columns.json").write_text(json.dumps(columns), encoding="utf-8")
        monkeypatch.setattr(asking, "Client", Served(**signatures))
        return asking.Client

    monkeypatch.chdir(tmp_path)
    return serve


def write(path, *lines, encoding="utf-8"):
    path.write_text("\n".join(lines) + "\n", encoding=encoding)
    return str(path)


def test_columns_are_found_by_the_names_that_training_gave_them(served, tmp_path):
    price, area, plain = request_names(["价格", "面积", "a b"])
    model = served(serving_default=numbers(price, area, plain))
    ask(write(tmp_path / "t.csv", "面积,colour,a b,价格", "2,red,1,5", "4,blue,3,"), model="mine")
    assert (model.columns[plain], model.columns[area]) == ([1.0, 3.0], [2.0, 4.0])
    assert model.columns[price][0] == 5.0
    assert math.isnan(model.columns[price][1])


def test_two_columns_that_may_be_one_input_are_refused_where_nothing_says_which_it_is(served, tmp_path):
    path = write(tmp_path / "t.csv", "a b,a-b", "1,2")
    served(serving_default=numbers("a_b"))
    with pytest.raises(UserError, match=r"'a b' and 'a-b' may both be 'a_b', which the model takes"):
        ask(path, model="mine")
    model = served(columns={"a_b": "a-b"}, serving_default=numbers("a_b"))
    ask(path, model="mine")
    assert model.columns == {"a_b": [2.0]}


def test_all_columns_that_are_missing_are_named(served, tmp_path):
    served(serving_default=numbers("size", "rooms", "floor"))
    with pytest.raises(UserError, match=r"no column 'floor', 'rooms'\. It has: size, room"):
        ask(write(tmp_path / "t.csv", "size,room", "1,2"), model="mine")


def test_the_signature_for_texts_gets_texts_as_they_are_and_numbers_that_read_the_same_by_any_mark(served, tmp_path):
    strings = dict.fromkeys(("size", "code"), TEXT["text"])
    model = served(serving_default={**numbers("size"), "code": TEXT["text"]}, strings=strings)
    ask(write(tmp_path / "t.csv", "size;code", '-1,5;"007"', ";1_1", "80;x", "1.250,;1,5"), model="mine")
    asked = {"size": ["-15e-1", "", "80", "1250e0"], "code": ["007", "1_1", "x", "1,5"]}
    assert model.requests == [("strings", asked)]
    with pytest.raises(UserError, match=r"size: 1,250 may be 1250 or 1\.250: say which is the decimal mark, --decimal"):
        ask(write(tmp_path / "t.csv", "size;code", "1,250;x"), model="mine")


def test_a_table_may_have_any_name(served, tmp_path):
    model = served(columns={}, serving_default=numbers("column_1", "column_2"))
    ask(write(tmp_path / "iris.data", "5.1,3.5,a", "4.9,3.0,b"), model="mine")
    assert model.columns == {"column_1": [5.1, 4.9], "column_2": [3.5, 3.0]}


def test_many_rows_are_asked_about_in_several_requests(served, tmp_path):
    model = served(serving_default=numbers("x"))
    ask(write(tmp_path / "t.csv", "x", *map(str, range(1000))), model="mine")
    assert len(model.requests) > 3
    assert model.columns["x"] == list(range(1000))


@pytest.mark.parametrize(
    ("cells", "dtype", "knobs", "found"),
    [
        (["1.5", "na", "?"], "DT_FLOAT", {}, [1.5, None, None]),
        (["1,5", "2"], "DT_FLOAT", {"decimal": ","}, [1.5, 2.0]),
        (["1,500.5"], "DT_FLOAT", {"decimal": "."}, [1500.5]),
        (["123456789012345678"], "DT_INT64", {}, [123456789012345678]),
        (["1,5", "1,250", "-2"], "DT_FLOAT", {}, [1.5, 1.25, -2.0]),
        (["1.250,5", "1.250"], "DT_FLOAT", {}, [1250.5, 1250.0]),
        (["1.250", "2.500"], "DT_INT64", {"decimal": ","}, [1250, 2500]),
        (["1.5", "1_5"], "DT_FLOAT", {}, "row 2: x is '1_5', not a number."),
        (["1,250", "980"], "DT_FLOAT", {}, "x: 1,250 may be 1250 or 1.250: say which is the decimal mark, --decimal"),
        (["1,5", "1.5"], "DT_FLOAT", {}, r"'1.5', not a number where a comma is the decimal mark \(--decimal\)"),
        (["1e39"], "DT_FLOAT", {}, "row 1: x is '1e39', too large a number, or infinite"),
        (["1", "1.5"], "DT_INT64", {}, "row 2: x is '1.5', not a whole number"),
    ],
)
def test_numbers_are_those_of_training(served, tmp_path, cells, dtype, knobs, found):
    model = served(serving_default=numbers("x", dtype=dtype))
    path = write(tmp_path / "t.csv", "x;y", *(f"{cell};" for cell in cells))
    if isinstance(found, str):
        with pytest.raises(UserError, match=found):
            ask(path, model="mine", **knobs)
    else:
        ask(path, model="mine", **knobs)
        assert [None if value != value else value for value in model.columns["x"]] == found


MESSAGES = ["ham\tcall me", "spam\tfree cash"]


def test_the_columns_of_the_training_file_are_known_from_the_export(served, tmp_path):
    model = served(columns={"text": "column_2"}, serving_default=TEXT)
    ask(write(tmp_path / "SMSSpamCollection", *MESSAGES), model="mine")
    assert model.columns == {"text": ["call me", "free cash"]}


def test_a_column_of_texts_may_be_named(served, tmp_path):
    path = write(tmp_path / "reviews.csv", "review,stars", "good,5", "bad,1")
    model = served(serving_default=TEXT)
    with pytest.raises(
        UserError, match=r"It has: review, stars: rename the one with the texts to 'text', or .* --text"
    ):
        ask(path, model="mine")
    ask(path, model="mine", text="review")
    assert model.columns == {"text": ["good", "bad"]}
    with pytest.raises(UserError, match=r"no column 'revew'\. Did you mean 'review'"):
        ask(path, model="mine", text="revew")
    served(serving_default=numbers("size", "rooms"))
    with pytest.raises(UserError, match="--text has no effect: the model takes rooms, size"):
        ask(path, model="mine", text="review")


def test_what_the_export_says_is_left_where_the_file_has_other_columns(served, tmp_path):
    model = served(columns={"text": "review"}, serving_default=TEXT)
    ask(write(tmp_path / "t.csv", "text,stars", "good,5"), model="mine")
    assert model.columns == {"text": ["good"]}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1251", "gzip"])
def test_a_text_may_be_compressed_and_of_any_encoding(served, tmp_path, encoding):
    model = served(serving_default=TEXT)
    content = "хороший фильм\n"  # as an editor ends a file
    path = tmp_path / ("t.txt.gz" if encoding == "gzip" else "t.txt")
    path.write_bytes(gzip.compress(content.encode()) if encoding == "gzip" else content.encode(encoding))
    ask(str(path), model="mine", encoding="cp1251" if encoding == "cp1251" else "")
    assert model.columns == {"text": ["хороший фильм"]}
    ask("a film", model="mine")
    assert model.requests[-1] == ("serving_default", {"text": ["a film"]})


def test_what_is_no_text_is_refused(served, tmp_path):
    (tmp_path / "t.webp").write_bytes(bytes(range(256)) * 9)
    served(serving_default=TEXT)
    with pytest.raises(UserError, match=r"t\.webp isn't text"):
        ask(str(tmp_path / "t.webp"), model="mine")
    served(serving_default=numbers("image"), image_bytes=TEXT)
    with pytest.raises(UserError, match=r"t\.webp isn't text.* A picture ends in \.png"):
        ask(str(tmp_path / "t.webp"), model="mine")
    with pytest.raises(UserError, match="A request is"):
        ask(write(tmp_path / "t.json", "[1, 2]"), model="mine")
    served(serving_default=numbers("size"))
    with pytest.raises(UserError, match=r"is no file, so a text; serving_default takes size \(float\)"):
        ask("no file", model="mine")


@pytest.mark.parametrize("name", ["gone.png", "reviews/gone.TXT", "gone.csv", "gone.json"])
def test_a_path_that_is_not_there_is_no_text(served, name):
    asked = served(serving_default=TEXT)
    with pytest.raises(UserError, match=f"There is no file {name}"):
        ask(name, model="mine")
    ask("I saw it at films.csv, or so", model="mine")
    assert len(asked.requests) == 1


DAYS = [f"{n + 1:02}.01.2024" for n in range(30)]


def test_a_series_is_asked_about_by_its_last_values(served, tmp_path):
    model = served(columns={"load_kW": "load [kW]"}, serving_default=numbers("load_kW", window=3))
    rows = [f"{day};{'-' if n == 28 else f'{n},5'};x" for n, day in enumerate(DAYS)]
    ask(write(tmp_path / "t.csv", "Tag;load [kW];note", *rows), model="mine")
    assert model.columns["load_kW"] == [[27.5, 27.5, 29.5]]  # a missing one is the one before it, as in training
    assert len(model.requests) == 1
    rows = [f"{day};{'-' if n > 20 else f'{n},5'}" for n, day in enumerate(DAYS)]
    ask(write(tmp_path / "t.csv", "Tag;load [kW]", *rows), model="mine")
    assert model.columns["load_kW"][1:] == [[20.5] * 3]
    with pytest.raises(UserError, match="has 2 steps; the model looks at the last 3"):
        ask(write(tmp_path / "t.csv", "Tag;load [kW]", *[f"{day};1" for day in DAYS[:2]]), model="mine")
    with pytest.raises(UserError, match=r"no column 'load \[kW\]'.* name the columns so, or say --series COLUMN"):
        ask(write(tmp_path / "t.csv", "Tag;last", *[f"{day};1" for day in DAYS]), model="mine")


def test_rows_of_as_many_columns_as_a_vector_has_numbers_are_examples(served, tmp_path):
    model = served(serving_default=numbers("vector", window=2))
    ask(write(tmp_path / "t.csv", "a,b", "1,2", "3,4"), model="mine")
    assert [list(row) for row in model.columns["vector"]] == [[1.0, 2.0], [3.0, 4.0]]
    with pytest.raises(UserError, match=r"no column 'vector'.* it needs 2 columns of numbers and no others"):
        ask(write(tmp_path / "t.csv", "a,b,c", "1,2,3"), model="mine")


def test_series_one_below_the_other_are_told_apart(served, tmp_path):
    model = served(serving_default=numbers("north_shop", "south", window=2))
    rows = [
        f"{day},{shop},{n + first}" for shop, first in (("north shop", 0), ("south", 100)) for n, day in enumerate(DAYS)
    ]
    ask(write(tmp_path / "t.csv", "day,shop,sales", *rows), model="mine", series="shop")
    assert model.columns == {"north_shop": [[28.0, 29.0]], "south": [[128.0, 129.0]]}


def files(folder):
    """By data set, a file to train on, knobs of training and of asking, and how many answers there are."""
    reviews = [f"a {'good' if n % 2 else 'bad'} film {n},{n % 2}" for n in range(60)]
    houses = [f"{n % 7};{n % 5},5;{'A' if n % 3 else ''};{n % 2}" for n in range(100)]
    prices = [f"{n // 28 + 1:02}/{n % 28 + 1:02}/2024;{1e9 + n % 7}" for n in range(112)]
    return {
        "text": (write(folder / "reviews.csv", "review,stars", *reviews), {}, 60),
        "csv": (write(folder / "houses.csv", "Größe;Fläche;Lage;verkauft", *houses), {"target": "verkauft"}, 100),
        "series": (write(folder / "prices.csv", *prices), {"window": 8, "columns": ("column_2",), "horizon": 2}, 1),
    }


@pytest.mark.long
@pytest.mark.parametrize("name", ["text", "csv", "series"])
def test_the_file_that_a_model_was_trained_on_is_answered(tmp_path, monkeypatch, capsys, name):
    file = catalogue.datasets().get(name)
    model = file and next((model for model in catalogue.models().values() if catalogue.tasks_of(model, file)), None)
    if not model:
        pytest.skip("nothing learns it")
    path, knobs, rows = files(tmp_path)[name]
    folders = {"runs_dir": str(tmp_path / "runs"), "exports_dir": str(tmp_path / "exports")}
    train(model.name, data=name, path=path, epochs=1, export_name="mine", verbose=False, **knobs, **folders)
    models = Models([Model("mine", tmp_path / "exports" / "mine")])
    models.start()

    def answered(_, url, body=None):
        found = respond(models, "POST" if body else "GET", urlsplit(url).path, body or b"", 60)
        assert found.status == 200, found.body
        return json.loads(found.body)

    monkeypatch.setattr(Client, "_answer", answered)
    capsys.readouterr()
    try:
        ask(path, model="mine", exports_dir=folders["exports_dir"])
    finally:
        models.close()
    assert len(capsys.readouterr().out.splitlines()) == rows


def test_of_several_things_those_are_printed_that_there_are(capsys):
    asking.show({"label": [["cat", ""]], "boxes": [[[1, 2, 3, 4], [0, 0, 0, 0]]], "count": [1]})
    assert capsys.readouterr().out == 'label ["cat"]  boxes [[1, 2, 3, 4]]  count 1\n'


def test_pixels_are_not_printed(capsys):
    asking.show({"mask": [[[0, 1], [1, 0]]], "png_bytes": [{"b64": "AA=="}], "shares": [[0.5, 0.5]]})
    assert capsys.readouterr().out.splitlines() == [
        "shares [0.5, 0.5]",
        "Not shown, as they are pixels: mask, png_bytes. make predict writes them: OUTPUT=answers/",
    ]


def test_a_file_may_stand_anywhere_among_the_flags(served, tmp_path):
    model = served(serving_default=numbers("column_1", "column_2"))
    path = write(tmp_path / "t.csv", "a,b", "c,d")
    for words in (["--no-header", path, "--model", "mine"], ["--model=mine", path, "--no-header"]):
        with pytest.raises(UserError, match="row 1: column_1 is 'a', not a number"):
            cli._run(["ask", *words], debug=True)
    assert not model.requests
