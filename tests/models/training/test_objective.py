"""The terms of the loss against their formulas written a second time, and the schedule."""

import math

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra [train] (PyTorch)")

import torch
from hypothesis import given
from hypothesis import strategies as st

from models.training.config import ScheduleTable, Weights
from models.training.objective import (
    cosine_distance,
    feature_distance,
    neighbour_divergence,
    similarity_distance,
    terms,
    weighted,
)
from models.training.schedule import learning_rate_factor, progress

GENERATOR = np.random.default_rng(11)
STUDENT = GENERATOR.standard_normal((5, 8))
TEACHER = GENERATOR.standard_normal((5, 8))


def unit(rows: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    return rows / np.sqrt((rows**2).sum(1))[:, None]


def test_cosine_distance_is_one_minus_the_mean_cosine() -> None:
    expected = 1 - np.mean([unit(STUDENT)[i] @ unit(TEACHER)[i] for i in range(5)])
    found = cosine_distance(torch.from_numpy(STUDENT), torch.from_numpy(TEACHER))
    assert float(found) == pytest.approx(expected)


def test_neighbour_divergence_compares_the_galleries_without_the_crop_itself() -> None:
    bank = unit(GENERATOR.standard_normal((7, 8)))
    rows = [6, 0, 3, 3, 1]
    expected = []
    for place, row in enumerate(rows):
        others = np.delete(bank, row, axis=0)

        def shares(embedding: np.ndarray, others: np.ndarray = others) -> np.ndarray:  # type: ignore[type-arg]
            powers = np.exp(5.0 * others @ embedding)
            return np.asarray(powers / powers.sum())

        ours, theirs = shares(unit(STUDENT)[place]), shares(unit(TEACHER)[place])
        expected.append((theirs * np.log(theirs / ours)).sum())
    embeddings = torch.from_numpy(STUDENT).requires_grad_()
    found = neighbour_divergence(
        embeddings,
        torch.from_numpy(unit(TEACHER)),
        torch.from_numpy(bank),
        torch.tensor(rows),
        scale=5.0,
    )
    assert float(found.detach()) == pytest.approx(np.mean(expected))
    found.backward()  # type: ignore[no-untyped-call]
    assert embeddings.grad is not None
    assert bool(torch.isfinite(embeddings.grad).all())


def test_an_embedding_at_its_target_has_the_same_neighbours() -> None:
    targets = torch.from_numpy(unit(TEACHER))
    rows = torch.arange(5)
    assert float(neighbour_divergence(targets * 3, targets, targets, rows, scale=20.0)) < 1e-9


def test_similarity_distance_compares_all_pairs_but_not_a_face_with_itself() -> None:
    ours, theirs = unit(STUDENT), unit(TEACHER)
    expected = np.mean(
        [
            (ours[i] @ ours[j] - theirs[i] @ theirs[j]) ** 2
            for i in range(5)
            for j in range(5)
            if i != j
        ]
    )
    found = similarity_distance(torch.from_numpy(STUDENT), torch.from_numpy(TEACHER))
    assert float(found) == pytest.approx(expected)


def test_feature_distance_is_relative_and_takes_the_middle_columns() -> None:
    wide = torch.randn(3, 4, 7, 8, generator=torch.Generator().manual_seed(1))
    same = wide[:, :, :, 1:7]
    assert float(feature_distance([same], [wide])) == pytest.approx(0)
    nothing = same.mean((0, 2, 3), keepdim=True).expand_as(same)
    assert float(feature_distance([nothing], [wide])) == pytest.approx(1)
    assert float(feature_distance([nothing * 9], [wide * 9])) == pytest.approx(1)


def test_a_margin_loss_sees_the_labelled_crops_only() -> None:
    seen: list[torch.Tensor] = []

    def margin(embeddings: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        seen.append(labels)
        return embeddings.sum() * 0 + len(labels)

    embeddings = torch.from_numpy(STUDENT).float()
    values = terms(
        embeddings,
        [],
        target_embeddings=embeddings,
        target_features=[],
        labels=torch.tensor([4, -1, 7, -1, 4]),
        margin_loss=margin,
    )
    assert seen[0].tolist() == [4, 7, 4]
    loss = weighted(values, Weights(embedding=0, similarity=0, margin=0.5), progress=0)
    assert float(loss) == pytest.approx(1.5)


def test_the_weight_of_the_features_falls_from_its_start_to_its_end() -> None:
    weights = Weights(features_start=1.0, features_end=0.01)
    assert [weights.features(at) for at in (0, 0.5, 1)] == pytest.approx([1, 0.1, 0.01])
    assert Weights(features_start=1, features_end=0).features(0.25) == pytest.approx(0.75)


@given(
    st.sampled_from(["cosine", "step", "constant"]),
    st.floats(0, 0.5),
    st.floats(0, 1),
    st.floats(0, 0.5),
)
def test_the_learning_rate_stays_between_the_floor_and_one(
    kind: str, warm_up: float, done: float, floor: float
) -> None:
    schedule = ScheduleTable(kind=kind, warm_up=warm_up, floor=floor)  # type: ignore[arg-type]
    factor = learning_rate_factor(schedule, done)
    assert floor <= factor <= 1


@given(st.floats(0.1, 1), st.floats(0.1, 1))
def test_after_the_warm_up_a_cosine_never_rises(first: float, second: float) -> None:
    schedule = ScheduleTable(kind="cosine", warm_up=0.1)
    early, late = sorted((first, second))
    assert learning_rate_factor(schedule, late) <= learning_rate_factor(schedule, early)


def test_a_step_schedule_drops_where_it_says() -> None:
    schedule = ScheduleTable(kind="step", warm_up=0, drops=(0.5, 0.9), drop_factor=0.1, floor=0)
    factors = [learning_rate_factor(schedule, at) for at in (0.49, 0.5, 0.9)]
    assert factors == pytest.approx([1, 0.1, 0.01])


@given(st.integers(0, 300), st.floats(0, 1e5))
def test_progress_is_a_share(step: int, elapsed_s: float) -> None:
    by_steps = progress(ScheduleTable(steps=200), step=step, elapsed_s=elapsed_s)
    assert by_steps == min(step / 200, 1)
    by_minutes = progress(ScheduleTable(minutes=60), step=step, elapsed_s=elapsed_s)
    assert math.isclose(by_minutes, min(elapsed_s / 3600, 1))
