"""What every loss on labels is: embeddings and labels in, a scalar out."""

import torch
from torch import Tensor, nn

from models.losses.settings import whole

_FULL = (torch.float32, torch.float64)


class LabelLoss(nn.Module):
    """The frame of every loss: checks what comes in, and computes in float32 or better.

    A subclass writes `loss`. An instance fits the hook `margin_loss` of the training objective.
    """

    def __init__(self, classes: int, embedding_size: int) -> None:
        """Raises ValueError unless there are two classes and one embedding column or more."""
        super().__init__()
        self.classes = whole("classes", classes, low=2)
        self.embedding_size = whole("embedding_size", embedding_size, low=1)

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """embeddings: (M, E), any length and float type; labels: whole (M), 0 … classes − 1.

        Returns a scalar, float32 for half precision embeddings; 0 for an empty batch.
        Raises ValueError if a shape or a label does not fit.
        """
        self._check(embeddings, labels)
        if embeddings.dtype not in _FULL:
            embeddings = embeddings.float()
        if len(labels) == 0:
            return embeddings.sum()
        with torch.autocast(embeddings.device.type, enabled=False):
            return self.loss(embeddings, labels.long())

    def loss(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """The scalar loss of checked embeddings (M, E), float32 or 64, and labels int64 (M)."""
        raise NotImplementedError

    def class_vectors(self) -> Tensor | None:
        """One row for each class (classes, E), detached: what a picture shows as rays or centres.

        Several rows a class (K · classes, E) where a class has K centres: row r is of class r // K.
        None where the loss keeps nothing for a class.
        """
        return None

    def _check(self, embeddings: Tensor, labels: Tensor) -> None:
        if embeddings.ndim != 2 or embeddings.shape[1] != self.embedding_size:
            raise ValueError(
                f"The embeddings must have the shape (M, {self.embedding_size}), "
                f"not {tuple(embeddings.shape)}."
            )
        if labels.shape != embeddings.shape[:1]:
            raise ValueError(
                f"{len(embeddings)} embeddings need as many labels, "
                f"not labels of the shape {tuple(labels.shape)}."
            )
        if labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool:
            raise ValueError(f"The labels must be whole numbers, not {labels.dtype}.")
        if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < self.classes:
            raise ValueError(
                f"The labels must lie from 0 to {self.classes - 1}, "
                f"not from {int(labels.min())} to {int(labels.max())}."
            )


def class_rows(rows: int, embedding_size: int) -> nn.Parameter:
    """Random rows (rows, E) of about unit length, drawn from PyTorch's generator."""
    return nn.Parameter(torch.randn(rows, embedding_size) / embedding_size**0.5)
