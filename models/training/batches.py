"""The stream of training batches: a function of seed and step, made one step ahead."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from attendance.errors import InputError
from models.crops import network_input
from models.training.augment import AugmentationSettings, augment
from models.training.data import CropStore
from models.training.teacher import Float32, Targets, Teacher


@dataclass(frozen=True, slots=True)
class Batch:
    """inputs: float32 (N, 3, 112, 112), what a teacher takes; the student sees the middle.

    labels: int64 (N), the store's classes, −1 = unknown; rows: int64 (N), places in the store.
    """

    inputs: Float32
    labels: NDArray[np.int64]
    targets: Targets | None
    rows: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class BatchRecipe:
    """Where batches come from. Equal recipes give equal batches at equal steps.

    teacher: run on each augmented crop; or its embeddings (N, E) of all crops as they are. If it
        adds mirrored crops, each batch holds half as many crops and then the mirror of each.
    pictures_a_person: from 2 on, so many crops of one person follow each other; people of whom
        there is one crop only are left out, and where their crops do not divide, some come twice.
    """

    store: CropStore
    augmentation: AugmentationSettings
    teacher: Teacher | Float32 | None
    batch_size: int
    seed: int
    pictures_a_person: int = 1

    def batch(self, step: int) -> Batch:
        """The batch of a step; every epoch is a new order of all training crops."""
        along = np.arange(step * self._crops_a_step, (step + 1) * self._crops_a_step)
        count = self._crops_an_epoch
        epochs, offsets = along // count, along % count
        rows = np.sort(
            np.concatenate(
                [self._order(int(epoch))[offsets[epochs == epoch]] for epoch in np.unique(epochs)]
            )
        )
        rng = np.random.default_rng([self.seed, 2, step])
        crops = augment(np.asarray(self.store.crops[rows]), self.augmentation, rng)
        inputs, labels = network_input(crops), self.store.classes[rows]
        if self._in_pairs:
            inputs = np.concatenate([inputs, inputs[:, :, :, ::-1]])
            labels = np.concatenate([labels, labels])
        targets = self._targets(inputs, rows)
        return Batch(inputs, labels, targets, np.tile(rows, len(labels) // len(rows)))

    @property
    def _in_pairs(self) -> bool:
        return isinstance(self.teacher, Teacher) and self.teacher.mirrored

    def _targets(self, inputs: Float32, rows: NDArray[np.int64]) -> Targets | None:
        if self.teacher is None:
            return None
        if isinstance(self.teacher, Teacher):
            in_pairs = self._in_pairs
            return (self.teacher.targets_of_pairs if in_pairs else self.teacher.targets)(inputs)
        return Targets(self.teacher[rows], ())

    def epoch(self, step: int) -> int:
        """How many epochs have ended before a step."""
        return step * self._crops_a_step // self._crops_an_epoch

    @property
    def _crops_a_step(self) -> int:
        return self.batch_size // 2 if self._in_pairs else self.batch_size

    @property
    def _crops_an_epoch(self) -> int:
        """Raises InputError if nobody has two crops where that is needed."""
        if self.pictures_a_person == 1:
            return int((~self.store.held_out).sum())
        counts = np.bincount(self.store.classes[self.store.classes >= 0])
        groups = -(-counts[counts > 1] // self.pictures_a_person)
        if not len(groups):
            raise InputError(
                "Nobody has two pictures to train on.",
                action="Give more pictures, or set [data] pictures_a_person to 1.",
            )
        return int(groups.sum()) * self.pictures_a_person

    def _order(self, epoch: int) -> NDArray[np.int64]:
        """The rows of an epoch."""
        rng = np.random.default_rng([self.seed, 1, epoch])
        if self.pictures_a_person == 1:
            return rng.permutation(np.flatnonzero(~self.store.held_out))
        rows = rng.permutation(np.flatnonzero(self.store.classes >= 0))
        rows = rows[np.argsort(self.store.classes[rows], kind="stable")]
        ends = np.flatnonzero(np.diff(self.store.classes[rows])) + 1
        people = [own for own in np.split(rows, ends) if len(own) > 1]
        size = self.pictures_a_person
        groups = np.concatenate([np.resize(own, (-(-len(own) // size), size)) for own in people])
        return np.asarray(rng.permutation(groups).ravel())

    def from_step(self, step: int) -> Iterator[Batch]:
        """Batches from a step on, without end; the next is made while one is used."""
        with ThreadPoolExecutor(1, thread_name_prefix="batches") as worker:
            waiting: Future[Batch] = worker.submit(self.batch, step)
            while True:
                step += 1
                batch = waiting.result()
                waiting = worker.submit(self.batch, step)
                yield batch
