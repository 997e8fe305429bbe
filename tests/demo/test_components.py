"""What the page of an export has in it, by the specs of its signatures: without Gradio, and without an export."""

import io
import math
import re

import numpy as np
import pytest
from PIL import Image

from src.demo import reading, showing
from src.demo.components import Field, Signature, tabs_of
from src.demo.exported import About
from src.errors import UserError
from src.readers.requests import DEFAULT, InputSpec

TEXT, NUMBER, WHOLE = InputSpec("string", (None,)), InputSpec("float32", (None,)), InputSpec("int32", (None,))
WINDOW = InputSpec("float32", (None, 3))
CLASSES = {"label": TEXT, "probability": NUMBER, "probabilities": InputSpec("float32", (None, 2))}
PICTURES = {"image": InputSpec("uint8", (None, 8, 8, 1)), "png_bytes": TEXT}
KNOBS = {"top_k": WHOLE, "length": WHOLE, "temperature": NUMBER, "seed": WHOLE, "top_p": NUMBER}


def shown(signatures, names=("yes", "no"), samples=None):
    """By title, the signature that is asked, the component of each input, and that of each answer."""
    tabs = tabs_of({name: Signature(*sides) for name, sides in signatures.items()}, samples or {}, {}, names)
    return {
        tab.title: (
            tab.signature,
            {name: field.component for field in tab.fields for name in field.inputs},
            tab.answers,
        )
        for tab in tabs
    }


def image(*shape):
    return {
        DEFAULT: ({"image": InputSpec("uint8", (None, *shape))}, CLASSES),
        "image_bytes": ({"image_bytes": TEXT}, CLASSES),
    }


def test_a_picture_is_asked_as_a_file_and_a_small_grey_one_is_sketched_too():
    by_file = ("image_bytes", {"image_bytes": "picture"}, {"probabilities": "bars"})
    assert shown(image(28, 28, 1)) == {
        "Sketch": ("image_bytes", {"image_bytes": "sketch"}, by_file[2]),
        "Picture": by_file,
    }
    assert shown(image(28, 28, 3)) == shown(image(224, 224, 1)) == {"Picture": by_file}


def test_a_row_has_numbers_and_words_whatever_its_columns_are_called():
    row = {"length": NUMBER, "text": TEXT, "label": TEXT, "image_bytes": TEXT, "latent": NUMBER}
    signatures = {DEFAULT: (row, {"value": NUMBER}), "strings": (dict.fromkeys(row, TEXT), {"value": NUMBER})}
    components = {"length": "number", "text": "word", "label": "word", "image_bytes": "word", "latent": "number"}
    assert shown(signatures) == {"Row": (DEFAULT, components, {"value": "number"})}


def test_a_row_has_the_order_of_the_file():
    row = {"b": NUMBER, "c": NUMBER, "a": NUMBER}
    (_, components, _), *_ = shown(
        {DEFAULT: (row, CLASSES)}, samples={DEFAULT: {"c": 1.0, "a": 2.0, "b": 3.0}}
    ).values()
    assert [*components] == ["c", "a", "b"]


def test_what_a_task_adds_comes_first_with_its_knobs_last():
    text = {DEFAULT: ({"text": TEXT}, {"next": TEXT, **CLASSES}), "generate": ({**KNOBS, "text": TEXT}, {"text": TEXT})}
    (title, (signature, components, answers)), (other, _) = shown(text).items()
    assert (title, signature, other, answers) == ("Generate", "generate", "Text", {"text": "text"})
    assert [*components] == ["text", "seed", "length", "temperature", "top_k", "top_p"]
    assert components["text"] == "text"
    assert {components[name] for name in ("length", "temperature", "top_k", "top_p")} == {"slider"}


def test_pictures_are_made_of_seeds_and_on_the_way_between_two():
    latent = {"latent": InputSpec("float32", (None, 64)), "label": TEXT}
    tabs = shown({DEFAULT: (latent, PICTURES), "generate": ({"seed": WHOLE, "label": TEXT}, PICTURES)})
    assert tabs["Generate"] == ("generate", {"label": "choice", "seed": "number"}, {"png_bytes": "picture"})
    assert tabs["Latent space"][1] == {"latent": "latent", "label": "choice"}


def test_a_mask_is_a_picture_and_bars():
    answers = {"mask": InputSpec("uint8", (None, 4, 4)), "png_bytes": TEXT, "shares": InputSpec("float32", (None, 2))}
    ((_, _, found),) = shown({DEFAULT: ({"image_bytes": TEXT}, answers)}).values()
    assert found == {"png_bytes": "picture", "shares": "shares"}


def test_boxes_are_a_picture_and_a_row_for_each_thing_with_the_least_score_last():
    answers = {
        "boxes": InputSpec("float32", (None, 100, 4)),
        "label": InputSpec("string", (None, 100)),
        "score": InputSpec("float32", (None, 100)),
        "count": InputSpec("int32", (None,)),
        "png_bytes": TEXT,
    }
    picture = {"image_bytes": TEXT}
    asked = {"threshold": InputSpec("float32", (None,)), **picture}
    tabs = shown({DEFAULT: (picture, answers), "image_bytes": (picture, answers), "at_threshold": (asked, answers)})
    assert [found for _, _, found in tabs.values()] == [{"count": "things", "png_bytes": "picture"}] * 2
    assert [*tabs["At threshold"][1].items()] == [("image_bytes", "picture"), ("threshold", "slider")]
    boxes = np.array([[1, 2, 30, 40.4], [5, 6, 7, 8]])
    things = {"boxes": boxes, "label": ["<cat>", ""], "score": [0.954, 0.0], "count": 1}
    found = showing.things(things)
    assert re.findall("<td>(.*?)</td>", found) == ["&lt;cat&gt;", "0.95", "1", "2", "30", "40"]
    assert re.findall("<th>(.*?)</th>", found) == ["", "score", "top", "left", "bottom", "right"]
    assert showing.things({**things, "count": 0}) == "<p>nothing</p>"


def test_texts_are_a_table_with_their_scores_and_the_best_one_stands_before_its_own():
    row = InputSpec("string", (None, 4))
    best, candidates = {"score": NUMBER, "text": TEXT}, {"scores": InputSpec("float32", (None, 4)), "texts": row}
    tabs = shown({DEFAULT: ({"text": TEXT}, best), "candidates": ({"text": TEXT}, candidates)})
    assert tabs["Candidates"][2] == {"texts": "texts"}
    assert [*tabs["Text"][2].items()] == [("text", "text"), ("score", "number")]
    found = showing.texts({"texts": ["<b>", "", ""], "scores": np.array([-0.254, -2.0, -np.inf])})
    assert re.findall("<td>(.*?)</td>", found) == ["&lt;b&gt;", "-0.25", "", "-2.00"]


def test_answers_stand_in_one_order_whatever_that_of_the_signature_is():
    answers = {"value": NUMBER, "shares": InputSpec("float32", (None, 2)), "count": NUMBER, "png_bytes": TEXT}
    for names in (answers, reversed(answers)):
        signature = ({"text": TEXT}, {name: answers[name] for name in names})
        ((_, _, found),) = shown({DEFAULT: signature}).values()
        assert [*found] == ["png_bytes", "shares", "count", "value"]


def test_series_are_one_table_and_what_follows_them_are_curves():
    past, ahead = InputSpec("float32", (None, 24)), InputSpec("float32", (None, 3))
    signature = ({"IBM": past, "HP": past}, {"IBM": ahead, "HP": ahead})
    assert shown({DEFAULT: signature}) == {
        "Series": (DEFAULT, dict.fromkeys(("IBM", "HP"), "series"), dict.fromkeys(("IBM", "HP"), "curves"))
    }


def test_what_no_rule_knows_is_json_and_every_answer_is_shown():
    cube, boxes = InputSpec("float32", (None, 2, 2, 2)), InputSpec("float32", (None, 5, 4))
    answers = {"box": boxes, "score": InputSpec("float32", (None, 5)), "png_bytes": TEXT}
    tabs = shown({DEFAULT: ({"cube": cube}, answers)})
    assert tabs == {"Request": (DEFAULT, {"cube": "json"}, {"box": "json", "score": "values", "png_bytes": "picture"})}


def test_without_names_the_label_is_shown_beside_the_bars():
    (_, _, answers), *_ = shown({DEFAULT: ({"text": TEXT}, CLASSES)}, names=()).values()
    assert answers == {"label": "word", "probability": "number", "probabilities": "bars"}
    assert showing.bars(np.array([0.25, 0.75]), About("")) == {"0": 0.25, "1": 0.75}


def field(component, name="size_m2", spec=NUMBER, sample=None, may_be_empty=False):
    return Field(component, {name: spec}, {} if sample is None else {name: sample}, {name: "size (m2)"}, may_be_empty)


@pytest.mark.parametrize(
    ("component", "spec", "value", "why"),
    [
        ("number", NUMBER, "seven", r"size \(m2\) is 'seven', not a number"),
        ("number", NUMBER, None, r"size \(m2\) is empty: give a number"),
        ("number", NUMBER, math.inf, r"size \(m2\) is inf, not a number"),
        ("number", WHOLE, 1.5, r"size \(m2\) is 1.5, not a whole number"),
        ("text", TEXT, "", r"size \(m2\) is empty: write something"),
        ("picture", TEXT, None, "There is no picture: drop one"),
        ("sketch", TEXT, None, "The sketch is empty: draw something"),
        ("series", WINDOW, "", "The table has no rows below a header"),
        ("series", WINDOW, "size (m2)\n1\n2\n", "The table has 2 steps; the model looks at the last 3"),
        ("series", WINDOW, "day,price\n1,2\n3,4", r"The table has no column .*: name the columns so\.$"),
        ("json", InputSpec("float32", (None, 2, 2, 2)), "[[1,", r"size \(m2\) isn't JSON"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(component, spec, value, why):
    with pytest.raises(UserError, match=f"^{why}[^\n]*$"):
        reading.READ[component](field(component, spec=spec), value)


def test_an_empty_number_is_missing_in_a_row():
    assert math.isnan(reading.number(field("number", may_be_empty=True), None)["size_m2"])
    assert reading.text(field("word", spec=TEXT, may_be_empty=True), None) == {"size_m2": ""}


def test_a_series_is_read_as_files_are():
    table = "day;size (m2)\n01.01.2024;1,5\n02.01.2024;2,5\n03.01.2024;\n"
    assert reading.series(field("series", spec=WINDOW), table) == {"size_m2": [1.5, 2.5, 2.5]}


def test_an_uploaded_table_that_is_no_text_is_named(tmp_path):
    (tmp_path / "sales.csv").write_bytes(b"\x00\x01\x02" * 500)
    with pytest.raises(UserError, match=r"^sales\.csv isn't text: [^\n]*\.$"):
        reading.table_of(tmp_path / "sales.csv")
    (tmp_path / "sales.csv").write_text("day,size\n", encoding="utf-16")
    assert reading.table_of(tmp_path / "sales.csv") == "day,size\n"


@pytest.mark.parametrize("paper", [0, 255])
def test_a_sketch_has_the_greys_and_the_size_of_the_training_pictures(paper):
    sample = np.full((4, 6), paper, "uint8")
    written = io.BytesIO()
    Image.fromarray(sample).save(written, "PNG")
    ink = np.zeros((40, 60, 4), "uint8")
    ink[10:20, 30:40, 3] = 255
    (png,) = reading.sketch(field("sketch", spec=TEXT, sample=written.getvalue()), {"layers": [ink]}).values()
    drawn = sample.copy()
    drawn[1, 3] = 255 - paper
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(png))), drawn)


def test_numbers_are_shown_with_their_digits_and_tokens_so_that_they_can_be_seen():
    assert showing.number(np.float32(77592.02), About("", unit="EUR")) == "77592.02 EUR"
    assert showing.number(np.float32(0.1), About("")) == "0.1"
    assert [*showing.bars(np.array([0.5, 0.5]), About("", names=(" ", "a")))] == ["' '", "a"]


def test_the_curve_of_a_series_is_a_drawing_in_which_names_are_texts():
    drawn = showing.curves({"a": [1.0, 2.0]}, {"a": np.float32([3.25])}, {"a": "<script>alert(1)</script>"})
    assert "<svg" in drawn
    assert "next: 3.25" in drawn
    assert "<script>" not in drawn
