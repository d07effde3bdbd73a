"""Embeddings and labels that reach every branch of every loss."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:  # the tests that use these skip without PyTorch
    from torch import Tensor

    from models.losses.base import LabelLoss

LABELS = (0, 1, 2, 3, 0, 1, 2, 3, 3, 1)


@pytest.fixture
def randomise() -> "Callable[[LabelLoss, Tensor], Tensor]":
    """Draws a loss's parameters and gives embeddings (10, E) for LABELS, in a type.

    Embedding i lies towards its class's vector for even i and away from it for odd i, so that
    angles on both sides of each edge occur. Called with an empty tensor of the type wanted.
    """

    def draw(loss: "LabelLoss", like: "Tensor") -> "Tensor":
        import torch

        rng = np.random.default_rng(23)
        loss.to(like.dtype)
        with torch.no_grad():
            for parameter in loss.parameters():
                parameter.copy_(torch.from_numpy(rng.standard_normal(tuple(parameter.shape))))
        rows = rng.standard_normal((len(LABELS), loss.embedding_size))
        vectors = loss.class_vectors()
        if vectors is not None:
            several = len(vectors) // loss.classes
            for i, label in enumerate(LABELS):
                towards = vectors[label * several].double().numpy()
                rows[i] = 0.4 * rows[i] + (-1) ** i * (0.5 + 0.3 * i) * towards
        return torch.from_numpy(rows).to(like.dtype)

    return draw
