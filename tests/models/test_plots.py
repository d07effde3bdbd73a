"""The curves and their picture."""

from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from attendance.errors import InputError
from models.verification import Curve, curve
from tests.models.made_up import faces_of, vectors_of

pytest.importorskip("matplotlib", reason="the curves need the extra [train]")

from models.plots import draw_curves, finest_rate, normal_deviates, thinned


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), lost=st.integers(0, 5), threshold=st.floats(-0.2, 0.9))
def test_a_curve_goes_through_what_counting_pairs_gives_at_any_threshold(
    seed: int, lost: int, threshold: float
) -> None:
    rng = np.random.default_rng(seed)
    faces = faces_of(rng, people=50, most=4, lost=lost)
    vectors = vectors_of(rng, faces, noise=2.0)
    found = curve(vectors, faces)
    assert (np.diff(found.far) >= 0).all()
    assert (np.diff(found.tar) >= 0).all()
    first, second = np.triu_indices(len(vectors), 1)
    cosines = (vectors @ vectors.T)[first, second]
    same = faces.people[first] == faces.people[second]
    everyone = faces.everyone
    a, b = np.triu_indices(len(everyone), 1)
    genuine = int((everyone[a] == everyone[b]).sum())
    # The curve's thresholds lie 0.00005 apart: two of them enclose this one.
    place = int((1 - threshold) * 20_000)
    for rates, mask, total in (
        (found.tar, same, genuine),
        (found.far, ~same, len(a) - genuine),
    ):
        share = (cosines[mask] > threshold).sum() / total
        assert rates[max(place - 1, 0)] - 1e-12 <= share <= rates[place + 2] + 1e-12
    assert found.impostor_pairs == len(a) - genuine


def test_pairs_without_a_face_keep_the_curve_below_one() -> None:
    rng = np.random.default_rng(5)
    faces = faces_of(rng, people=30, most=4, lost=10)
    found = curve(vectors_of(rng, faces), faces)
    assert found.far[-1] < 1
    assert found.tar[-1] < 1


@given(seed=st.integers(0, 1000), steps=st.integers(1, 5000))
@settings(max_examples=30, deadline=None)
def test_a_thinned_curve_has_only_points_of_the_whole_one(seed: int, steps: int) -> None:
    rng = np.random.default_rng(seed)
    far = np.concatenate([[0], np.cumsum(rng.integers(0, 3, steps))]) / (3 * steps)
    tar = np.concatenate([[0], np.cumsum(rng.integers(0, 3, steps))]) / (3 * steps)
    short_far, short_tar = thinned(Curve(far, tar, 3 * steps))
    assert len(short_far) <= 602
    assert (np.diff(short_far) > 0).all()
    for x, y in zip(short_far, short_tar, strict=True):
        assert y == tar[far == x].max()
    assert short_far[-1] == far[-1]


def test_normal_deviates_are_quantiles_of_the_normal_distribution() -> None:
    assert normal_deviates(np.array([0.5, 0.8413447460685429])) == pytest.approx([0, 1])
    rates = np.geomspace(1e-7, 0.9, 20)
    back = [NormalDist().cdf(deviate) for deviate in normal_deviates(rates)]
    assert back == pytest.approx(rates)


@pytest.mark.parametrize(
    ("pairs", "rate"),
    [(0, 0.1), (9, 0.1), (100, 0.01), (999, 0.01), (1000, 1e-3), (7_255_541, 1e-6)],
)
def test_the_axes_begin_at_a_rate_that_the_pairs_resolve(pairs: int, rate: float) -> None:
    assert finest_rate(pairs) == pytest.approx(rate)


def test_a_picture_has_a_curve_of_every_network(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    faces = faces_of(rng, people=60, most=4)
    good, bad = (curve(vectors_of(rng, faces, noise=noise), faces) for noise in (1.0, 3.0))
    path = tmp_path / "curves.png"
    draw_curves({"good.onnx": good}, path)
    alone = coloured(path)
    draw_curves({"good.onnx": good, "bad.onnx": bad}, path)
    both = coloured(path)
    assert {"blue"} == set(alone)
    assert {"blue", "orange"} == set(both)


def coloured(path: Path) -> list[str]:
    """Which of the first two line colours occur in a picture."""
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        pixels = np.asarray(picture.convert("RGB"), np.int64).reshape(-1, 3)
    colours = {"blue": (31, 119, 180), "orange": (255, 127, 14)}
    return [
        name
        for name, colour in colours.items()
        if (np.abs(pixels - np.array(colour)).max(axis=1) < 4).sum() > 100
    ]


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_curves_without_any_error_or_any_success_are_drawn_too(
    tmp_path: Path, value: float
) -> None:
    flat = Curve(np.array([0.0, 0.5, 1.0]), np.array([value, value, value]), 2)
    draw_curves({"flat.onnx": flat}, tmp_path / "curves.png")
    nothing = Curve(np.zeros(3), np.zeros(3), 0)
    draw_curves({"nothing.onnx": nothing}, tmp_path / "curves.png")


def test_a_picture_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    flat = Curve(np.array([0.0, 1.0]), np.array([0.0, 1.0]), 2)
    with pytest.raises(InputError, match="cannot be written"):
        draw_curves({"a.onnx": flat}, tmp_path / "none" / "curves.png")
