"""What the student is pulled towards: the teacher's embedding, its similarities, its features."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional as nnf

from models.networks.mobilefacenet import middle_columns
from models.training.config import Weights

MarginLoss = Callable[[Tensor, Tensor], Tensor]
"""(embeddings (M, E), labels int64 (M)) of the labelled crops of a batch, to a scalar."""


def cosine_distance(embeddings: Tensor, targets: Tensor) -> Tensor:
    """Mean of 1 − cos between each embedding and its target (N, E)."""
    return (1 - nnf.cosine_similarity(embeddings, targets)).mean()


def similarity_distance(embeddings: Tensor, targets: Tensor) -> Tensor:
    """Mean squared difference of the batch's two similarity matrices, diagonal left out."""
    count = len(embeddings)
    if count < 2:
        return embeddings.sum() * 0
    student = nnf.normalize(embeddings)
    teacher = nnf.normalize(targets)
    difference = student @ student.T - teacher @ teacher.T
    return difference.square().sum() / (count * (count - 1))


def neighbour_divergence(
    embeddings: Tensor, targets: Tensor, bank: Tensor, rows: Tensor, *, scale: float
) -> Tensor:
    """How differently an embedding and its target (N, E) are surrounded: mean KL divergence.

    Each is looked up among all targets of the training crops, the bank (K, E) of unit rows, as in
    a gallery: softmax(scale · cosines), without the crop itself (rows: int64 (N), its place in the
    bank). Weighs most the faces that the teacher finds alike, where false accepts come from; the
    idea of Park et al. 2019 (arXiv 1904.05068) with Hinton et al. 2015's loss (arXiv 1503.02531).
    """
    itself = torch.zeros(len(rows), len(bank), dtype=torch.bool)
    itself[torch.arange(len(rows)), rows] = True
    ours, theirs = (
        nnf.log_softmax(
            (nnf.normalize(x) @ bank.T * scale).masked_fill(itself, -torch.inf), dim=1
        ).masked_fill(itself, 0.0)
        for x in (embeddings, targets)
    )
    shares = theirs.exp().masked_fill(itself, 0.0)
    return (shares * (theirs - ours)).sum(1).mean()


def feature_distance(features: Sequence[Tensor], targets: Sequence[Tensor]) -> Tensor:
    """Mean over the taps of squared difference over the target's variance.

    A target may have more columns (the teacher sees a wider crop): the middle ones count.
    """
    total = torch.zeros(())
    for ours, wide in zip(features, targets, strict=True):
        theirs = middle_columns(wide, ours.shape[3])
        centred = theirs - theirs.mean((0, 2, 3), keepdim=True)
        total = total + nnf.mse_loss(ours, theirs) / centred.square().mean().clamp_min(1e-12)
    return total / max(len(features), 1)


def terms(
    embeddings: Tensor,
    features: Sequence[Tensor],
    *,
    target_embeddings: Tensor | None,
    target_features: Sequence[Tensor],
    labels: Tensor,
    margin_loss: MarginLoss | None = None,
    neighbours: Callable[[Tensor, Tensor], Tensor] | None = None,
) -> Mapping[str, Tensor]:
    """Every term of the loss by name, unweighted. labels: int64 (N), −1 where unknown.

    neighbours: (embeddings, targets) to their divergence. Without targets only the loss on labels
    counts; without either there is nothing (0).
    """
    result: dict[str, Tensor] = {}
    if target_embeddings is not None:
        result["embedding"] = cosine_distance(embeddings, target_embeddings)
        result["similarity"] = similarity_distance(embeddings, target_embeddings)
        if neighbours is not None:
            result["neighbours"] = neighbours(embeddings, target_embeddings)
    if features:
        result["features"] = feature_distance(features, target_features)
    known = labels >= 0
    if margin_loss is not None and bool(known.any()):
        result["margin"] = margin_loss(embeddings[known], labels[known])
    return result or {"margin": embeddings.sum() * 0}


def weighted(values: Mapping[str, Tensor], weights: Weights, *, progress: float) -> Tensor:
    """The loss: each term times its weight at this point of the schedule."""
    factors = {
        "embedding": weights.embedding,
        "similarity": weights.similarity,
        "neighbours": weights.neighbours,
        "features": weights.features(progress),
        "margin": weights.margin,
    }
    return torch.stack([value * factors[name] for name, value in values.items()]).sum()
