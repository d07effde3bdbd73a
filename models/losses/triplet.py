"""Triplet loss, with the triplets mined inside the batch."""

import math
from typing import Literal

import torch
from torch import Tensor

from models.losses.base import LabelLoss
from models.losses.distances import distances
from models.losses.settings import one_of, positive, switch

Mining = Literal["batch-hard", "semi-hard"]


class Triplet(LabelLoss):
    """The mean over the mined triplets (a, p, n) of max(0, D(a, p) − D(a, n) + m).

    D = ‖x − x'‖², or ‖x − x'‖ with squared = False. a and p are of one class, n is of another.

    batch-hard: for each anchor a its farthest p and its nearest n. Hermans, Beyer and Leibe 2017,
    "In Defense of the Triplet Loss for Person Re-Identification", arXiv 1703.07737.

    semi-hard: for each pair (a, p) the nearest n with D(a, p) < D(a, n) < D(a, p) + m; a pair that
    has none is left out. Schroff, Kalenichenko and Philbin 2015, "FaceNet: A Unified Embedding for
    Face Recognition and Clustering", arXiv 1503.03832.

    0 for a batch in which no triplet is found.
    """

    def __init__(
        self,
        classes: int,
        embedding_size: int,
        *,
        margin: float = 0.2,
        mining: Mining = "batch-hard",
        normalised: bool = True,
        squared: bool = True,
    ) -> None:
        """margin: m; normalised: on unit length embeddings. Raises ValueError for a bad setting."""
        super().__init__(classes, embedding_size)
        self.margin = positive("margin", margin)
        self.mining = one_of("mining", mining, ("batch-hard", "semi-hard"))
        self.normalised = switch("normalised", normalised)
        self.squared = switch("squared", squared)

    def loss(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        apart = distances(embeddings, normalised=self.normalised)
        if self.squared:
            apart = apart.square()
        if self.mining == "batch-hard":
            near, far = batch_hard(apart, labels)
        else:
            near, far = semi_hard(apart, labels, margin=self.margin)
        if len(near) == 0:
            return embeddings.sum() * 0
        return (near - far + self.margin).clamp_min(0).mean()


def batch_hard(apart: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """D(a, p) and D(a, n), (T) each, of the anchors that have both; apart: (M, M)."""
    positives, negatives = _kinds(labels)
    farthest = apart.masked_fill(~positives, -math.inf).max(1).values
    nearest = apart.masked_fill(~negatives, math.inf).min(1).values
    complete = positives.any(1) & negatives.any(1)
    return farthest[complete], nearest[complete]


def semi_hard(apart: Tensor, labels: Tensor, *, margin: float) -> tuple[Tensor, Tensor]:
    """D(a, p) and D(a, n), (T) each, of the pairs with a semi-hard negative; apart: (M, M)."""
    positives, negatives = _kinds(labels)
    anchors, partners = positives.nonzero(as_tuple=True)
    near = apart[anchors, partners]
    candidates = apart[anchors]
    fits = negatives[anchors] & (candidates > near[:, None]) & (candidates < near[:, None] + margin)
    far = candidates.masked_fill(~fits, math.inf)
    found = fits.any(1)
    return near[found], far[found].min(1).values if bool(found.any()) else near[found]


def _kinds(labels: Tensor) -> tuple[Tensor, Tensor]:
    """Which pairs (M, M) are of one class but not a face with itself, and which of two classes."""
    same = labels[:, None] == labels[None, :]
    itself = torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    return same & ~itself, ~same
