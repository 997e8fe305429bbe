"""Times as people write them: dates of many kinds, with or without a time of day, or plain numbers."""

import math
import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

import numpy as np

from src.numbers import number

DAY = 86400.0  # seconds
CENTURY = 69  # two digits from here on are years before 2000, as in C
LAST, WEEK = 30, 5  # times whose steps tell the next ones; working days
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
TIME = (
    r"(?P<hour>\d\d?)(?:[:.h](?P<minute>\d\d))?(?:[:.](?P<second>\d\d(?:[.,]\d+)?))?"
    r"(?:\s*(?P<half>[ap])\.?m\.?)?\s*(?P<zone>z|utc|gmt|[-+]\d\d(?::?\d\d)?)?"
)
DATES = (
    r"(?P<year>\d{4})(?P<mark>[-/.])(?P<month>\d\d?)(?:(?P=mark)(?P<day>\d\d?))?",  # 2024-12-31, 2024-12
    r"(?P<month>\d\d?)[-/](?P<year>\d{4})",  # 12/2024
    r"(?P<one>\d\d?)(?P<mark>[-/.])(?P<other>\d\d?)(?P=mark)(?P<year>\d{4}|\d\d)",  # 31.12.2024, 12/31/2024
    r"(?:(?P<day>\d\d?)[ .-]+)?(?P<name>[a-z]{3,9})\.?[ ,.-]*(?P<year>\d{4}|\d\d)",  # 31 Dec 2024, Dec-24
    r"(?P<name>[a-z]{3,9})\.? (?P<day>\d\d?),? +(?P<year>\d{4})",  # Dec 31, 2024
    r"(?P<year>\d{4})[- ]?(?P<part>[qm])(?P<number>\d\d?)",  # 2024-Q4, 2024M12
)
HEADS = r"(19|20)\d\d([-/.]?(\d\d?|Q[1-4])){0,2}"  # names of columns: 2024, 2024-12, 2024-12-31, 2024Q4
PARTS = ("year", "month", "day", "hour", "minute")  # likewise
DIGITS = r"(?P<year>1[89]\d\d|2[01]\d\d)(?P<month>0[1-9]|1[0-2])(?P<day>[0-3]\d)?"  # 20241231, 202412

_DATES = [re.compile(rf"{form}(?:[t ,]+{TIME})?", re.ASCII | re.IGNORECASE) for form in DATES]
_DIGITS = re.compile(DIGITS, re.ASCII)
_CLOCK = re.compile(r"\d\d?(:\d\d){1,2}([.,]\d+)?(\s*[ap]\.?m\.?)?|\d\d?\.\d\d\.\d\d", re.ASCII | re.IGNORECASE)


class Times(NamedTuple):
    """The times of a column.

    Args:
        values: seconds, or the numbers that there are instead of dates, float64 (rows,); NaN for what is no time.
        dates: whether they are dates.
        local: whether they are times of day without an offset, as of clocks that are set back each October.
    """

    values: np.ndarray
    dates: bool = False
    local: bool = False


def read(texts: Sequence[str]) -> Times:
    """The times of a column, its cells without spaces around them.

    Of 01/02/2024 the first or the second number is the day, whichever makes more of the times rise.
    """
    if all(text.isdigit() for text in texts):
        days = [_digits(text) for text in texts]
        return Times(_array([number(text) for text in texts])) if None in days else Times(_array(days), dates=True)
    dates = _array([_time(text, month_first=False) for text in texts])
    if _rising(dates) < len(texts) - 1:
        dates = max(dates, _array([_time(text, month_first=True) for text in texts]), key=_rising)
    if np.isfinite(dates).sum() <= len(texts) / 2:
        return Times(_array([number(text) for text in texts]))
    matches = (form.fullmatch(text) for text in texts[:1] for form in _DATES)
    return Times(dates, dates=True, local=any(match and match["hour"] and not match["zone"] for match in matches))


def after(times: Times, count: int) -> list[str]:
    """The next times of a column in rising order, in steps like its last ones: by ISO 8601, or as numbers.

    Steps are months, working days where no weekend has a time, or of the usual size.

    Args:
        times: two at least.
        count: of the next ones.
    """
    last, ahead = times.values[-LAST:], np.arange(1, count + 1)
    steps = np.diff(last)
    usual = float(np.median(steps[steps > 0]))
    if not times.dates:
        return [f"{value:.15g}" for value in last[-1] + usual * ahead]
    moments = np.datetime64("0001-01-01", "s") + np.round(last - DAY).astype("m8[s]")
    days, months = moments.astype("M8[D]"), moments.astype("M8[M]")
    places = (
        days - months.astype("M8[D]"),
        (months + 1).astype("M8[D]") - days,
    )  # from the month's first day, to its end
    apart = np.diff(months.astype(int))
    if min(map(np.ptp, places)) == 0 and (apart > 0).all():
        following = months[-1] + int(np.median(apart)) * ahead
        first, end = following.astype("M8[D]"), (following + 1).astype("M8[D]")
        following = np.minimum(first + places[0][-1], end - 1) if np.ptp(places[0]) == 0 else end - places[1][-1]
    elif usual == DAY and len(last) > WEEK and np.is_busday(days).all():
        following = np.busday_offset(days[-1], ahead)
    else:
        following = moments[-1] + (usual * ahead).astype("m8[s]")
        return _written(following, times.local)
    return _written(following + (moments[-1] - days[-1]), times.local)


def is_date(text: str) -> bool:
    """Whether a text is a date; of digits alone it has to have a day."""
    if text.isdigit():
        return len(text) == len("20241231") and _digits(text) is not None
    return (_time(text, month_first=False) or _time(text, month_first=True)) is not None


def is_clock(text: str) -> bool:
    """Whether a text is a time of day, such as 23:00 or 23.00.00."""
    return _CLOCK.fullmatch(text) is not None


def like_times(names: Sequence[str], have_times: bool) -> list[str]:
    """What is to be said of series whose names are those of times, or of parts of them.

    Args:
        names: of the series.
        have_times: whether the file has a column of times besides.
    """
    moments = [name for name in names if re.fullmatch(HEADS, name)]
    parts = [name for name in names if name.lower() in PARTS]
    if len(moments) > 2 and 2 * len(moments) > len(names):
        way = "where a row is one series, turn the table round, so that it stands in a column"
        return [f"{moments[0]} to {moments[-1]} look like times, and each is taken for a series; {way}"]
    if len(parts) > 1 and not have_times:
        way = "join them into one column of times, such as 2024-12-31, or name the series with --columns"
        return [f"{', '.join(parts)} look like parts of a time, and are taken for series; {way}"]
    return []


def _written(moments: np.ndarray, local: bool) -> list[str]:
    """Moments, datetime64 (n,) in seconds, as days where all are midnights."""
    if (moments == moments.astype("M8[D]")).all():
        return np.datetime_as_string(moments, "D").tolist()
    seconds = (moments != moments.astype("M8[m]")).any()
    texts = np.datetime_as_string(moments, "s" if seconds else "m").tolist()
    return [text.replace("T", " ") + ("" if local else "Z") for text in texts]


def _digits(text: str) -> float | None:
    """Seconds of a date of digits alone; None for what is none."""
    match = _DIGITS.fullmatch(text)
    return _date(match, month_first=False) if match else None


def _time(text: str, month_first: bool) -> float | None:
    """Seconds; None for what is no date."""
    for form in _DATES:
        if match := form.fullmatch(text):
            day = _date(match, month_first)
            return None if day is None else day + _seconds(match)
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    offset = time.utcoffset() or timedelta()
    return (time.replace(tzinfo=None) - offset - datetime.min) / timedelta(seconds=1) + DAY


def _date(match: re.Match, month_first: bool) -> float | None:
    """Seconds of a day; a month or a quarter stands for its first one."""
    groups = match.groupdict()
    year = int(groups["year"])
    year += 0 if len(groups["year"]) == 4 else 1900 if year >= CENTURY else 2000
    day = groups.get("day") or 1
    if groups.get("name"):
        short = groups["name"][:3].lower()
        month = MONTHS.index(short) + 1 if short in MONTHS else 0
    elif groups.get("part"):
        month = int(groups["number"]) if groups["part"] in "mM" else 3 * int(groups["number"]) - 2
    elif groups.get("one"):
        month, day = (groups["one"], groups["other"]) if month_first else (groups["other"], groups["one"])
    else:
        month = groups["month"]
    try:
        return date(year, int(month), int(day)).toordinal() * DAY
    except ValueError:
        return None


def _seconds(match: re.Match) -> float:
    """Seconds of a time of day, less its offset from UTC; 0 where there is none."""
    if not match["hour"]:
        return 0.0
    hour = int(match["hour"])
    if match["half"]:
        hour = hour % 12 + 12 * (match["half"] in "pP")
    seconds = 3600 * hour + 60 * int(match["minute"] or 0) + float((match["second"] or "0").replace(",", "."))
    if (zone := match["zone"] or "")[:1] in ("+", "-"):
        digits = zone[1:].replace(":", "").ljust(4, "0")
        seconds -= (-1 if zone[0] == "-" else 1) * (3600 * int(digits[:2]) + 60 * int(digits[2:]))
    return seconds


def _rising(values: np.ndarray) -> int:
    return int((np.diff(values) > 0).sum())


def _array(values: Sequence[float | None]) -> np.ndarray:
    """float64, NaN for what isn't there or isn't finite."""
    return np.array([math.nan if value is None or not math.isfinite(value) else value for value in values], "float64")
