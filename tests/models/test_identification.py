"""Identification with unknown people, against the product's own gallery, one look at a time."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attendance.types import Embedding, FloatArray
from inference.gallery import MatrixGallery
from models.identification import (
    FPIRS,
    Identification,
    Plan,
    TooFewPeople,
    draw_gallery,
    enrollable_people,
    identify,
)
from models.lfw import Faces, number_faces
from tests.models.made_up import faces_of, vectors_of

PLAN = Plan(sizes=(6,), templates=1, galleries=1, seed=0)


def slowly(
    vectors: FloatArray, faces: Faces, plan: Plan, *, size: int, rate: float
) -> tuple[float, float, float]:
    """Rank 1, and the mean FNIR and threshold at a rate, by the kiosk's gallery and counting.

    The threshold is found by trying every similarity that a stranger reached.
    """
    rank1, fnirs, thresholds = [], [], []
    for number in range(plan.galleries):
        drawn = draw_gallery(faces, plan, size=size, number=number)
        rows = drawn.template_rows.ravel()
        gallery = MatrixGallery(
            "made-up", [f"{faces.people[row]:05d}" for row in rows], vectors[rows], thresholds={}
        )
        right, accepted_right, strangers = 0, [], [-1.0] * drawn.lost_nonmated
        probes = [row for row in range(len(vectors)) if row not in set(rows.tolist())]
        enrolled = {int(person) for person in drawn.people}
        mated = drawn.lost_mated
        for row in probes:
            match = gallery.search(Embedding(vectors[row], "made-up"), threshold=-1)
            person = int(faces.people[row])
            if person not in enrolled:
                strangers.append(match.similarity)
                continue
            mated += 1
            if match.nearest_id == f"{person:05d}":
                right += 1
                accepted_right.append(match.similarity)
        allowed = rate * len(strangers)
        threshold = min(
            value for value in strangers if sum(s > value for s in strangers) <= allowed + 1e-9
        )
        rank1.append(right / mated)
        fnirs.append(1 - sum(s > threshold for s in accepted_right) / mated)
        thresholds.append(threshold)
    return float(np.mean(rank1)), float(np.mean(fnirs)), float(np.mean(thresholds))


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    templates=st.integers(1, 2),
    size=st.integers(1, 6),
    lost=st.integers(0, 4),
)
def test_identification_is_what_the_kiosks_gallery_gives_one_look_at_a_time(
    seed: int, templates: int, size: int, lost: int
) -> None:
    rng = np.random.default_rng(seed)
    faces = faces_of(rng, people=60, most=6, lost=lost)
    vectors = vectors_of(rng, faces, noise=2.5)
    plan = Plan(sizes=(size,), templates=templates, galleries=2, seed=seed)
    (found,) = identify(vectors, faces, plan)
    assert isinstance(found, Identification)
    rank1, fnir, threshold = slowly(vectors, faces, plan, size=size, rate=0.01)
    assert found.rank1.mean == pytest.approx(rank1)
    assert found.points["0.01"].fnir.mean == pytest.approx(fnir)
    assert found.points["0.01"].threshold.mean == pytest.approx(threshold, abs=1e-6)


@given(seed=st.integers(0, 1000), templates=st.integers(1, 3), lost=st.integers(0, 5))
@settings(max_examples=25, deadline=None)
def test_a_gallery_and_its_probes_share_no_picture_and_leave_none_out(
    seed: int, templates: int, lost: int
) -> None:
    faces = faces_of(np.random.default_rng(seed), people=40, most=6, lost=lost)
    plan = replace(PLAN, templates=templates, seed=seed)
    drawn = draw_gallery(faces, plan, size=5, number=0)
    assert drawn.template_rows.shape == (5, templates)
    assert (faces.people[drawn.template_rows] == drawn.people[:, None]).all()
    rows = np.concatenate([drawn.template_rows.ravel(), drawn.mated_rows, drawn.nonmated_rows])
    assert sorted(rows.tolist()) == list(range(len(faces.pictures)))
    assert set(faces.people[drawn.mated_rows]) <= set(drawn.people)
    assert not set(faces.people[drawn.nonmated_rows]) & set(drawn.people)
    assert drawn.lost_mated + drawn.lost_nonmated == lost


def test_people_with_one_picture_or_with_no_face_to_enrol_are_never_enrolled() -> None:
    faces = number_faces(
        [("Ada", 1), ("Ada", 2), ("Bob", 1), ("Cy", 1)],
        lost=[("Cy", 2), ("Dee", 1), ("Dee", 2)],
    )
    # Cy has one face for a template; the picture without a face is a probe that finds nobody.
    assert enrollable_people(faces, templates=1).tolist() == [0, 2]
    assert enrollable_people(faces, templates=2).tolist() == []


def test_a_probe_without_a_face_is_a_miss_and_never_a_false_alarm() -> None:
    rows = np.eye(128, dtype=np.float32)[[0, 0, *range(1, 101)]]
    strangers = [(f"S{number:03d}", 1) for number in range(100)]
    faces = number_faces([("Ada", 1), ("Ada", 2), *strangers], lost=[("Ada", 3)])
    (found,) = identify(rows, faces, replace(PLAN, sizes=(1,)))
    assert isinstance(found, Identification)
    assert found.rank1.mean == 0.5
    assert found.points["0.01"].fnir.mean == 0.5


def test_a_look_at_the_threshold_itself_is_not_accepted() -> None:
    axes = np.eye(128, dtype=np.float32)
    # Every two of these four are equally near: Ada's probe and two strangers to her template.
    near = np.float32(0.8) * axes[:1] + np.float32(0.6) * axes[1:5]
    faces = number_faces(
        [("Ada", 1), ("Ada", 2), *((f"S{number:03d}", 1) for number in range(100))], lost=[]
    )
    rows = np.concatenate([near, axes[5:103]])
    (found,) = identify(rows, faces, replace(PLAN, sizes=(1,)))
    assert isinstance(found, Identification)
    point = found.points["0.01"]
    assert point.false_positives == 1
    assert point.threshold.mean == pytest.approx(0.64)
    assert (found.rank1.mean, point.fnir.mean) == (1, 1)


def test_one_seed_gives_the_same_figures_and_another_one_others() -> None:
    rng = np.random.default_rng(3)
    faces = faces_of(rng, people=60, most=6)
    vectors = vectors_of(rng, faces, noise=2.5)
    plan = replace(PLAN, galleries=3)
    assert identify(vectors, faces, plan) == identify(vectors, faces, plan)
    assert identify(vectors, faces, plan) != identify(vectors, faces, replace(plan, seed=1))


def test_more_people_than_there_are_is_a_sentence_and_not_a_figure() -> None:
    faces = faces_of(np.random.default_rng(0), people=10, most=3)
    enrollable = len(enrollable_people(faces, templates=1))
    vectors = vectors_of(np.random.default_rng(0), faces)
    small, large = identify(vectors, faces, replace(PLAN, sizes=(enrollable, 1000)))
    assert isinstance(small, Identification)
    assert isinstance(large, TooFewPeople)
    assert f"A gallery of 1,000 cannot be drawn: {enrollable} people" in large.sentence


def test_a_rate_that_the_strangers_cannot_resolve_is_a_sentence_and_not_a_figure() -> None:
    rng = np.random.default_rng(1)
    faces = faces_of(rng, people=80, most=4)
    (found,) = identify(vectors_of(rng, faces), faces, PLAN)
    assert isinstance(found, Identification)
    assert 100 <= found.nonmated_probes < 1000
    assert set(found.points) == {"0.01"}
    assert found.points["0.01"].false_positives == int(found.nonmated_probes / 100)
    (sentence,) = found.unmeasured
    assert sentence.startswith("FPIR 0.1 % cannot be measured with a gallery of 6")
    assert sentence.endswith("it takes 1,000.")
    assert FPIRS == ("0.01", "0.001")
