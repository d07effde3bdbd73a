"""Sub-center ArcFace: several centres for a class, so that wrong labels find one of their own."""

from torch import Tensor

from models.losses.arcface import ArcFace
from models.losses.base import class_rows
from models.losses.settings import whole


class SubcenterArcFace(ArcFace):
    """ArcFace with cos θ_j = max_k (x_i / ‖x_i‖) · (w_jk / ‖w_jk‖), k = 1 … K.

    Deng, Guo, Liu, Gong and Zafeiriou 2020, "Sub-center ArcFace: Boosting Face Recognition by
    Large-Scale Noisy Web Faces", ECCV 2020 (not on arXiv).
    """

    def __init__(
        self,
        classes: int,
        embedding_size: int,
        *,
        scale: float = 64.0,
        margin: float = 0.5,
        easy_margin: bool = False,
        centres: int = 3,
    ) -> None:
        """centres: K; the others as in ArcFace. Raises ValueError for a bad setting."""
        super().__init__(
            classes,
            embedding_size,
            scale=scale,
            margin=margin,
            easy_margin=easy_margin,
        )
        self.centres = whole("centres", centres, low=1)
        self.weight = class_rows(self.classes * self.centres, self.embedding_size)

    def cosines(self, embeddings: Tensor) -> Tensor:
        every = super().cosines(embeddings)
        return every.unflatten(1, (self.classes, self.centres)).max(2).values
