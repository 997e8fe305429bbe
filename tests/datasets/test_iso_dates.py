"""Dates in many ways of writing: what they mean, and how they are split."""

from datetime import date

import pytest

from src.sources.splits import SPLITS
from tests.samples import text_pairs

iso_dates = pytest.importorskip("src.datasets.iso_dates")


def test_a_date_is_in_one_split_only_and_a_text_there_once():
    data = iso_dates.load(examples=500)
    splits = [text_pairs(data, split) for split in SPLITS]
    texts = [text for split in splits for text, _ in split]
    dates = [{written for _, written in split} for split in splits]
    assert len(texts) == len({*texts}) == 500
    assert not (dates[0] & dates[1] or dates[0] & dates[2] or dates[1] & dates[2])
    assert len(dates[0]) > 200


def test_the_same_texts_are_made_each_time():
    assert text_pairs(iso_dates.load(), "train")[:3] == [
        ("the ninth of october, 2006", "2006-10-09"),
        ("mar. 10th 2006", "2006-03-10"),
        ("18 AUGUST 2014", "2014-08-18"),
    ]


@pytest.mark.parametrize("day", [date(1969, 1, 2), date(2000, 2, 1), date(2011, 12, 10), date(2068, 11, 22)], ids=str)
def test_no_way_of_writing_a_date_means_another_date(day):
    parts = iso_dates._parts(day)
    others = [day.replace(day=day.month, month=day.day if day.day < 13 else 1), day.replace(year=2069 - day.year % 100)]
    for other in others:
        ways = {way.format(**iso_dates._parts(other)) for way in iso_dates.WAYS} if other != day else set()
        assert not ways & {way.format(**parts) for way in iso_dates.WAYS}


@pytest.mark.parametrize("number", [9, 36_526])
def test_too_few_and_too_many_are_refused(number):
    with pytest.raises(ValueError, match="examples is a number from 10 to 36,525"):
        iso_dates.load(examples=number)
