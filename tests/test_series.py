"""Series: windows, walk-forward splits, what came a season before, and files with gaps."""

import numpy as np
import pytest

from src.series import forecast
from src.signatures import features_of

own = pytest.importorskip("src.datasets.series")
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
    raw["count"][0, 3] = np.nan
    assert features_of(data.preprocess, raw).numpy()[0, 3, 0] == 0


@pytest.mark.parametrize(
    ("knobs", "said"),
    [
        ({"window": 0}, "window"),
        ({"horizon": 0}, "horizon"),
        ({"season": 0}, "season"),
        ({"log": True}, "above 0"),
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


@pytest.mark.parametrize("times", [[f"{1900 + n // 12}-{n % 12 + 1:02}" for n in range(200)], list(range(200))])
def test_months_and_numbers_are_times(tmp_path, times, capsys):
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
        ("2024-01-04,inf,2", "row 4: sold is infinite"),
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
    with pytest.raises(ValueError, match="begins with a missing number"):
        own.load(path=written(tmp_path, ["2023-12-31,,1", *ROWS]))
