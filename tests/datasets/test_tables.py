"""A CSV file as people have it: any separator, encoding and kind of column, and what is wrong in it."""

import bz2
import gzip
import io
import lzma
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from src.errors import UserError
from src.numbers import MISSING, to_numbers
from src.preprocess.names import input_of, request_names
from src.preprocess.tables import Strings, columns
from src.readers import column_kinds, csv_files
from src.settings import catalogue
from src.settings.contract import load_data
from src.sources.folds import splits_of
from src.sources.memory import InMemory
from src.specs import Classes, Columns, Values
from src.train import train

if "csv" not in catalogue.datasets():
    pytest.skip("there is no data set csv", allow_module_level=True)
MODELS = [m.name for m in catalogue.models().values() if Columns in m.takes and {Classes, Values} <= {*m.gives}]


def house(row):
    size, rooms = 50 + row, "" if row % 7 == 0 else row % 5 + 0.5
    return [size, rooms, "north" if row % 3 else "", 1000 * size + row % 10, "yes" if row % 2 else "no"]


HEADER = ["size", "rooms", "side", "price", "sold"]
ROWS = [house(row) for row in range(100)]


def write(path, rows=ROWS, header=HEADER, separator=",", encoding="utf-8"):
    lines = [separator.join(map(str, row)) for row in ([header] if header else []) + list(rows)]
    path.write_text("\n".join(lines) + "\n", encoding=encoding)
    return path


def load(path, target, wanted=(), **knobs):
    return load_data(catalogue.dataset("csv"), {"path": str(path), "target": target, **knobs}, wanted)


def test_numbers_categories_and_missing_values(tmp_path):
    data = load(write(tmp_path / "t.csv"), "price")
    assert isinstance(data.outputs, Values)
    assert data.inputs.numeric == ("size", "rooms", "rooms_missing")
    assert data.inputs.categories == (("side", 2), ("sold", 3))
    assert [len(split) for split in (data.train, data.validation, data.test)] == [60, 20, 20]
    raw, target = data.train.examples(60)
    np.testing.assert_array_equal(target[:, 0] // 1000, raw["size"])
    rooms = raw["rooms"][raw["size"] % 7 == 50 % 7]
    assert np.isnan(rooms).all() and len(rooms)
    assert "100 rows; price is a number (--task)\n  numbers: size, rooms\n  categories: side, sold" in data.notes


@pytest.mark.parametrize(
    ("target", "wanted", "kind", "names"),
    [
        ("sold", (), Classes, ("no", "yes")),
        ("side", (Values,), None, "row 2: side is 'north', not a number"),
        ("price", (Classes,), Classes, None),
        ("sold", (Values,), None, "row 1: sold is 'no', not a number"),
        ("stars", (), Classes, ("1", "2", "10")),
        ("stars", (Values,), Values, ("stars",)),
    ],
)
def test_what_the_target_is(tmp_path, target, wanted, kind, names):
    rows = [[*row, (1, 2, 10)[i % 3]] for i, row in enumerate(ROWS * 5)]
    path = write(tmp_path / "t.csv", rows, [*HEADER, "stars"])
    if kind is None:
        with pytest.raises(UserError, match=names):
            load(path, target, wanted)
    else:
        found = load(path, target, wanted).outputs
        assert isinstance(found, kind)
        assert names is None or found.names == names


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_separators_and_encodings_are_found(tmp_path, separator, encoding):
    rows = [[i, "Zürich" if i % 2 else "Genève", i % 3] for i in range(30)]
    path = write(tmp_path / "t.csv", rows, ["x", "größe", "y"], separator, encoding)
    data = load(path, "y")
    assert data.inputs.categories == (("groe_7ca131", 3),) and data.columns == {"groe_7ca131": "größe"}
    assert set(data.train.examples(18)[0]["groe_7ca131"]) == {"Zürich".encode(), "Genève".encode()}


def test_a_decimal_comma_is_read_where_it_can_be_one(tmp_path):
    path = write(tmp_path / "t.csv", [[f"{i},5", f"{i % 9 + 1},25"] for i in range(30)], ["x", "y"], ";")
    data = load(path, "y", (Values,))
    raw, target = data.train.examples(18)
    assert set((raw["x"] % 1).tolist()) == {0.5} and set((target % 1).ravel().tolist()) == {0.25}
    asked = data.doors["strings"]({"x": np.array(["1,5", "1.002,5", ""], object)})
    np.testing.assert_array_equal(asked["x"], np.float32([1.5, 1002.5, np.nan]))
    assert "x, y: a comma is the decimal mark, as in 0,5 (--decimal)" in data.notes


@pytest.mark.parametrize("ending", [".gz", ".bz2", ".xz", ".zip"])
def test_compressed_files(tmp_path, ending):
    content = write(tmp_path / "t.csv").read_bytes()
    path = tmp_path / f"t.csv{ending}"
    if ending == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("t.csv", content)
    else:
        path.write_bytes({".gz": gzip, ".bz2": bz2, ".xz": lzma}[ending].compress(content))
    assert len(load(path, "price").train) == 60
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(UserError, match="damaged"):
        load(path, "price")


def test_quotes_newlines_and_no_header(tmp_path):
    text = io.StringIO()
    csv_files.csv.writer(text).writerows([[i, 'a, "b"\nc' if i % 2 else "d", i % 2] for i in range(30)])
    (tmp_path / "t.csv").write_text(text.getvalue())
    data = load(tmp_path / "t.csv", "column_3")
    assert data.inputs.categories == (("column_2", 3),)
    assert load(tmp_path / "t.csv", "column_1", header=False).outputs.names == ("column_1",)
    with pytest.raises(UserError, match="two columns called '0'"):
        load(tmp_path / "t.csv", "0", header=True)


def test_what_is_no_use_is_left_out_with_a_word(tmp_path):
    rows = [[i, 1, f"2024-01-{1 + i % 28:02}", f"name {i}", "", f"${i}.50", i % 7, i % 2] for i in range(100)]
    data = load(write(tmp_path / "t.csv", rows, ["id", "same", "day", "who", "none", "cost", "x", "y"]), "y")
    assert data.inputs == Columns(("x",))
    assert (
        "left out (--keep, --category): id (ids by its name), same (the same in each row), day (dates), "
        "who (texts, nearly all different), none (empty), cost (numbers with marks, such as '$0.50')"
    ) in data.notes


@pytest.mark.parametrize(
    ("content", "knobs", "said"),
    [
        ("", {}, "no rows"),
        ("a,b\n", {}, "no rows"),
        ("a,b\n1,2\n3\n", {}, "row 2: 1 columns instead of 2; fill it up"),
        ("Sales\na,b\n1,2\n", {}, "It has: Sales; if that is a title, remove the lines above the header"),
        ("a,b\n1,2\n3,4,5\n", {}, "row 2: 3 columns instead of 2"),
        ("a,a\n1,2\n", {}, "two columns called 'a'"),
        ("a,bb\n1,2\n", {"target": "bbb"}, "no column 'bbb'. Did you mean 'bb'"),
        ("a,b\n1,2\n", {"target": ""}, "say which column is predicted"),
        ("a,b\n1,2\n", {"drop": ("c",)}, "no column 'c'"),
        ("a,b\n1,2\n", {"drop": ("b",)}, "'b' can't be the target and a group or left out"),
        ("a,b\n" + "1,x\n" * 9, {}, "the same in each row"),
        ("a,b\n" + "1,x\n2,y\n" * 9 + "inf,x\n", {}, "row 19: a is inf"),
        ("a,b\n" + "1,x\n2,y\n" * 20 + "1e39,x\n", {}, "row 41: a is 1e39"),
        ("a,b\n" + "1,x\n2.5,y\n" * 20 + "3O,x\n" + "".join(f"{i},x\n" for i in range(30)), {}, "row 41: a is '3O'"),
        ("a,b\n" + "1,x\n" * 9 + "2,y\n", {}, "the class 'y' has 1 example"),
        ("a,b\n" + "same,x\nsame,y\n" * 9, {}, "no column of numbers or categories beside 'b'"),
        ("a,b\n" + "1,x\n2,y\n" * 9, {"group": "a"}, "no column of numbers or categories"),
        ("a,b,c\n" + "1,x,1\n2,y,2\n" * 9, {"group": "a"}, "there are 2 groups"),
        ("a,b\n\x00\x01", {}, "isn't text"),
        ("a,b\n1,x\n2,y\n3,x\n", {}, "3 examples are too few to be split|has 1 example"),
        ("a,b\n" + "".join(f"{i},{i}.5%\n" for i in range(30)), {}, "b is numbers with marks, such as '0.5%'"),
        ("a,b\n" + "1.5,x\n2,\n" * 9, {}, "b has one class only: 'x'"),
    ],
    ids=str,
)
def test_what_is_wrong_is_named(tmp_path, content, knobs, said):
    (tmp_path / "t.csv").write_text(content)
    with pytest.raises(UserError, match=said.replace("(", r"\(")):
        load(tmp_path / "t.csv", **{"target": "b", **knobs})


def test_names_that_differ_in_case_only_or_are_taken(tmp_path):
    rows = [[i / 3, -i, i * i, i % 2] for i in range(30)]
    data = load(write(tmp_path / "t.csv", rows, ["A", "a", "self", "y"]), "y")
    assert data.inputs.numeric == ("A_5ae561", "a_c93f52", "column_self")


def test_a_line_that_names_the_separator(tmp_path):
    path = write(tmp_path / "t.csv", [[f"{i},5", i % 2] for i in range(30)], ["x", "y"], ";")
    path.write_text("sep=;\n" + path.read_text())
    assert load(path, "y").inputs == Columns(("x",))


@pytest.mark.parametrize("cell", ["abc", "inf", "1e400", "1,5"])
def test_a_text_that_is_no_number_is_refused_by_its_column(tmp_path, cell):
    door = load(write(tmp_path / "t.csv"), "price").doors["strings"]
    request = {name: np.array(["1", "2"], object) for name in door.request}
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"size (has to be|is too large) a number"):
        door({**request, "size": np.array(["1", cell], object)})


def test_what_is_missing_in_a_file_is_missing_in_a_request(tmp_path):
    door = load(write(tmp_path / "t.csv"), "price").doors["strings"]
    cells = np.array([text for one in MISSING for text in (one, one.upper(), f" {one} ")], object)
    assert to_numbers([cell.strip() for cell in cells])[1] == []
    found = door(dict.fromkeys(door.request, cells))
    assert np.isnan(found["size"]).all() and np.isnan(found["rooms"]).all()


def test_rows_of_a_group_come_into_one_split_and_one_fold(tmp_path):
    rows = [[f"p{i // 5}", 2 * i, i % 2] for i in range(200)]
    data = load(write(tmp_path / "t.csv", rows, ["patient", "x", "y"]), "y", group="patient")
    assert data.inputs == Columns(("x",))

    def people(source):
        return {int(x) // 10 for x in source.examples(len(source))[0]["x"]}

    splits = [people(split) for split in (data.train, data.validation, data.test)]
    assert sum(map(len, splits)) == len(set.union(*splits)) == 40
    fold, _ = splits_of(data, fold=2, folds=4)
    assert not people(fold.train) & people(fold.validation)


def test_the_file_is_read_in_pieces(tmp_path, monkeypatch):
    path = write(tmp_path / "t.csv")
    whole = load(path, "price").train.examples(60)
    monkeypatch.setattr(csv_files, "CELLS", 20)
    pieces = load(path, "price").train.examples(60)
    for name in whole[0]:
        np.testing.assert_array_equal(whole[0][name], pieces[0][name])
    np.testing.assert_array_equal(whole[1], pieces[1])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-1e30, 1e30) | st.none(), min_size=5, max_size=30))
def test_a_column_of_numbers_is_one_whatever_they_are(numbers):
    seen = column_kinds.Column("x")
    for start in range(0, len(numbers), 4):
        seen.update(["" if x is None else repr(x) for x in numbers[start : start + 4]])
    there = [x for x in numbers if x is not None]
    assert (seen.rows, seen.missing, seen.numbers) == (len(numbers), len(numbers) - len(there), len(there))
    assert seen.strange is None and seen.infinite is None


@pytest.mark.skipif(not MODELS, reason="no model takes columns")
@pytest.mark.parametrize("target", ["price", "sold"])
def test_an_export_answers_missing_values_and_new_categories(tmp_path, lasting_verifier, target):
    path = write(tmp_path / "houses.csv")
    folders = {"runs_dir": str(tmp_path / "runs"), "exports_dir": str(tmp_path / "exports"), "verbose": False}
    run = train(MODELS[0], data="csv", path=str(path), target=target, epochs=1, **folders)
    assert run.path.name.startswith(f"{MODELS[0]}-houses-")
    texts = {"size": ["80", "n/a", ""], "rooms": ["", "2.5", " 3 "], "side": ["south", "", "north"]}
    numbers = {"size": np.float32([80, np.nan, np.nan]), "rooms": np.float32([np.nan, 2.5, 3])}
    if target == "price":
        texts["sold"] = ["maybe", "yes", ""]
    else:
        texts["price"], numbers["price"] = ["", "9", "-"], np.float32([np.nan, 9, np.nan])
    texts = {name: np.array(cells, object) for name, cells in texts.items()}
    strings, plain = run.predict(texts, signature="strings"), run.predict({**texts, **numbers})
    assert set(strings) == set(plain)
    for name, answer in plain.items():
        np.testing.assert_array_equal(answer, strings[name])


def classes(tmp_path, codes):
    rows = [[10 * (i % len(codes)) + i / 100, codes[i % len(codes)]] for i in range(30 * len(codes))]
    return load(write(tmp_path / "t.csv", rows, ["x", "code"]), "code").outputs.names


@pytest.mark.parametrize(
    ("codes", "names"),
    [
        (["700000000000000001", "700000000000000012", "700000000000000301"], None),
        (["1_1", "11", "2_1"], ("11", "1_1", "2_1")),
        (["1e3", "1000", "2e3"], ("1000", "1e3", "2e3")),
        (["007", "7", "08"], ("007", "7", "08")),
        (["1", "1.0", "2"], ("1", "2")),
        (["٣", "3", "x"], ("3", "x", "٣")),
        (["0", "1", "NA"], ("0", "1")),
        (["é", "e\u0301", "x"], ("x", "é")),
    ],
    ids=str,
)
def test_codes_that_differ_are_classes_that_differ(tmp_path, codes, names):
    assert classes(tmp_path, codes) == (names or tuple(codes))


def test_a_class_that_may_stand_for_a_missing_value_is_told(tmp_path):
    rows = [[i / 3, ("DE", "NA", "")[i % 3]] for i in range(60)]
    data = load(write(tmp_path / "t.csv", rows, ["x", "country"]), "country")
    assert data.outputs.names == ("DE", "NA")
    assert "country: NA is taken for a class" in data.notes
    assert "left out, without country: 20 rows" in data.notes
    assert len(data.train) + len(data.validation) + len(data.test) == 40


def test_numbers_without_a_target_are_left_out_too(tmp_path):
    rows = [[i / 3, "?" if i == 7 else i / 2] for i in range(60)]
    data = load(write(tmp_path / "t.csv", rows, ["x", "y"]), "y")
    assert "left out, without y: 1 row" in data.notes
    assert not any(np.isnan(split.targets()).any() for split in (data.train, data.validation, data.test))


@pytest.mark.parametrize(
    ("cells", "decimal", "found"),
    [
        (["1,250", "980"], None, "y: 1,250 may be 1250 or 1.250: say which is the decimal mark, --decimal"),
        (["1.250", "980"], None, "y: 1.250 may be 1250 or 1.250"),
        (["1,250", "980"], ".", {1250.0, 980.0}),
        (["1,250", "980"], ",", {1.25, 980.0}),
        (["1.250", "980"], ",", {1250.0, 980.0}),
        (["1,250", "3,5"], None, {1.25, 3.5}),
        (["1.250,5", "980"], None, {1250.5, 980.0}),
        (["1,250.5", "1,980"], None, {1250.5, 1980.0}),
        (["1,250,000", "980"], None, {1250000.0, 980.0}),
        (["1.250", "2.375"], None, {1.25, 2.375}),
        (["1.250", "80.5"], None, {1.25, 80.5}),
    ],
    ids=str,
)
def test_the_decimal_mark_is_clear_or_asked_for(tmp_path, cells, decimal, found):
    path = write(tmp_path / "t.csv", [[i / 2, cells[i % 2]] for i in range(60)], ["x", "y"], "\t")
    path.write_text(path.read_text().replace(".5\t", "\t").replace(".0\t", "\t"))  # x tells nothing
    if isinstance(found, str):
        with pytest.raises(UserError, match=found):
            load(path, "y", (Values,), decimal=decimal)
    else:
        data = load(path, "y", (Values,), decimal=decimal)
        assert {*data.train.targets().ravel().tolist()} == found


@pytest.mark.parametrize(
    ("cells", "found"), [(["1,250", "980"], "1,250 may be 1250 or 1.250"), (["1,250.5", "7"], {1250.5, 7.0})]
)
def test_commas_in_the_quotes_of_a_comma_separated_file_are_no_text(tmp_path, cells, found):
    path = write(tmp_path / "t.csv", [[i % 9 / 8, f'"{cells[i % 2]}"'] for i in range(60)], ["x", "y"])
    if isinstance(found, str):
        path.write_text(path.read_text().replace(".", ""))
        with pytest.raises(UserError, match=found):
            load(path, "y")
    else:
        assert {*load(path, "y", (Values,)).train.targets().ravel().tolist()} == found


def test_spaces_of_all_kinds_around_a_cell_are_none_when_it_is_served():
    door = Strings(InMemory.of({"x": np.zeros(3, "float32"), "c": np.array([b"a"] * 3, object)}, np.zeros(3, "int32")))
    found = door({"x": tf.constant(["\u00a08 ", "\t8", "8\u2009"]), "c": tf.constant(["a\u00a0", " a", "\u3000a"])})
    assert found["x"].numpy().tolist() == [8, 8, 8] and {*found["c"].numpy()} == {b"a"}


def test_another_column_tells_the_decimal_mark(tmp_path):
    rows = [["1,250" if i % 2 else 980, ("0,5", "7")[i % 2], i % 3] for i in range(60)]
    data = load(write(tmp_path / "t.csv", rows, ["x", "z", "y"], ";"), "y")
    assert {*data.train.examples(36)[0]["x"].tolist()} == {1.25, 980.0}


def test_large_numbers_that_lie_close_together_stay_apart(tmp_path):
    rows = [[1.7e9 + i * 7 % 60 + 0.5, 1e9 + i % 5 + 0.25] for i in range(300)]
    data = load(write(tmp_path / "t.csv", rows, ["stamp", "price"]), "price", (Values,))
    raw, target = data.train.examples(180)
    assert raw["stamp"].dtype == target.dtype == "float64"
    stamps = len({*raw["stamp"].tolist()})
    assert stamps > 50 and len({*target.ravel().tolist()}) == 5
    features = data.preprocess(raw)["numeric"].numpy()
    assert features.dtype == "float32" and len(np.unique(features)) == stamps
    np.testing.assert_allclose(features.std(), 1, rtol=0.01)
    strings = data.doors["strings"](data.doors["strings"].encode(raw))
    np.testing.assert_array_equal(strings["stamp"], raw["stamp"])
    data.preprocess.save(tmp_path / "p.keras")
    again = keras.saving.load_model(tmp_path / "p.keras")
    np.testing.assert_array_equal(again(raw)["numeric"], features)


def test_a_column_that_is_constant_in_training_is_not_divided_by_almost_nothing():
    train = InMemory.of({"c": np.full(1000, 0.1, "float32")}, np.zeros(1000, "int32"))
    _, preprocess = columns(train)
    assert preprocess({"c": np.float32([7.1])})["numeric"].numpy() == pytest.approx(7.0)


def test_ids_are_left_out_with_a_word_and_brought_back(tmp_path):
    rows = [[i % 50, 7 * 10**17 + 7 * i, 104_729 * i % 900_001 + 100_000, i % 7, i % 2] for i in range(100)]
    path = write(tmp_path / "t.csv", rows, ["CustomerID", "order", "card", "x", "y"])
    data = load(path, "y")
    assert data.inputs.numeric == ("x",)
    for said in ("CustomerID (ids by its name)", "order (ids, too long for numbers)", "card (ids, all different)"):
        assert said in data.notes
    assert load(path, "y", keep=("CustomerID", "card")).inputs.numeric == ("CustomerID", "card", "x")


def test_codes_of_digits_are_categories_where_they_are_said_to_be(tmp_path):
    rows = [[f"0{1234 + i % 5}", i % 7, i % 2] for i in range(100)]
    path = write(tmp_path / "t.csv", rows, ["zip", "x", "y"])
    data = load(path, "y", category=("zip",))
    assert data.inputs.categories == (("zip", 6),)
    assert b"01234" in data.train.examples(60)[0]["zip"]
    with pytest.raises(UserError, match="can't be a category"):
        load(write(tmp_path / "u.csv", [[f"a{i}", i % 2] for i in range(3000)], ["who", "y"]), "y", category=("who",))


def test_columns_without_a_name_and_headers_of_years(tmp_path):
    path = write(tmp_path / "t.csv", [["x", i % 7, i % 9, "", ""] for i in range(60)], ["land", 2019, 2020, "", ""])
    data = load(path, "2019")
    assert "column_4 (empty), column_5 (empty)" in data.notes and data.inputs.numeric == ("column_2020",)
    assert data.columns == {"column_2020": "2020"}
    bare = write(tmp_path / "u.csv", [[i % 7, i / 3, i % 2] for i in range(60)], [])
    assert "no header: the first row, 0, 0.0, 0, is read as data (--header)" in load(bare, "column_3").notes


def test_an_encoding_is_taken_as_said(tmp_path):
    path = write(tmp_path / "t.csv", [[("да", "нет")[i % 2], i % 2] for i in range(60)], ["ответ", "y"], ",", "cp1251")
    assert "not UTF-8, read as cp1252 (--encoding)" in load(path, "y").notes
    data = load(path, "y", encoding="cp1251")
    assert [*data.columns.values()] == ["ответ"]
    for encoding, said in {"utf-8": "line 1, isn't utf-8", "klingon": "there is no encoding 'klingon'"}.items():
        with pytest.raises(UserError, match=said):
            load(path, "y", encoding=encoding)


def test_a_columns_name_in_requests_follows_from_itself():
    names = ["价格", "面积", "a b", "a-b", "b64", "Size (m2)"]
    found = dict(zip(names, request_names(names), strict=True))
    assert found["b64"] == "column_b64" and found["Size (m2)"] == "Size_m2"
    assert len({*found.values()}) == 6 and all(name.isascii() for name in found.values())
    for name in names:
        assert input_of(name, found.values()) == found[name]
    assert request_names(["面积"])[0] == found["面积"]


@pytest.mark.parametrize(
    ("lines", "rows"),
    [
        (['ham\t"Free" x', "spam\tdone", 'ham\t"open', "spam\tnext", 'ham\tclosed"'], 5),
        (["a\tb", '1\t"two', 'lines"', "3\tx"], 3),
    ],
    ids=["stray", "texts of two lines"],
)
def test_quotes_join_rows_only_where_they_are_meant_to(tmp_path, lines, rows):
    (tmp_path / "t.tsv").write_text("\n".join(lines) + "\n")
    assert len(csv_files.read(csv_files.table(tmp_path / "t.tsv", header=False))["column_1"]) == rows


def test_a_quote_that_is_not_closed_is_told_by_its_row(tmp_path):
    (tmp_path / "t.csv").write_text('a,b\nx,1\n"open,2\ny, z"z,3,4\n')
    with pytest.raises(UserError, match="row 2: a quote that isn't closed joins it with the next ones"):
        load(tmp_path / "t.csv", "b")


def test_a_column_of_numbers_with_something_else_is_not_taken_for_classes_in_silence(tmp_path):
    rows = [[i / 3, f"{176 + i % 9}{' EUR' if i % 4 == 0 else ''}", "4 ?" if i == 7 else 1 + i % 6] for i in range(300)]
    path = write(tmp_path / "t.csv", rows, ["x", "price", "rooms"])
    with pytest.raises(UserError, match=r"row 1: price is '176 EUR', where most cells are numbers: .*--task"):
        load(path, "price")
    assert isinstance(load(path, "price", (Classes,)).outputs, Classes)
    (said,) = load(path, "x", drop=("price",)).warnings
    assert "row 8: rooms is '4 ?', where most cells are numbers: it is taken for categories" in said
    assert load(path, "x", drop=("price",), category=("rooms",)).warnings == ()


def test_a_line_without_end_is_told(tmp_path):
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n1,2\n" + b"1," * 2**24, 1))
    with pytest.raises(ValueError, match=r"t\.csv\.gz, line 3, has more than 16,777,216 bytes"):
        csv_files.table(path)


def test_a_cell_without_end_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_files, "MOST_LINE", 1000)
    path = tmp_path / "t.csv"
    path.write_text('a,b\n1,2\n"' + "a\n" * 1000 + '",3\n')
    with pytest.raises(ValueError, match=r"t\.csv isn't a CSV file: field larger than field limit"):
        csv_files.read(csv_files.table(path))
