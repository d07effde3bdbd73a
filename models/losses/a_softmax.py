"""A-Softmax, the loss of SphereFace: the angle to the own class counts m times."""

import math

import torch
from torch import Tensor

from models.losses.margin import MarginSoftmax
from models.losses.settings import number, whole


class ASoftmax(MarginSoftmax):
    """The annealed margin (λ·cos θ + ψ(θ)) / (1 + λ), with the scale s = ‖x_i‖ and

    ψ(θ) = (−1)^k cos(mθ) − 2k for θ in [kπ/m, (k + 1)π/m], k = 0 … m − 1; m = 1, 2, 3 or 4.

    Liu, Wen, Yu, Li, Raj and Song 2017, "SphereFace: Deep Hypersphere Embedding for Face
    Recognition", arXiv 1704.08063. cos(mθ) is the Chebyshev polynomial T_m(cos θ): no arc cosine
    is taken, and the gradient is finite everywhere.

    λ = max(λ_end, λ_start / (1 + decay · t)); t counts the batches seen in training mode and is
    saved with the weights, so that a resumed run goes on where it was.
    """

    step: Tensor

    def __init__(
        self,
        classes: int,
        embedding_size: int,
        *,
        margin: int = 4,
        lambda_start: float = 1000.0,
        lambda_end: float = 5.0,
        lambda_decay: float = 0.12,
    ) -> None:
        """margin: m. Raises ValueError for a bad setting."""
        super().__init__(classes, embedding_size, scale=None)
        self.margin = whole("margin", margin, low=1, high=4)
        self.lambda_start = number("lambda_start", lambda_start, low=0)
        self.lambda_end = number("lambda_end", lambda_end, low=0)
        self.lambda_decay = number("lambda_decay", lambda_decay, low=0)
        if self.lambda_end > self.lambda_start:
            raise ValueError(
                f"lambda_end must not be above lambda_start, {self.lambda_start:g}, "
                f"but is {self.lambda_end:g}."
            )
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))

    @property
    def annealing(self) -> float:
        """λ for the next batch."""
        return max(self.lambda_end, self.lambda_start / (1 + self.lambda_decay * int(self.step)))

    def loss(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        result = super().loss(embeddings, labels)
        if self.training:
            self.step += 1
        return result

    def penalised(self, cosines: Tensor) -> Tensor:
        weight = self.annealing
        return (weight * cosines + psi(cosines, self.margin)) / (1 + weight)


def psi(cosines: Tensor, m: int) -> Tensor:
    """ψ(θ) of cos θ in [−1, 1]: falls without a jump from 1 at θ = 0 to 1 − 2m at θ = π."""
    before, multiple = torch.ones_like(cosines), cosines
    for _ in range(m - 1):
        before, multiple = multiple, 2 * cosines * multiple - before
    k = torch.zeros_like(cosines)
    for edge in range(1, m):
        k = k + (cosines < math.cos(edge * math.pi / m)).to(cosines.dtype)
    return (1 - 2 * (k % 2)) * multiple - 2 * k
