"""Made-up embeddings of made-up people, for measuring what measures."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from attendance.types import FloatArray
from inference.manifest import ModelEntry
from models.embedding_pass import EmbeddingPass
from models.lfw import Faces, Pair, Picture, number_faces


def faces_of(rng: np.random.Generator, *, people: int, most: int, lost: int = 0) -> Faces:
    """People with 1 to most pictures each; lost: so many of the pictures have no face."""
    pictures: list[Picture] = [
        (f"P{person:03d}", number + 1)
        for person in range(people)
        for number in range(int(rng.integers(1, most + 1)))
    ]
    gone = set(rng.choice(len(pictures), lost, replace=False).tolist())
    return number_faces(
        [picture for index, picture in enumerate(pictures) if index not in gone],
        lost=[picture for index, picture in enumerate(pictures) if index in gone],
    )


def vectors_of(rng: np.random.Generator, faces: Faces, *, noise: float = 1.0) -> FloatArray:
    """Unit embeddings float32 (N, 128): a direction a person, and noise."""
    directions = rng.normal(size=(len(np.unique(faces.everyone)), 128))
    return unit(directions[faces.people] + noise * rng.normal(size=(len(faces.people), 128)))


def unit(rows: NDArray[np.float64]) -> FloatArray:
    made: FloatArray = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return made


def entry(file: str, *, model_id: str = "made-up") -> ModelEntry:
    return ModelEntry(
        file=file,
        model_id=model_id,
        role="embed",
        precision="fp32",
        sha256=file,
        bytes=1_000_000,
        thresholds={},
        figures={},
        path=Path("weights") / file,
    )


def pass_of(faces: Faces, *networks: tuple[ModelEntry, FloatArray]) -> EmbeddingPass:
    return EmbeddingPass(
        faces=faces,
        entries=tuple(one for one, _ in networks),
        vectors=tuple(vectors for _, vectors in networks),
        stage_ms=tuple({"detect": 1.0, "embed": 2.0} for _ in networks),
    )


def protocol(faces: Faces, rng: np.random.Generator, *, pairs: int) -> tuple[Pair, ...]:
    """Random pairs in two folds, every second one of one person where its pictures allow it."""
    everything = (*faces.pictures, *faces.lost)
    made: list[Pair] = []
    while len(made) < pairs:
        one = everything[int(rng.integers(len(everything)))]
        wanted = len(made) % 2 == 0
        others = [other for other in everything if (other[0] == one[0]) == wanted and other != one]
        if others:
            other = others[int(rng.integers(len(others)))]
            made.append(Pair(one, other, same=wanted, fold=len(made) * 2 // pairs))
    return tuple(made)
