"""Series: windows, walk-forward splits, what came a season before, and files with gaps."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import keras
import numpy as np
import pytest
import tensorflow as tf

from src.preprocess.series import forecast
from src.signatures import features_of

own = pytest.importorskip("src.datasets.series")
forecasting = pytest.importorskip("src.tasks.forecasting")
TIME = np.arange(200, dtype="float32")


def test_a_window_is_followed_by_what_came_and_a_season_lies_between_it_and_its_reference():
    data = forecast({"count": TIME, "twice": 2 * TIME}, window=5, horizon=3, season=2, log=False)
    for source in (data.train, data.validation, data.test):
        raw, target = source.examples(len(source))
        last = raw["count"][:, -1]
        np.testing.assert_array_equal(raw["count"], last[:, None] + np.arange(-4, 1))
        np.testing.assert_array_equal(target[:, 0, :, 0], last[:, None] + [1, 2, 3])
        np.testing.assert_array_equal(target[:, 1, :, 0], last[:, None] + [-1, 0, -1])
        np.testing.assert_array_equal(target[..., 1], 2 * target[..., 0])
    assert data.outputs.naive == (1.0, 2.0)
    assert data.outputs.seasonal == (2.0, 4.0)


def test_splits_follow_each_other_and_share_no_target():
    data = forecast({"count": TIME}, window=10, horizon=2, season=1, log=False)
    targets = [set(getattr(data, s).examples(999)[1][:, 0].ravel()) for s in ("train", "validation", "test")]
    assert max(targets[0]) < min(targets[1]) <= max(targets[1]) < min(targets[2])
    assert set.union(*targets) == set(TIME[10:])


def test_features_are_scaled_by_the_training_split_alone():
    values = np.concatenate([TIME[:147] % 7, 1e6 + TIME[147:]]).astype("float32")
    data = forecast({"count": values}, window=10, horizon=1, season=1, log=False)
    raw, _ = data.train.examples(len(data.train))
    scaled = features_of(data.preprocess, raw).numpy()
    assert abs(scaled.mean()) < 0.1
    assert abs(scaled.std() - 1) < 0.1


def test_a_missing_value_is_the_one_before_it():
    data = forecast({"count": 1 + TIME}, window=5, horizon=1, season=1, log=True)

    def features(*values):
        return features_of(data.preprocess, {"count": np.array([values], "float32")}).numpy()[0, :, 0]

    nan = np.nan
    np.testing.assert_array_equal(features(7, nan, nan, 9, nan), features(7, 7, 7, 9, 9))
    np.testing.assert_array_equal(features(8, 7, 0, -5, 9), features(8, 7, 7, 7, 9))
    np.testing.assert_array_equal(features(7, nan, nan, nan, nan), features(7, 7, 7, 7, 7))
    np.testing.assert_array_equal(features(nan, nan, nan, nan, 9)[:4], np.zeros(4))


@pytest.mark.parametrize("number", [np.inf, -np.inf, 1e300, 3e38, np.nan])
@pytest.mark.parametrize("log", [False, True])
def test_no_number_makes_a_feature_infinite(number, log):
    data = forecast({"count": 1 + TIME}, window=3, horizon=1, season=1, log=log)
    dtype = data.preprocess.input["count"].dtype
    with np.errstate(over="ignore"):
        raw = {"count": tf.constant(np.array([[5.0, number, 7.0]]).astype(dtype))}
    features = features_of(data.preprocess, raw).numpy()[0, :, 0]
    assert (abs(features) <= 1e6).all()
    if not np.isfinite(number) or number > 1e200:
        assert features[1] == features[0], "it counts as missing"


@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e9])
def test_the_unit_does_not_matter(unit):
    values = ((TIME * 7) % 11 - 5) * unit
    data = forecast({"count": values.astype("float32")}, window=5, horizon=1, season=2, log=False)
    task = forecasting.Task(data.outputs)
    for batch in [task.supervise(features_of(data.preprocess, raw), target) for raw, target in data.train.in_order(50)]:
        figures = task.figures(lambda features: features[:, -1], [batch])
        assert figures["mase"] == pytest.approx(figures["simple"]["the last value"]["mase"])
        assert 0.9 < figures["mase"] < 1.1


def test_a_series_that_never_changes_in_training_is_measured_in_its_own_unit():
    values = np.where(TIME < 150, 3.0, TIME)
    data = forecast({"count": values.astype("float32")}, window=5, horizon=1, season=2, log=False)
    assert data.outputs.naive == data.outputs.seasonal == data.outputs.scale == (1.0,)


def test_series_of_any_names_are_asked_for_by_different_names():
    data = forecast({"温度": TIME, "湿度": TIME, "a b": TIME, "a-b": TIME}, window=5, horizon=1, season=1, log=False)
    names = data.outputs.names
    assert len(set(names)) == 4
    assert all(name.isidentifier() and name.isascii() for name in names)
    assert data.columns == dict(zip(names, ("温度", "湿度", "a b", "a-b"), strict=True))


@pytest.mark.parametrize(
    ("knobs", "said"),
    [
        ({"window": 0}, "window"),
        ({"horizon": 0}, "horizon"),
        ({"season": 0}, "season"),
        ({"log": True}, "above 0; count is 0 at step 1: leave --log out"),
        ({"window": 199}, "too few"),
    ],
    ids=str,
)
def test_what_can_not_be_forecast_is_refused(knobs, said):
    with pytest.raises(ValueError, match=said):
        forecast({"count": TIME}, **{"window": 5, "horizon": 1, "season": 1, "log": False, **knobs})


def written(tmp_path, rows):
    (tmp_path / "days.csv").write_text("\n".join(["day,sold,price", *rows]))
    return str(tmp_path / "days.csv")


ROWS = [f"{np.datetime64('2024-01-01') + day},{day},{day / 2}" for day in range(200)]


def test_a_file_is_read(tmp_path):
    data = own.load(path=written(tmp_path, ROWS), window=7, horizon=2)
    assert data.outputs.names == ("sold", "price")
    assert own.load(path=written(tmp_path, ROWS), columns=("price",)).outputs.names == ("price",)


DAYS = np.arange("2024-01", "2024-08", dtype="datetime64[D]")[:200]
HOURS = [datetime(2024, 10, 26, tzinfo=UTC) + timedelta(hours=n) for n in range(200)]


@pytest.mark.parametrize(
    "times",
    [
        [f"{1900 + n // 12}-{n % 12 + 1:02}" for n in range(200)],
        list(range(200)),
        [str(day).replace("-", "") for day in DAYS],
        [f"{1900 + n // 12}{n % 12 + 1:02}" for n in range(200)],
        [f"{1900 + n // 4}-Q{n % 4 + 1}" for n in range(200)],
        [f"{day.item():%d.%m.%Y}" for day in DAYS],
        [f"{day.item():%m/%d/%Y}" for day in DAYS],
        [f"{day.item():%d/%m/%y} 0:00" for day in DAYS],
        [f"{day.item():%d %b %Y}" for day in DAYS],
        [f"{hour:%Y-%m-%d %I:%M %p}" for hour in HOURS],
        [f"{hour:%Y/%m/%d %H:%M:%S} UTC" for hour in HOURS],
        [hour.astimezone(timezone(timedelta(hours=2 - (n > 24)))).isoformat() for n, hour in enumerate(HOURS)],
    ],
    ids=[
        *("months", "numbers", "digits", "digits of months", "quarters", "day first", "month first", "short years"),
        *("names of months", "halves of a day", "UTC", "end of summer time"),
    ],
)
def test_times_of_many_kinds_have_no_gaps(tmp_path, times):
    data = own.load(path=written(tmp_path, [f"{time},{n % 3},{n}" for n, time in enumerate(times)]))
    assert data.notes.splitlines()[1:] == ["  times: day (--time)"]
    assert data.outputs.names == ("sold", "price")


def test_gaps_and_missing_numbers_are_told(tmp_path):
    rows = [
        row if number != 50 else row.split(",")[0] + ",," for number, row in enumerate(ROWS) if number not in (9, 120)
    ]
    data = own.load(path=written(tmp_path, rows), window=60)
    assert "gaps in day: 2, the first between 2024-01-09 and 2024-01-11; all steps are treated as equal" in data.notes
    assert "sold lacks 1 number, the first at row 50" in data.notes
    raw, _ = data.train.examples(1)
    assert raw["sold"][0, 48:51].tolist() == [49, 49, 51]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("yesterday,1,2", "row 4: day is 'yesterday', not a time"),
        ("2023-01-01,1,2", "row 4: day 2023-01-01 isn't after 2024-01-03"),
        ("2024-01-04,much,2", "row 4: sold is 'much', not a number"),
        ("2024-01-04,inf,2", "row 4: sold is 'inf', too large"),
        ("2024-01-04,1e300,2", "row 4: sold is '1e300', too large"),
        ("nan,1,2", "row 4: day is 'nan', not a time"),
        ("2024-01-04,1", "row 4: 2 columns instead of 3"),
    ],
)
def test_a_row_that_can_not_be_read_is_named(tmp_path, row, said):
    with pytest.raises(ValueError, match=r"days\.csv") as error:
        own.load(path=written(tmp_path, [*ROWS[:3], row, *ROWS[4:]]))
    assert said in str(error.value)


def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(ValueError, match="--path"):
        own.load()
    with pytest.raises(ValueError, match=r"no column 'solt'\. Did you mean 'sold'"):
        own.load(path=written(tmp_path, ROWS), columns=("solt",))
    with pytest.raises(ValueError, match=r"days\.csv: 2 steps are too few .* --window, --season and --horizon"):
        own.load(path=written(tmp_path, ROWS[:2]))
    with pytest.raises(ValueError, match=r"no series of numbers: sold \(the same in each row\), price \(empty\)"):
        own.load(path=written(tmp_path, ["2024-01-01,1,", "2024-01-02,1,"]))


def numbers(count=200):
    return [f"{5 + np.sin(n):.2f}" for n in range(count)]


def load_lines(tmp_path, lines, **knobs):
    (tmp_path / "load.csv").write_text("\n".join(lines), encoding="utf-8")
    return own.load(path=str(tmp_path / "load.csv"), **knobs)


def series_of(data):
    """The values of each series from the first to the last, as they are asked about and forecast."""
    raw, target = data.train.examples(1)
    return {name: [*raw[name][0], *target[0, 0, :, place]] for place, name in enumerate(data.outputs.names)}


NUMBERS = numbers()
LOAD = list(zip(DAYS, NUMBERS, strict=True))
HOURLY = list(zip(HOURS, NUMBERS, strict=True))


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["day,load", *(f"{day},{'NA' if n == 50 else value}" for n, (day, value) in enumerate(LOAD))], "lacks 1"),
        (["day;load", *(f"{day};{'-' if n == 50 else value}" for n, (day, value) in enumerate(LOAD))], "lacks 1"),
        (["day;load", *(f"{day};{value.replace('.', ',')}" for day, value in LOAD)], "a comma is the decimal mark"),
        (["day,load,", *(f"{day},{value}," for day, value in LOAD)], "column_3 (empty)"),
        ([",day,load", *(f"{n},{day},{value}" for n, (day, value) in enumerate(LOAD))], "column_1 (row numbers)"),
        (["day,sky,load", *(f"{d},{'sun' if d.item().day % 3 else 'rain'},{v}" for d, v in LOAD)], "sky (category)"),
        (["day,load", *(f"{day},{value}" for day, value in LOAD[::-1])], "rows are newest first"),
        (["day;at;load", *(f"{hour:%d/%m/%Y;%H.%M.%S};{value}" for hour, value in HOURLY), ";;"], "times: day at"),
        ([f"{day},{value}" for day, value in LOAD], "no header"),
        (["load", *NUMBERS], "no times: each of 200 rows is a step"),
        ([f"{value},{value}5" for value in NUMBERS], "no times"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_tables_may_have_series_may_have(tmp_path, lines, said):
    data = load_lines(tmp_path, lines, window=20)
    assert said in data.notes
    (first, *_) = series_of(data).values()
    np.testing.assert_allclose(first, np.array(NUMBERS[:21], "float32"), rtol=1e-6)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (
            ["2019,2020,2021", *(f"{value},{value}1,{value}2" for value in NUMBERS)],
            "2019 to 2021 look like times",
        ),
        (
            ["year,month,load", *(f"{2000 + n // 12},{n % 12 + 1},{value}" for n, value in enumerate(NUMBERS))],
            "year, month look like parts of a time",
        ),
    ],
    ids=["a header of years", "a time in parts"],
)
def test_series_that_are_named_like_times_are_doubted(tmp_path, lines, told):
    assert told in load_lines(tmp_path, lines, window=20, **({"header": True} if "2019" in lines[0] else {})).notes


def berlin(steps, minutes=60):
    first = datetime(2024, 10, 20, tzinfo=UTC)
    times = [(first + timedelta(minutes=minutes * n)).astimezone(ZoneInfo("Europe/Berlin")) for n in range(steps)]
    return [f"{time:%Y-%m-%d %H:%M}" for time in times]


@pytest.mark.parametrize(("steps", "minutes"), [(400, 60), (800, 30), (1600, 15), (24 * 400, 60)])
def test_a_clock_may_be_set_back_once_a_year(tmp_path, steps, minutes):
    rows = [f"{time},{value}" for time, value in zip(berlin(steps, minutes), numbers(steps), strict=True)]
    notes = load_lines(tmp_path, ["at,load", *rows]).notes
    assert "the clock was set back after 2024-10-27 02:" in notes
    assert "gaps" not in notes


def test_rows_that_are_not_in_order_are_refused_with_ways_out(tmp_path):
    rows = [f"{time},{value}" for time, value in zip(berlin(200), NUMBERS, strict=True)]
    with pytest.raises(ValueError, match=r"sort the rows by time, or --series .*, or write times with their offset"):
        load_lines(tmp_path, ["at,load", *rows[:100], rows[99], *rows[100:]])
    rows = [f"{day},{shop},{n}" for shop in ("north", "south") for n, day in enumerate(DAYS)]
    with pytest.raises(ValueError, match=r"row 201: day 2024-01-01 isn't after 2024-07-18: .* --series shop"):
        load_lines(tmp_path, ["day,shop,sales", *rows])
    rows = [f"{n if n != 7 else 3},{n % 5}" for n in range(200)]
    with pytest.raises(ValueError, match=r"row 8: a 3 isn't after 6: .* name the series with --columns"):
        load_lines(tmp_path, ["a,b", *rows])
    assert load_lines(tmp_path, ["a,b", *rows], columns=("a", "b")).outputs.names == ("a", "b")


def shops(*parts):
    """Rows of shops that are there on some of the days."""
    return [f"{DAYS[n]},{shop},{n % 7 + place}" for place, (shop, days) in enumerate(parts) for n in days]


def test_series_one_below_the_other_are_joined_by_their_times(tmp_path):
    rows = shops(("north shop", range(200)), ("süd", [n for n in range(3, 200) if n != 50]))
    data = load_lines(tmp_path, ["day,shop,sales", *sorted(rows)], series="shop", window=60)
    assert list(data.columns.values()) == ["north shop", "süd"]
    north, south = series_of(data).values()
    assert north == [n % 7 for n in range(3, 64)]
    assert south == [(n - (n == 50)) % 7 + 1 for n in range(3, 64)]
    for said in ("2 series by shop", "the first 3 steps are left out: süd begins at 2024-01-04", "süd lacks 1 number"):
        assert said in data.notes
    rows = [f"{row},{n % 3}" for n, row in enumerate(rows)]
    names = load_lines(tmp_path, ["day,shop,sales,guests", *rows], series="shop").columns.values()
    assert list(names) == ["north shop sales", "north shop guests", "süd sales", "süd guests"]


@pytest.mark.parametrize(
    ("rows", "knobs", "said"),
    [
        (shops(("a", range(200)), ("b", [*range(200), 5])), {}, "2024-01-06 stands twice for b, also in row 206"),
        (shops(("a", range(200)), ("b", range(30))), {}, "b has 30 numbers at 200 times, too few"),
        (shops(("a", range(200)), ("b", range(80, 200))), {}, "b has no number before 2024-03-21"),
        (shops(("a", range(200)), ("", range(200))), {}, "row 201: shop is empty"),
        (shops(("a", range(200))), {"columns": ("shop",)}, "shop can't be one of --columns, too"),
    ],
)
def test_series_that_can_not_be_joined_are_refused(tmp_path, rows, knobs, said):
    with pytest.raises(ValueError, match=r"load\.csv") as error:
        load_lines(tmp_path, ["day,shop,sales", *rows], series="shop", **knobs)
    assert said in str(error.value)


def test_a_decimal_mark_that_is_not_clear_is_asked_for(tmp_path):
    lines = ["day;load", *(f"{day};1,{n:03}" for n, day in enumerate(DAYS))]
    with pytest.raises(ValueError, match="say which is the decimal mark"):
        load_lines(tmp_path, lines)
    assert load_lines(tmp_path, lines, decimal=".").outputs.mean[0] > 1000
    assert load_lines(tmp_path, lines, decimal=",").outputs.mean[0] < 2


CLOSE = {  # large values that lie close together, and whether it is their logarithm that is forecast
    "prices": (1e9 + 10 * np.sin(np.arange(300)), False),
    "time stamps": (1.7e9 + 60.0 * np.arange(300), False),
    "logarithms": (1e9 + 10 * np.sin(np.arange(300)), True),
    "constant in training": (np.where(np.arange(300) < 250, 3e9, 3e9 + np.arange(300)), False),
}


@pytest.mark.parametrize("name", CLOSE)
def test_large_values_that_lie_close_together_stay_apart(tmp_path, name):
    values, log = CLOSE[name]
    data = forecast({"far": values, "near": values % 97}, window=20, horizon=2, season=1, log=False)
    assert data.outputs.dtypes == ("float64", "float32")
    data = forecast({"far": values}, window=20, horizon=2, season=1, log=log)
    task = forecasting.Task(data.outputs)
    for source in (data.train, data.test):
        raw, target = source.examples(len(source))
        assert {raw["far"].dtype, target.dtype} == {np.dtype("float64")}
        np.testing.assert_array_equal(raw["far"][1:, -1], target[:-1, 0, 0, 0])
        features, wanted = task.supervise(features_of(data.preprocess, raw), target)
        assert features.dtype == wanted.dtype == "float32"
        answer = task.answers(tf.reshape(wanted[:, 0], (-1, 2)))["far"]
        assert answer.dtype == "float64"
        unit = data.outputs.naive[0]
        np.testing.assert_allclose(answer, target[:, 0, :, 0], atol=1e-3 * unit, rtol=0)
        figures = task.figures(lambda x: tf.tile(x[:, -1], (1, 2)), [(features, wanted)])
        moved = np.abs(target[:, 0, :, 0] - raw["far"][:, -1:]).mean()
        assert figures["mae"] == pytest.approx(moved, rel=1e-3)
    data.preprocess.save(tmp_path / "preprocess.keras")
    again = keras.saving.load_model(tmp_path / "preprocess.keras")
    np.testing.assert_array_equal(features_of(again, raw), features_of(data.preprocess, raw))


def test_values_that_float32_tells_apart_take_four_bytes():
    for values in (20 + np.sin(TIME), 1e4 + 100 * np.sin(TIME), TIME, 1e-9 * TIME, np.full(200, 3.0)):
        data = forecast({"count": values}, window=5, horizon=1, season=1, log=False)
        raw, target = data.train.examples(1)
        assert data.outputs.dtypes == (raw["count"].dtype,) == (target.dtype,) == ("float32",)


def test_a_constant_has_the_scale_1_whatever_rounding_makes_of_it():
    for value in (0.1, 1e9 + 0.1, 1 / 3):
        outputs = forecast({"count": np.full(200, value)}, window=5, horizon=1, season=1, log=False).outputs
        assert outputs.scale == outputs.naive == (1.0,)


def test_no_forecast_is_infinite():
    data = forecast({"count": 1 + TIME}, window=3, horizon=1, season=1, log=True)
    task = forecasting.Task(data.outputs)
    assert np.isfinite(task.answers(tf.constant([[[1e6]]]))["count"]).all()
