"""Turn crops into embeddings."""

from collections.abc import Sequence

import numpy as np

from attendance.errors import ModelError
from attendance.types import CROP_SIZE_HW, EMBEDDING_SIZE, Crop, Embedding, read_only
from inference.session import ModelSession

TEMPLATE_NAME = "112x96-arcface"
_MIN_NORM = 1e-6


class Embedder:
    """An embedding network on one session. Owned by the thread that owns the session."""

    def __init__(self, session: ModelSession) -> None:
        """Raise ModelError if the network does not take this program's crops."""
        self._session = session
        wrong = {
            "input_size_hw": (session.contract.size_hw, CROP_SIZE_HW),
            "embedding_size": (session.metadata["embedding_size"], str(EMBEDDING_SIZE)),
            "template": (session.metadata["template"], TEMPLATE_NAME),
        }
        for key, (has, needs) in wrong.items():
            if has != needs:
                raise ModelError(
                    f"{session.entry.file} has {key} {has}, but this program needs {needs}.",
                    action="Choose a model file that was made for this version.",
                )

    @property
    def session(self) -> ModelSession:
        return self._session

    @property
    def model_id(self) -> str:
        return self._session.entry.model_id

    @property
    def precision(self) -> str:
        return self._session.entry.precision

    @property
    def mirrored(self) -> bool:
        """Whether each crop's mirror image is embedded too, unless `embed` is told otherwise."""
        return self._session.entry.mirrored

    def embed(
        self, crops: Sequence[Crop], *, mirrored: bool | None = None
    ) -> tuple[Embedding, ...]:
        """Return one embedding of unit length for each crop, in the same order; all in one run.

        mirrored: add the embedding of each crop's mirror image, which takes twice as long and errs
        less; None does what the network's manifest entry says, and what its figures and thresholds
        are measured with. For the import TAR at 1e-4 on the development pairs is 95.1 instead of
        94.5 % in fp32 and 94.9 instead of 93.9 % in int8.

        Raises ModelError if the network gives something that has no direction.
        """
        if not crops:
            return ()
        if mirrored is None:
            mirrored = self.mirrored
        batch = self._session.contract.prepare([crop.bgr for crop in crops])
        if mirrored:
            batch = np.concatenate([batch, batch[..., ::-1]])
        (vectors,) = self._session.run(batch)
        if mirrored:
            vectors = vectors[: len(crops)] + vectors[len(crops) :]
        norms = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
        if not np.isfinite(norms).all() or (norms < _MIN_NORM).any():
            raise ModelError(
                f"{self._session.entry.file} gave an embedding that is not a number.",
                action='Set inference.providers to ["cpu"] in the settings.',
            )
        unit = (vectors / norms).astype(np.float32)
        return tuple(Embedding(vec=read_only(row), model_id=self.model_id) for row in unit)
