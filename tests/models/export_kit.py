"""A trained network and its shards, small enough for a test: tiny channels, noise for faces."""

import io
import json
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # the tests that use it skip without PyTorch
    from models.networks.mobilefacenet import MobileFaceNet

TINY_TABLE = ((2, 8, 1, 2), (2, 16, 2, 2), (2, 16, 1, 2))
PEOPLE, CROPS_EACH = 64, 4
HELD_OUT_OF_32 = 28


def tiny_network(*, activation: str = "leaky-relu", norm: str = "none") -> "MobileFaceNet":
    """112 × 96 → 128-d with a table of its own, an 8-channel stem and random weights."""
    import torch

    from models.networks.mobilefacenet import MobileFaceNet, NetworkSettings

    torch.manual_seed(7)
    count = 3 + 2 * sum(row[2] for row in TINY_TABLE)
    slopes = tuple(-0.6 if place % 3 == 2 else 0.0 for place in range(count))
    network = MobileFaceNet(
        NetworkSettings(
            activation=activation,  # type: ignore[arg-type]
            norm=norm,  # type: ignore[arg-type]
            table=TINY_TABLE,
            slopes=slopes if activation == "leaky-relu" else (),
            stem_channels=8,
        )
    )
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if name.endswith("running_mean"):
                tensor.normal_(0, 0.1)
            elif name.endswith("running_var"):
                tensor.uniform_(0.5, 2)
    return network.eval()


def faces(people: int, *, seed: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Crops (N, 112, 112, 3): smooth noise, of one person the same with some grain."""
    random = np.random.default_rng(seed)
    crops = []
    for _ in range(people):
        coarse = random.integers(0, 256, (7, 7, 3), np.uint8)
        smooth = cv2.resize(coarse, (112, 112), interpolation=cv2.INTER_CUBIC).astype(np.float32)
        for _ in range(CROPS_EACH):
            grain = random.normal(0, 12, smooth.shape)
            crops.append(np.clip(smooth + grain, 0, 255).astype(np.uint8))
    return np.stack(crops), np.repeat(np.arange(people), CROPS_EACH).astype(np.int64)


def write_shard(folder: Path, *, people: int = PEOPLE) -> Path:
    """A folder with one shard of these crops."""
    folder.mkdir(parents=True)
    crops, labels = faces(people)
    with tarfile.open(folder / "faces-00.tar", "w") as tarball:
        for place, (crop, label) in enumerate(zip(crops, labels, strict=True)):
            picture = cv2.imencode(".webp", crop)[1].tobytes()
            facts = json.dumps({"label": int(label)}).encode()
            for suffix, data in (("webp", picture), ("json", facts)):
                member = tarfile.TarInfo(f"{place:05d}.{suffix}")
                member.size = len(data)
                tarball.addfile(member, io.BytesIO(data))
    return folder
