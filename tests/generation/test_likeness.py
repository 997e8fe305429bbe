"""Distances between real and made images, against what can be worked out by hand."""

import numpy as np
import pytest

from src.generation.likeness import Moments, coverage, distances, frechet_distance, nearest, spread


def moments(rows, batch=7):
    found = Moments()
    for start in range(0, len(rows), batch):
        found.add(rows[start : start + batch])
    return found


def images(*values):
    """Images of 2 x 3 grey pixels, each of one brightness."""
    return np.stack([np.full((2, 3, 1), value, "float32") for value in values])


def test_moments_are_those_of_all_rows():
    rows = np.random.default_rng(0).normal(3, 2, (100, 4))
    found = moments(rows)
    np.testing.assert_allclose(found.mean, rows.mean(axis=0))
    np.testing.assert_allclose(found.covariance, np.cov(rows.T, bias=True), atol=1e-10)


def test_distance_of_normal_distributions_along_their_axes():
    """There it is |m1 - m2|^2 + sum (s1 - s2)^2: Dowson and Landau (1982), where the covariances commute."""
    random = np.random.default_rng(0)
    rows = random.normal(size=(400, 3))
    rows = (rows - rows.mean(axis=0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(rows.T, bias=True))).T  # exactly so
    turn, _ = np.linalg.qr(random.normal(size=(3, 3)))
    one = moments((rows * [1, 2, 3]) @ turn + 5)
    other = moments((rows * [4, 2, 1]) @ turn + [5, 6, 7])
    assert frechet_distance(one, other) == pytest.approx(1 + 4 + 9 + 0 + 4)
    assert frechet_distance(one, other) == pytest.approx(frechet_distance(other, one))
    assert frechet_distance(one, one) == pytest.approx(0, abs=1e-9)


def test_distance_is_a_number_where_features_are_constant_and_none_where_they_are_not_finite():
    constant, varied = moments(np.ones((5, 3))), moments(np.random.default_rng(0).normal(size=(50, 3)))
    assert frechet_distance(constant, constant) == 0
    assert frechet_distance(constant, varied) > 0
    assert np.isnan(frechet_distance(moments(np.full((5, 3), np.nan)), varied))


def test_nearest_image_of_many_batches():
    made, others = images(0.1, 0.6), [images(0.9, 0.3), images(0.5), images(0.0)]
    apart, found = nearest(made, others)
    np.testing.assert_allclose(apart, [0.1, 0.1], atol=1e-6)
    np.testing.assert_array_equal(found, images(0.0, 0.5))


def test_an_image_is_not_its_own_neighbour_unless_it_was_copied():
    training = [images(0.3, 0.7), images(0.4)]
    assert nearest(images(0.3), training)[0] == pytest.approx([0], abs=1e-3)
    assert nearest(images(0.3), training, another=True)[0] == pytest.approx([0.1], abs=1e-6)


def test_distance_is_the_root_mean_square_of_pixels():
    np.testing.assert_allclose(distances(images(0.0, 0.5), images(1.0)), [[1.0], [0.5]], atol=1e-6)


def test_spread_is_within_a_class():
    four = images(0.0, 0.2, 0.9, 0.9)
    assert spread(four, np.array([0, 0, 1, 1])) == pytest.approx(0.1, abs=1e-3)
    assert spread(four, np.array([0, 1, 2, 3])) > 0.3, "no class has two: all pairs count"
    assert spread(images(0.5, 0.5, 0.5), np.zeros(3)) == pytest.approx(0, abs=1e-3)


def test_a_class_that_is_rarely_made_is_not_covered():
    real = np.array([0] * 50 + [1] * 50)
    assert coverage(real, np.array([0] * 90 + [1] * 10)) == 1.0
    assert coverage(real, np.array([0] * 99 + [1])) == 0.5
    assert coverage(real, np.array([2] * 100)) == 0.0
