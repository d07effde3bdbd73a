"""A run small enough for a test: a few noise crops, a teacher with random weights."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from models.training.config import DistillTable, TrainingConfig, read_config
from models.training.data import CropStore

if TYPE_CHECKING:  # the tests that use these skip without PyTorch
    from models.networks.mobilefacenet import MobileFaceNet
    from models.training.loop import Parts

SMALL_TABLE = ((2, 64, 1, 2), (4, 128, 1, 2), (2, 128, 1, 1), (4, 128, 1, 2))


@pytest.fixture
def write_picture() -> Callable[[Path], None]:
    """Writes a 112 × 96 noise picture, a different one for each name."""

    def write(path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(list(path.name.encode()))
        picture = rng.integers(0, 256, (112, 96, 3), np.uint8)
        assert cv2.imwrite(str(path), picture)

    return write


@pytest.fixture
def store() -> CropStore:
    rng = np.random.default_rng(5)
    crops = rng.integers(0, 256, (12, 112, 112, 3), np.uint8)
    held_out = np.zeros(12, np.bool_)
    held_out[9:] = True
    return CropStore(crops, np.arange(12, dtype=np.int64) // 3, held_out)


@pytest.fixture
def random_teacher() -> "MobileFaceNet":
    import torch

    from models.networks.mobilefacenet import MobileFaceNet, NetworkSettings

    torch.manual_seed(3)
    settings = NetworkSettings(
        input_hw=(112, 112), activation="prelu", norm="none", table=SMALL_TABLE
    )
    return MobileFaceNet(settings).eval()


@pytest.fixture
def make_config(tmp_path: Path) -> Callable[..., TrainingConfig]:
    """A checked configuration of so many steps in a directory of that name."""

    def make(directory: str, *, steps: int) -> TrainingConfig:
        path = tmp_path / f"{directory}.toml"
        path.write_text(
            f"""
            [run]
            directory = "{directory}"
            batch_size = 4
            threads = 1
            log_steps = 1
            checkpoint_minutes = 0
            tensorboard = false
            [data]
            folder = "pictures"
            [distill]
            teacher = "teacher.onnx"
            taps = [0, 2]
            [start]
            crops = 0
            [schedule]
            steps = {steps}
            """,
            encoding="utf-8",
        )
        return read_config(path)

    return make


@pytest.fixture
def make_parts(
    store: CropStore, random_teacher: "MobileFaceNet", tmp_path: Path
) -> "Callable[[TrainingConfig], Parts]":
    import torch

    from models.networks.mobilefacenet import MobileFaceNet, NetworkSettings
    from models.training.batches import BatchRecipe
    from models.training.loop import Parts
    from models.training.teacher import Teacher
    from models.training.validation import Validator

    (tmp_path / "cache").mkdir(exist_ok=True)

    def make(config: TrainingConfig) -> Parts:
        assert isinstance(config.distill, DistillTable)
        teacher = Teacher(random_teacher, taps=config.distill.taps, mirrored=True, threads=1)
        recipe = BatchRecipe(
            store, config.augmentation, teacher, config.run.batch_size, config.run.seed
        )

        def build() -> MobileFaceNet:
            torch.manual_seed(7)
            return MobileFaceNet(NetworkSettings(table=SMALL_TABLE))

        validator = Validator(store, teacher, cache_dir=tmp_path / "cache")
        return Parts(recipe, validator, build, taps=config.distill.taps)

    return make
