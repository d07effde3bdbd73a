"""The optimisers of a run: AdamW, SGD with Nesterov momentum, and Muon."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from models.training.config import OptimiserTable

_NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""Coefficients of the quintic iteration, as published with Muon."""
_ITERATIONS = 5
_LIKE_ADAMW = 0.2
"""The root mean square of an AdamW update, to which Muon's is scaled (Liu et al. 2025)."""


class Muon(torch.optim.Optimizer):
    """Momentum whose update has all singular values near one (Jordan et al. 2024, «Muon»).

    For weights seen as matrices (output channels × everything else): W ← W − η · s · NS(G), where
    G is Nesterov's momentum, NS five Newton–Schulz steps towards the nearest orthogonal matrix, and
    s = 0.2 · √max(rows, columns) makes learning rates those of AdamW (arXiv 2502.16982).

    PyTorch has it too (`torch.optim.Muon`), for two-dimensional parameters only and in bfloat16,
    which a CPU without instructions for it computes many times slower than float32.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, object]],
        *,
        lr: float,
        momentum: float,
        weight_decay: float,
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        """One step; parameters without gradient are left as they are."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if "momentum" not in state:
                    state["momentum"] = torch.zeros_like(parameter)
                momentum: Tensor = state["momentum"]
                momentum.lerp_(parameter.grad, 1 - group["momentum"])
                ahead = parameter.grad.lerp(momentum, group["momentum"])
                update = orthogonalised(ahead.flatten(1)).reshape(parameter.shape)
                scale = _LIKE_ADAMW * max(len(update), update[0].numel()) ** 0.5
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                parameter.add_(update, alpha=-group["lr"] * scale)


def orthogonalised(matrix: Tensor) -> Tensor:
    """About U Vᵀ of the matrix's singular value decomposition; the singular values of the result
    lie between 0.7 and 1.2 where those of the matrix are not far below its largest."""
    a, b, c = _NEWTON_SCHULZ
    turned = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if turned else matrix
    x = x / x.norm().clamp_min(1e-12)
    for _ in range(_ITERATIONS):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.T if turned else x


class Together:
    """Two optimisers as one; its parameter groups and state are theirs, in order."""

    def __init__(self, parts: Sequence[torch.optim.Optimizer]) -> None:
        self.parts = tuple(parts)

    @property
    def param_groups(self) -> list[dict[str, object]]:
        return [group for part in self.parts for group in part.param_groups]

    def zero_grad(self, *, set_to_none: bool = True) -> None:
        for part in self.parts:
            part.zero_grad(set_to_none=set_to_none)

    def step(self) -> None:
        for part in self.parts:
            part.step()

    def state_dict(self) -> dict[str, object]:
        return {str(place): part.state_dict() for place, part in enumerate(self.parts)}

    def load_state_dict(self, state: dict[str, dict[str, object]]) -> None:
        for place, part in enumerate(self.parts):
            part.load_state_dict(state[str(place)])


def make_optimiser(
    network: nn.Module, table: OptimiserTable, loss: nn.Module | None = None
) -> Together:
    """The configured optimiser; no weight decay on biases, norms, slopes and a loss's centres.

    Muon takes the weights that read several channels; depthwise kernels, vectors and the class rows
    of a loss on labels, which are no such matrices, get AdamW with the same learning rate.
    """
    matrices = [p for p in network.parameters() if p.ndim > 1 and p.shape[1] > 1]
    chosen = {id(p) for p in matrices}
    kernels = [p for p in network.parameters() if p.ndim > 1 and id(p) not in chosen]
    vectors = [p for p in network.parameters() if p.ndim <= 1]
    for name, parameter in loss.named_parameters() if loss is not None else ():
        # A centre is where the embeddings of a person are, and not a weight to be kept small.
        (kernels if name == "weight" else vectors).append(parameter)
    decayed = kernels if table.kind == "muon" else matrices + kernels
    groups = [
        {"params": decayed, "weight_decay": table.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    if table.kind == "sgd":
        sgd = torch.optim.SGD(
            groups, lr=table.learning_rate, momentum=table.momentum, nesterov=True
        )
        return Together([sgd])
    adamw = torch.optim.AdamW(groups, lr=table.learning_rate, fused=True)
    if table.kind == "adamw":
        return Together([adamw])
    muon = Muon(
        matrices,
        lr=table.learning_rate,
        momentum=table.momentum,
        weight_decay=table.weight_decay,
    )
    return Together([muon, adamw])
