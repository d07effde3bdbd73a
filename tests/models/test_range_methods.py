"""The ways to choose a range: what each leaves out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.range_methods import METHODS, Observed, least_error, min_max, percentile, share_of_crops


def observed(values: "np.ndarray[tuple[int, int], np.dtype[np.float32]]") -> Observed:
    """values: (crops, pixels) of one channel."""
    reached = np.stack([values.min(axis=1), values.max(axis=1)], axis=1)[:, None]
    low, high = float(values.min()), float(values.max())
    counts = np.histogram(values, bins=4096, range=(low, max(high, low + 1e-6)))[0]
    return Observed(reached.astype(np.float32), counts)


@pytest.fixture
def bell() -> Observed:
    return observed(np.random.default_rng(3).standard_normal((50, 2_000)).astype(np.float32))


def test_min_max_leaves_nothing_out(bell: Observed) -> None:
    low, high = min_max(bell)
    assert low == pytest.approx(float(bell.reached.min()))
    assert high == pytest.approx(float(bell.reached.max()))


@pytest.mark.parametrize(("share", "sigma"), [(0.999, 3.09), (0.9999, 3.72)])
def test_a_percentile_leaves_its_share_out_at_either_end(
    bell: Observed, share: float, sigma: float
) -> None:
    low, high = percentile(share)(bell)
    assert high == pytest.approx(sigma, abs=0.25)
    assert low == pytest.approx(-sigma, abs=0.25)


def test_a_share_of_crops_follows_the_crops_that_reach_less_far(bell: Observed) -> None:
    low, high = share_of_crops(0.5)(bell)
    assert high == pytest.approx(float(np.median(bell.reached[..., 1])), abs=1e-5)
    assert low == pytest.approx(float(np.median(bell.reached[..., 0])), abs=1e-5)


def test_one_outlier_is_clipped_where_that_costs_less_than_coarse_steps() -> None:
    count = 200 * 5_000
    values = np.random.default_rng(0).uniform(0, 1, (200, 5_000)).astype(np.float32)
    values[0, 0] = 3.0
    low, high = least_error(observed(values))
    # Least of (3 − h)² for the outlier and (h / 255)² / 12 for the rounding of each value.
    assert high == pytest.approx(3 / (1 + count / 255**2 / 12), abs=0.05)
    assert low == pytest.approx(0, abs=0.02)
    assert least_error(observed(np.minimum(values, 1)))[1] == pytest.approx(1, abs=0.02)


@given(seed=st.integers(0, 200), spread=st.floats(1e-6, 1e4), positive=st.booleans())
def test_every_method_stays_within_what_was_seen(seed: int, spread: float, positive: bool) -> None:
    values = np.random.default_rng(seed).standard_normal((8, 64)) * spread
    seen = observed((np.maximum(values, 0) if positive else values).astype(np.float32))
    whole = min_max(seen)
    slack = 1e-3 * spread + 1e-6
    for method in METHODS:
        low, high = method.choose(seen)
        assert min(whole[0], 0) - slack <= low <= high <= max(whole[1], 0) + slack, method.name


def test_a_tensor_that_is_always_nought_gets_a_range_too() -> None:
    seen = observed(np.zeros((3, 10), np.float32))
    for method in METHODS:
        low, high = method.choose(seen)
        assert np.isfinite([low, high]).all()
        assert low <= high + 1e-9
