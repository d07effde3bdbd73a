"""Batches are a function of seed and step; augmentation keeps shape and kind."""

import dataclasses
from itertools import islice

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra [train] (PyTorch)")

from models.crops import network_input
from models.training.augment import AugmentationSettings, augment
from models.training.batches import BatchRecipe
from models.training.data import CropStore
from models.training.validation import true_accept_rate

STILL = AugmentationSettings(
    mirror_chance=0, shift_px=0, rotation_deg=0, zoom=0, brightness=0, contrast=0, colour=0,
    blur_chance=0, downscale_chance=0, jpeg_chance=0, noise_chance=0,
)  # fmt: skip


def recipe(store: CropStore, **changes: object) -> BatchRecipe:
    made = BatchRecipe(store, AugmentationSettings(), None, batch_size=4, seed=1)
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type]


def test_the_stream_gives_the_batch_of_each_step_wherever_it_begins(store: CropStore) -> None:
    made = recipe(store)
    for step, batch in enumerate(islice(made.from_step(2), 3), 2):
        again = made.batch(step)
        assert np.array_equal(batch.inputs, again.inputs)
        assert np.array_equal(batch.labels, again.labels)


def test_an_epoch_shows_every_training_crop_once_and_no_held_out_one(store: CropStore) -> None:
    made = recipe(store, batch_size=3, augmentation=STILL)
    shown = np.concatenate([made.batch(step).inputs for step in range(3)])
    expected = network_input(np.asarray(store.crops[:9]))
    assert sorted(x.tobytes() for x in shown) == sorted(x.tobytes() for x in expected)
    later = np.concatenate([made.batch(step).inputs for step in range(3, 6)])
    assert not np.array_equal(shown, later)


def test_another_seed_gives_other_batches(store: CropStore) -> None:
    assert not np.array_equal(recipe(store).batch(0).inputs, recipe(store, seed=2).batch(0).inputs)


def test_augmentation_that_does_nothing_changes_nothing(store: CropStore) -> None:
    crops = np.asarray(store.crops[:2])
    assert np.array_equal(augment(crops, STILL, np.random.default_rng(0)), crops)


def test_every_augmentation_at_once_still_gives_pictures(store: CropStore) -> None:
    everything = AugmentationSettings(
        mirror_chance=1, blur_chance=1, downscale_chance=1, jpeg_chance=1, noise_chance=1
    )
    crops = np.asarray(store.crops[:3])
    changed = augment(crops, everything, np.random.default_rng(0))
    assert changed.shape == crops.shape
    assert changed.dtype == np.uint8
    assert changed.std() > 5


def test_the_true_accept_rate_is_that_of_the_definition() -> None:
    rng = np.random.default_rng(3)
    labels = np.repeat(np.arange(25), 3)
    embeddings = rng.standard_normal((75, 6)) + 1.2 * rng.standard_normal((25, 6))[labels]
    embeddings = (embeddings / np.linalg.norm(embeddings, axis=1)[:, None]).astype(np.float32)
    genuine: list[float] = []
    impostor: list[float] = []
    for i in range(75):
        for j in range(i):
            pairs = genuine if labels[i] == labels[j] else impostor
            pairs.append(float(embeddings[i] @ embeddings[j]))
    found = true_accept_rate(embeddings, labels, false_match_rate=0.01)
    threshold = sorted(impostor)[-1 - int(len(impostor) * 0.01)]
    assert found == pytest.approx(np.mean([s > threshold for s in genuine]), abs=0.011)
    assert np.isnan(true_accept_rate(embeddings[:4], labels[:4], false_match_rate=1e-3))
