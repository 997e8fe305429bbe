"""Dates as people write them, to be written as in ISO 8601: made by rules, so no download.

20,000 texts such as "the 3rd of May 2019", "Fri, May 3, 19", "twenty-first of June 1987" and "03.05.2019", and what
they become, such as "2019-05-03". Each has one meaning: day, month and year between points, year, month and day between
slashes; two digits of a year are those of 1969 to 2068, as POSIX reads them. Split 60/20/20 by date, so that the dates
of test are new ones. The same texts on every machine.
"""

from collections.abc import Callable
from datetime import date
from functools import partial

import numpy as np

from src.data import Data
from src.preprocess.subwords import subwords, token_counts
from src.sources.memory import InMemory
from src.sources.splits import SPLITS, deal
from src.specs import Text, Tokens

INPUTS, OUTPUTS = (Tokens,), (Text,)
FIRST, LAST = date(1969, 1, 1), date(2068, 12, 31)
BYTES_ALONE = 259  # a vocabulary of the 256 bytes, and of padding, unknown and end
LONGEST, WRITTEN = 64, 11  # tokens of a text, and of a date in ISO 8601 with its end
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
ORDINALS = (
    *("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh"),
    *("twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth", "nineteenth"),
    *("twentieth", "twenty-first", "twenty-second", "twenty-third", "twenty-fourth", "twenty-fifth", "twenty-sixth"),
    *("twenty-seventh", "twenty-eighth", "twenty-ninth", "thirtieth", "thirty-first"),
)
WAYS = (
    *("{day}.{number}.{year}", "{day:02}.{number:02}.{year}", "{day:02}.{number:02}.{short}"),
    *("{year}/{number:02}/{day:02}", "{year}{number:02}{day:02}", "{year}-{mon}-{day:02}"),
    *("{day} {month} {year}", "{day:02}-{mon}-{year}", "{day:02}{mon}{short}", "{day} {mon} '{short}"),
    *("{nth} {month} {year}", "the {nth} of {month} {year}", "{nth} of {month}, {year}", "{nth} of {mon} {short}"),
    *("{month} {day}, {year}", "{month} {nth}, {year}", "{mon} {day}, {short}", "{mon}. {nth} {year}"),
    *("{ordinal} of {month} {year}", "the {ordinal} of {month}, {year}", "{month} the {ordinal}, {year}"),
    *("{weekday} {day} {month} {year}", "{weekday}, {month} {nth}, {year}", "{wd} {day} {mon} {year}"),
    *("{wd}, {mon} {day}, {short}", "{weekday} the {nth} of {month} {year}", "{wd}. {nth} {mon} '{short}"),
)
CASES: tuple[Callable[[str], str], ...] = (str, str.lower, str.upper)


def load(*, examples: int = 20_000) -> Data:
    """The dates, and the same ones in ISO 8601, read and written byte by byte.

    Args:
        examples: number of texts that are made.
    """
    texts = _texts(examples)
    days = np.array([day.toordinal() for day in texts.values()])
    source = np.array([text.encode() for text in texts], object)
    target = np.array([day.isoformat().encode() for day in texts.values()], object)
    lengths = partial(token_counts, vocabulary=BYTES_ALONE, length=LONGEST)
    sources = {
        split: InMemory.of({"text": source[rows]}, target[rows], lengths, days[rows])
        for split, rows in zip(SPLITS, deal(target, stratify=False, groups=days), strict=True)
    }
    adapt = partial(subwords, vocabulary=BYTES_ALONE, length=LONGEST)
    return Data.adapted(adapt, **sources, outputs=Text(WRITTEN, BYTES_ALONE))


def _texts(examples: int) -> dict[str, date]:
    """Different texts, and their dates; raises ValueError for too few to be split, or more than there are."""
    most = (LAST - FIRST).days + 1
    if not 10 <= examples <= most:
        raise ValueError(f"examples is a number from 10 to {most:,}, not {examples:,}")
    random = np.random.default_rng(0)
    texts: dict[str, date] = {}
    while len(texts) < examples:
        day = date.fromordinal(FIRST.toordinal() + int(random.integers(most)))
        texts[CASES[random.integers(len(CASES))](WAYS[random.integers(len(WAYS))].format(**_parts(day)))] = day
    return texts


def _parts(day: date) -> dict[str, str | int]:
    """What a way of writing a date is made of."""
    month, weekday = MONTHS[day.month - 1], DAYS[day.weekday()]
    teens = day.day % 100 in (11, 12, 13)
    ending = "th" if teens else {1: "st", 2: "nd", 3: "rd"}.get(day.day % 10, "th")
    return {
        "day": day.day,
        "nth": f"{day.day}{ending}",
        "ordinal": ORDINALS[day.day - 1],
        "weekday": weekday,
        "wd": weekday[:3],
        "number": day.month,
        "month": month,
        "mon": month[:3],
        "year": day.year,
        "short": f"{day.year % 100:02}",
    }
