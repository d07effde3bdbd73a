"""Distances between the embeddings of one batch."""

import torch
from torch import Tensor

from models.losses.margin import unit_length


def distances(embeddings: Tensor, *, normalised: bool) -> Tensor:
    """Euclidean distances (M, M), of unit length embeddings if normalised.

    Subtracted and squared, not by way of a product, which loses small distances. The gradient of a
    distance of 0 is 0.
    """
    rows = unit_length(embeddings) if normalised else embeddings
    return torch.cdist(rows, rows, compute_mode="donot_use_mm_for_euclid_dist")
