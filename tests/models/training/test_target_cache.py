"""Teacher embeddings are computed once for each crop and each teacher."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra [train] (PyTorch)")

from models.crops import network_input
from models.networks.mobilefacenet import MobileFaceNet
from models.training.augment import Crops
from models.training.data import CropStore
from models.training.target_cache import cached_embeddings
from models.training.teacher import Float32, Targets, Teacher


class CountingTeacher(Teacher):
    """Remembers how many crops it was asked for."""

    asked = 0

    def targets(self, inputs: Float32) -> Targets:
        self.asked += len(inputs)
        return super().targets(inputs)


@pytest.fixture
def teacher(random_teacher: MobileFaceNet) -> CountingTeacher:
    return CountingTeacher(random_teacher, taps=(), mirrored=False, threads=1)


@pytest.fixture
def crops(store: CropStore) -> Crops:
    return np.array(store.crops[:5])


def test_a_known_crop_is_not_computed_again(
    teacher: CountingTeacher, crops: Crops, tmp_path: Path
) -> None:
    first = cached_embeddings(teacher, crops[:3], directory=tmp_path)
    assert teacher.asked == 3
    again = cached_embeddings(teacher, crops[[4, 2, 0]], directory=tmp_path)
    assert teacher.asked == 4
    assert np.array_equal(again[1:], first[[2, 0]])
    expected = teacher.targets(network_input(crops[4:])).embeddings
    assert np.allclose(again[:1], expected, atol=1e-6)


def test_another_teacher_has_a_cache_of_its_own(
    teacher: CountingTeacher, random_teacher: MobileFaceNet, crops: Crops, tmp_path: Path
) -> None:
    mirrored = CountingTeacher(random_teacher, taps=(), mirrored=True, threads=1)
    plain = cached_embeddings(teacher, crops, directory=tmp_path)
    both = cached_embeddings(mirrored, crops, directory=tmp_path)
    assert mirrored.asked == 5
    assert not np.allclose(plain, both)


def test_a_damaged_cache_is_computed_anew(
    teacher: CountingTeacher, crops: Crops, tmp_path: Path
) -> None:
    cached_embeddings(teacher, crops, directory=tmp_path)
    (path,) = tmp_path.glob("targets-*.npz")
    path.write_bytes(path.read_bytes()[:100])
    cached_embeddings(teacher, crops, directory=tmp_path)
    assert teacher.asked == 10


def test_no_crops_give_no_embeddings(
    teacher: CountingTeacher, crops: Crops, tmp_path: Path
) -> None:
    assert cached_embeddings(teacher, crops[:0], directory=tmp_path).shape == (0, 128)
