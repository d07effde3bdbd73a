"""Center loss: softmax, and a pull to the centre of the own class."""

from torch import Tensor

from models.losses.base import class_rows
from models.losses.settings import number
from models.losses.softmax import Softmax


class CenterLoss(Softmax):
    """L = L_softmax + λ · (1/M) Σ_i ½ ‖x_i − c_yi‖².

    Wen, Zhang, Li and Qiao 2016, "A Discriminative Feature Learning Approach for Deep Face
    Recognition", ECCV 2016 (not on arXiv). There the centres follow a moving mean with a rate of
    their own; here they are parameters, which the optimiser moves with the gradient above.
    """

    def __init__(
        self,
        classes: int,
        embedding_size: int,
        *,
        centre_weight: float = 0.003,
        bias: bool = True,
    ) -> None:
        """centre_weight: λ. Raises ValueError for a bad setting."""
        super().__init__(classes, embedding_size, bias=bias)
        self.centre_weight = number("centre_weight", centre_weight, low=0)
        self.centres = class_rows(self.classes, self.embedding_size)

    def loss(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        own = self.centres.to(embeddings.dtype)[labels]
        pull = (embeddings - own).square().sum(1).mean() / 2
        return super().loss(embeddings, labels) + self.centre_weight * pull

    def class_vectors(self) -> Tensor:
        return self.centres.detach()
