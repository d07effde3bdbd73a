"""Softmax on labels, with no margin and no normalisation."""

import torch
from torch import Tensor, nn
from torch.nn import functional as nnf

from models.losses.base import LabelLoss, class_rows
from models.losses.settings import switch


class Softmax(LabelLoss):
    """L = −(1/M) Σ_i log( e^{w_yi·x_i + b_yi} / Σ_j e^{w_j·x_i + b_j} ).

    The identification signal of Sun, Wang and Tang 2014, "Deep Learning Face Representation by
    Joint Identification-Verification", arXiv 1406.4773.
    """

    def __init__(self, classes: int, embedding_size: int, *, bias: bool = True) -> None:
        """bias: whether there is a b. Raises ValueError for a bad setting."""
        super().__init__(classes, embedding_size)
        self.weight = class_rows(self.classes, self.embedding_size)
        self.bias = nn.Parameter(torch.zeros(self.classes)) if switch("bias", bias) else None

    def loss(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        bias = None if self.bias is None else self.bias.to(embeddings.dtype)
        logits = nnf.linear(embeddings, self.weight.to(embeddings.dtype), bias)
        return nnf.cross_entropy(logits, labels)

    def class_vectors(self) -> Tensor:
        return self.weight.detach()
