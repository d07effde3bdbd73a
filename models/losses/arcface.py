"""ArcFace: a margin on the angle itself (AAM, additive angular margin)."""

import math

import torch
from torch import Tensor

from models.losses.margin import MarginSoftmax, sine
from models.losses.settings import number, switch


class ArcFace(MarginSoftmax):
    """ψ(cos θ) = cos(θ + m) for θ ≤ π − m, else cos θ − m·sin m, so that ψ falls all the way to π.

    L = −(1/M) Σ_i log( e^{s·cos(θ_yi + m)} / (e^{s·cos(θ_yi + m)} + Σ_{j≠yi} e^{s·cos θ_j}) )

    With the easy margin: ψ(cos θ) = cos(θ + m) for θ < π/2, else cos θ; the margin acts only on
    embeddings that are already on their class's side.

    Deng, Guo, Xue and Zafeiriou 2019, "ArcFace: Additive Angular Margin Loss for Deep Face
    Recognition", arXiv 1801.07698. Written as cos θ cos m − sin θ sin m: no arc cosine is taken.
    """

    def __init__(
        self,
        classes: int,
        embedding_size: int,
        *,
        scale: float = 64.0,
        margin: float = 0.5,
        easy_margin: bool = False,
    ) -> None:
        """scale: s; margin: m in radians, 0 to π/2. Raises ValueError for a bad setting."""
        super().__init__(classes, embedding_size, scale=scale)
        self.margin = number("margin", margin, low=0, high=math.pi / 2)
        self.easy_margin = switch("easy_margin", easy_margin)

    def penalised(self, cosines: Tensor) -> Tensor:
        turned = cosines * math.cos(self.margin) - sine(cosines) * math.sin(self.margin)
        if self.easy_margin:
            return torch.where(cosines > 0, turned, cosines)
        beyond = cosines < math.cos(math.pi - self.margin)
        return torch.where(beyond, cosines - self.margin * math.sin(self.margin), turned)
