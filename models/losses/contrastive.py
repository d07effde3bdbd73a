"""Contrastive loss of a Siamese network, over all pairs of a batch."""

import torch
from torch import Tensor

from models.losses.base import LabelLoss
from models.losses.distances import distances
from models.losses.settings import positive, switch


class Contrastive(LabelLoss):
    """The mean over all pairs of the batch of ½ y D² + ½ (1 − y) max(0, m − D)².

    D = ‖x_i − x_j‖; y = 1 where both are the same class, else 0.

    Hadsell, Chopra and LeCun 2006, "Dimensionality Reduction by Learning an Invariant Mapping",
    CVPR 2006 (not on arXiv), where Y = 1 − y; on faces Sun, Wang and Tang 2014, arXiv 1406.4773.
    """

    def __init__(
        self,
        classes: int,
        embedding_size: int,
        *,
        margin: float = 1.0,
        normalised: bool = True,
    ) -> None:
        """margin: m; normalised: on unit length embeddings. Raises ValueError for a bad setting."""
        super().__init__(classes, embedding_size)
        self.margin = positive("margin", margin)
        self.normalised = switch("normalised", normalised)

    def loss(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        if len(labels) < 2:
            return embeddings.sum() * 0
        first, second = torch.triu_indices(
            len(labels), len(labels), offset=1, device=labels.device
        ).unbind()
        apart = distances(embeddings, normalised=self.normalised)[first, second]
        return pair_losses(apart, labels[first] == labels[second], margin=self.margin).mean()


def pair_losses(distances: Tensor, same: Tensor, *, margin: float) -> Tensor:
    """The loss of each pair: distances D (P) ≥ 0, same: bool (P), y."""
    push = (margin - distances).clamp_min(0).square()
    return torch.where(same, distances.square(), push) / 2
