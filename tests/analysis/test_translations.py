"""Written texts beside right ones, and the nearest text that was learnt."""

import matplotlib
import numpy as np
import pytest
import sacrebleu

from src.analysis import plots
from src.analysis.translations import by_length, draw_attention, how_measured, likeness, nearest


def test_a_text_that_is_any_of_its_references_is_right():
    right = [["a cat sat there", "there sat a cat"], ["yes, it is so"]]
    found = likeness(["there sat a cat", "yes, it is so"], right)
    assert found["exact_match"] == 1
    assert found["bleu"] == pytest.approx(100)
    assert found["chrf"] == pytest.approx(100)
    assert likeness(["there sat a dog", "yes, it is so"], right)["exact_match"] == 0.5


def test_figures_are_those_of_sacrebleu():
    written = ["the cat is on the mat", "it rains again today"]
    right = [["the cat sat on the mat"], ["it is raining again today"]]
    found = likeness(written, right)
    by_place = [[first for (first,) in right]]
    assert found["bleu"] == pytest.approx(sacrebleu.corpus_bleu(written, by_place).score)
    assert found["chrf"] == pytest.approx(sacrebleu.corpus_chrf(written, by_place).score)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [("words between blanks", "tok:13a"), ("今日は雨が降っています。", "tok:char"), ("ok", "tok:char")],
)
def test_texts_of_scripts_without_blanks_are_measured_by_characters(text, tokens):
    measured = how_measured([[text]])
    assert tokens in measured["BLEU"]
    assert measured["BLEU"].startswith("BLEU nrefs:1|")
    assert measured["chrF"].startswith("chrF nrefs:1|")


def test_the_nearest_text_shares_the_rarest_tokens():
    learnt = [np.array(tokens) for tokens in ([5, 6, 7], [5, 6, 9], [5], [9, 9, 9, 5, 6])]
    asked = [np.array(tokens) for tokens in ([5, 7], [9], [5], [])]
    assert nearest(learnt, asked)[:3].tolist() == [0, 3, 2]


def test_every_text_is_in_one_part_by_length():
    lengths = np.array([1, 1, 1, 1, 1, 2, 9, 40])
    parts = by_length(lengths, np.arange(8.0))
    assert sum(part["texts"] for part in parts) == 8
    assert [(part["shortest"], part["longest"]) for part in parts] == [(1, 1), (2, 9), (40, 40)]
    assert parts[0]["chrf"] == 2


def test_letters_of_all_scripts_come_from_fonts_that_are_installed(monkeypatch):
    monkeypatch.setattr(plots, "FONTS", ("No Such Font", "DejaVu Sans Mono"))
    before = matplotlib.rcParams["font.family"]
    with plots.in_all_scripts():
        assert matplotlib.rcParams["font.family"] == [*before, "DejaVu Sans Mono"]
    assert matplotlib.rcParams["font.family"] == before


def test_attention_is_labelled_with_what_is_seen_of_a_token():
    figure = draw_attention([{"source": [" a", "b"], "written": ["c", ""], "weights": [[0.5, 0.5], [1, 0]]}])
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["␣a", "b"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["c", "end"]
