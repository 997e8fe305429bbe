"""Series: windows, walk-forward splits, what came a season before, and files with gaps."""

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest

from src.series import forecast
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
    assert data.outputs.names == ("column", "column_2", "a_b", "a_b_2")


@pytest.mark.parametrize(
    ("knobs", "said"),
    [
        ({"window": 0}, "window"),
        ({"horizon": 0}, "horizon"),
        ({"season": 0}, "season"),
        ({"log": True}, "above 0; count is 0 in row 1"),
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
        [hour.astimezone(timezone(timedelta(hours=2 - (n > 24)))).isoformat() for n, hour in enumerate(HOURS)],
    ],
    ids=["months", "numbers", "days", "end of summer time"],
)
def test_times_of_many_kinds_have_no_gaps(tmp_path, times, capsys):
    own.load(path=written(tmp_path, [f"{time},1,{n}" for n, time in enumerate(times)]))
    assert capsys.readouterr().out == ""


def test_gaps_and_missing_numbers_are_told(tmp_path, capsys):
    rows = [
        row if number != 50 else row.split(",")[0] + ",," for number, row in enumerate(ROWS) if number not in (9, 120)
    ]
    data = own.load(path=written(tmp_path, rows), window=60)
    said = capsys.readouterr().out
    assert "2 gaps in day, the first between 2024-01-09 and 2024-01-11 (row 10)" in said
    assert "sold lacks 1 numbers, the first in row 50" in said
    raw, _ = data.train.examples(1)
    assert raw["sold"][0, 48:51].tolist() == [49, 49, 51]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("yesterday,1,2", "row 4: day is 'yesterday', not a time"),
        ("2023-01-01,1,2", "row 4: day 2023-01-01 isn't after 2024-01-03"),
        ("2024-01-04,much,2", "row 4: sold is 'much', not a number"),
        ("2024-01-04,inf,2", "row 4: sold is inf, too large"),
        ("2024-01-04,1e300,2", "row 4: sold is 1e300, too large"),
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
    with pytest.raises(ValueError, match=r"days\.csv: 1 steps are too few"):
        own.load(path=written(tmp_path, ROWS[:1]))
    with pytest.raises(ValueError, match="begins with a missing number"):
        own.load(path=written(tmp_path, ["2023-12-31,,1", *ROWS]))
