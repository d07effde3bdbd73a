"""CosFace, also called AM-Softmax: a margin on the cosine."""

from torch import Tensor

from models.losses.margin import MarginSoftmax
from models.losses.settings import number


class CosFace(MarginSoftmax):
    """ψ(cos θ) = cos θ − m.

    L = −(1/M) Σ_i log( e^{s(cos θ_yi − m)} / (e^{s(cos θ_yi − m)} + Σ_{j≠yi} e^{s·cos θ_j}) )

    Wang, Cheng, Liu and Liu 2018, "Additive Margin Softmax for Face Verification",
    arXiv 1801.05599 (s = 30, m = 0.35); Wang and others 2018, "CosFace: Large Margin Cosine Loss
    for Deep Face Recognition", arXiv 1801.09414 (s = 64, m = 0.35).
    """

    def __init__(
        self, classes: int, embedding_size: int, *, scale: float = 64.0, margin: float = 0.35
    ) -> None:
        """scale: s; margin: m, 0 to 2. Raises ValueError for a bad setting."""
        super().__init__(classes, embedding_size, scale=scale)
        self.margin = number("margin", margin, low=0, high=2)

    def penalised(self, cosines: Tensor) -> Tensor:
        return cosines - self.margin
