"""Softmax on the unit sphere, with no margin."""

from torch import Tensor

from models.losses.margin import MarginSoftmax


class NormalisedSoftmax(MarginSoftmax):
    """L = −(1/M) Σ_i log( e^{s·cos θ_yi} / Σ_j e^{s·cos θ_j} ), so ψ(cos θ) = cos θ.

    Wang, Xiang, Cheng and Yuille 2017, "NormFace: L2 Hypersphere Embedding for Face
    Verification", arXiv 1704.06369; the scale s is a constant here.
    """

    def __init__(self, classes: int, embedding_size: int, *, scale: float = 30.0) -> None:
        """scale: s. Raises ValueError for a bad setting."""
        super().__init__(classes, embedding_size, scale=scale)

    def penalised(self, cosines: Tensor) -> Tensor:
        return cosines
