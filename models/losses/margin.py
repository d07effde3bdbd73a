"""The template of every loss that puts a margin on the angle to the own class."""

import torch
from torch import Tensor
from torch.nn import functional as nnf

from models.losses.base import LabelLoss, class_rows
from models.losses.settings import positive


class MarginSoftmax(LabelLoss):
    """Softmax over scaled cosines, the own class's cosine made smaller by ψ.

    L = −(1/M) Σ_i log( e^{s·ψ(cos θ_yi)} / (e^{s·ψ(cos θ_yi)} + Σ_{j≠yi} e^{s·cos θ_j}) )
    with cos θ_j = (x_i / ‖x_i‖) · (w_j / ‖w_j‖). A subclass writes `penalised`, which is ψ.

    The scale s is a constant, or ‖x_i‖ where it is None.
    """

    def __init__(self, classes: int, embedding_size: int, *, scale: float | None) -> None:
        super().__init__(classes, embedding_size)
        self.scale = None if scale is None else positive("scale", scale)
        self.weight = class_rows(self.classes, self.embedding_size)

    def penalised(self, cosines: Tensor) -> Tensor:
        """ψ of the cosines to the own class (M, 1), in [−1, 1]; its gradient must be finite."""
        raise NotImplementedError

    def cosines(self, embeddings: Tensor) -> Tensor:
        """The cosine of each embedding to each class: (M, classes), in [−1, 1]."""
        rows = unit_length(self.weight.to(embeddings.dtype))
        return (unit_length(embeddings) @ rows.T).clamp(-1, 1)

    def loss(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        cosines = self.cosines(embeddings)
        own = labels.unsqueeze(1)
        logits = cosines.scatter(1, own, self.penalised(cosines.gather(1, own)))
        if self.scale is None:
            logits = logits * torch.linalg.vector_norm(embeddings, dim=1, keepdim=True)
        else:
            logits = logits * self.scale
        return nnf.cross_entropy(logits, labels)

    def class_vectors(self) -> Tensor:
        return self.weight.detach()


def unit_length(rows: Tensor) -> Tensor:
    """Each row over its length; a row shorter than 1e-6 stays short, and its gradient finite."""
    return nnf.normalize(rows, dim=1, eps=1e-6)


def sine(cosines: Tensor) -> Tensor:
    """sin θ = √(1 − cos² θ) of an angle in [0, π], with a finite gradient everywhere.

    The derivative −cos θ / sin θ has no bound at cos θ = ±1, where cos θ no longer moves with the
    embedding either: below the precision of the numbers it counts as 0.
    """
    smallest = torch.finfo(cosines.dtype).eps
    return ((1 - cosines) * (1 + cosines)).clamp_min(smallest).sqrt()
