"""The 8-bit form: scales, weights that cannot saturate, and closeness to float32."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from models.quantise import (
    PAIR_LIMIT,
    Quantiser,
    Scale,
    quantise_weight,
    quantised_tensors,
    split_form,
)
from tests.models.test_rewrite import CHANNELS, INPUT, bottleneck, run

WEIGHTS = hnp.arrays(
    np.float64,
    st.tuples(st.integers(1, 6), st.integers(1, 9), st.just(1), st.just(1)),
    elements=st.floats(-4, 4),
)


@given(weight=WEIGHTS)
def test_no_two_neighbouring_weights_of_a_pointwise_kernel_can_overflow(
    weight: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
) -> None:
    values, steps = quantise_weight(weight, depthwise=False)
    rows = values.reshape(len(values), -1).astype(int)
    assert np.abs(rows[:, :-1] + rows[:, 1:]).max(initial=0) <= PAIR_LIMIT
    error = np.abs(rows * steps[:, None] - weight.reshape(len(weight), -1))
    assert (error <= steps[:, None] * 0.5 + 1e-6).all()


@given(
    weight=hnp.arrays(np.float64, (3, 2, 3, 3), elements=st.floats(-4, 4)),
)
def test_no_two_weights_of_a_larger_kernel_can_overflow(
    weight: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
) -> None:
    values, _ = quantise_weight(weight, depthwise=False)
    ordered = np.sort(values.reshape(3, -1).astype(int), axis=1)
    assert (ordered[:, -1] + ordered[:, -2]).max() <= PAIR_LIMIT
    assert (ordered[:, 0] + ordered[:, 1]).min() >= -PAIR_LIMIT


def test_a_depthwise_kernel_uses_all_of_int8() -> None:
    values, _ = quantise_weight(np.ones((2, 1, 3, 3)), depthwise=True)
    assert (values == 127).all()


@given(low=st.floats(-1e4, 1e4), high=st.floats(-1e4, 1e4))
def test_a_scale_holds_zero_exactly_and_covers_its_range(low: float, high: float) -> None:
    low, high = min(low, high), max(low, high)
    scale = Scale.covering(low, high)
    step, zero = float(scale.step), int(scale.zero)
    assert 0 <= zero <= 255
    slack = step * 0.51 + 1e-6
    assert (0 - zero) * step <= min(low, 0) + slack
    assert (255 - zero) * step >= max(high, 0) - slack


def test_the_quantised_network_stays_close_and_its_result_is_float() -> None:
    graph = split_form(bottleneck([0.9, -0.5, 0.2, 1.0, 0.1, -1.0]))
    before = run(graph, INPUT)
    taps = quantised_tensors(graph)
    ranges = {}
    for name in taps:
        tapped = graph.copy()
        channels = 3 if name == "y" else CHANNELS
        tapped.outputs[0].name, tapped.outputs[0].shape = name, (channels, 5, 4)
        tapped.prune()
        values = INPUT if name == "x" else run(tapped, INPUT)
        ranges[name] = (float(values.min()), float(values.max()))
    quantised = Quantiser(graph, ranges, frozenset({"y"})).run()
    weights = [a for n, a in quantised.arrays.items() if n.endswith("_w")]
    assert weights
    assert all(array.dtype == np.int8 for array in weights)
    after = run(quantised, INPUT)
    cosine = float((before * after).sum() / np.linalg.norm(before) / np.linalg.norm(after))
    assert cosine > 0.995
