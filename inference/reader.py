"""The networks as one bundle, and the reader that measures the faces of single pictures."""

from dataclasses import dataclass, replace
from pathlib import Path

from attendance.config import InferenceSettings, QualitySettings
from attendance.types import BgrImage, Crop, Embedding, Face, Quality
from inference.align import align
from inference.detect import Detector
from inference.embed import Embedder
from inference.landmarks import LandmarkNetwork
from inference.manifest import ModelEntry, read_manifest
from inference.precision import choose_precision
from inference.quality import measure_quality
from inference.session import ModelSession, open_session

_DETECTOR_FILES = {"short": "blazeface-short.onnx", "full": "blazeface-full.onnx"}


@dataclass(frozen=True, slots=True)
class FaceLook:
    """One face of one picture, measured and embedded."""

    face: Face
    quality: Quality
    crop: Crop
    embedding: Embedding


class FaceReader:
    """Measures every face of a single picture. Owned by the thread that owns the networks."""

    def __init__(
        self,
        detector: Detector,
        landmark_network: LandmarkNetwork,
        embedder: Embedder,
        quality: QualitySettings,
    ) -> None:
        self._detector = detector
        self._landmark_network = landmark_network
        self._embedder = embedder
        # In a single picture a small share says nothing of the distance.
        self._quality = replace(quality, min_face_share=0.0)

    @property
    def model_id(self) -> str:
        return self._embedder.model_id

    @property
    def precision(self) -> str:
        return self._embedder.precision

    def read(self, frame_bgr: BgrImage) -> tuple[FaceLook, ...]:
        """Return the faces of a picture, largest first, usable or not; looks hard for them.

        What the mesh network does not take for a face is left out, unless there is nothing else.
        """
        faces = self._faces(frame_bgr)
        crops = tuple(align(frame_bgr, face.landmarks) for face in faces)
        embeddings = self._embedder.embed(crops)
        size_hw = (frame_bgr.shape[0], frame_bgr.shape[1])
        return tuple(
            FaceLook(
                face=face,
                quality=measure_quality(face, crop, frame_size_hw=size_hw, settings=self._quality),
                crop=crop,
                embedding=embedding,
            )
            for face, crop, embedding in zip(faces, crops, embeddings, strict=True)
        )

    def _faces(self, frame_bgr: BgrImage) -> tuple[Face, ...]:
        doubtful: tuple[Face, ...] = ()
        for detections in self._detector.attempts(frame_bgr):
            faces = self._landmark_network.read(frame_bgr, detections)
            sure = tuple(face for face in faces if face.mesh_score >= self._quality.min_mesh_score)
            if sure:
                return sure
            doubtful = doubtful or faces
        return doubtful


@dataclass(frozen=True, slots=True)
class Networks:
    """Every network the pipeline runs. Owned by one thread.

    entry: the manifest's entry of the embedder, with its thresholds. precision_reason: why this
    precision runs. providers: the provider that really runs, by file. fallbacks: a sentence for
    each provider that was asked for and does not run, with its file.
    """

    detector: Detector
    landmarks: LandmarkNetwork
    embedder: Embedder
    entry: ModelEntry
    precision_reason: str

    @property
    def sessions(self) -> tuple[ModelSession, ...]:
        return (self.detector.session, self.landmarks.session, self.embedder.session)

    @property
    def providers(self) -> dict[str, str]:
        return {session.entry.file: session.provider for session in self.sessions}

    @property
    def fallbacks(self) -> tuple[str, ...]:
        return tuple(
            f"{session.entry.file}: {sentence}"
            for session in self.sessions
            for sentence in session.fallbacks
        )

    @property
    def summary(self) -> str:
        """One line for the settings page and the log."""
        providers = ", ".join(sorted(set(self.providers.values())))
        return (
            f"{self.entry.model_id}, {self.entry.precision} ({self.precision_reason}), {providers}"
        )

    def reader(self, quality: QualitySettings) -> FaceReader:
        return FaceReader(self.detector, self.landmarks, self.embedder, quality)


def load_networks(
    settings: InferenceSettings,
    *,
    weights_dir: Path | None = None,
    cache_dir: Path | None = None,
) -> Networks:
    """Open the detector, the mesh network and the embedder these settings ask for.

    cache_dir: where the choice of precision "auto" is remembered; None measures every time.
    Raises ModelError.
    """
    manifest = read_manifest(weights_dir)

    def opened(entry: ModelEntry) -> ModelSession:
        return open_session(entry, providers=settings.providers, threads=settings.threads)

    detect_entry = manifest.entry("detect", file=_DETECTOR_FILES[settings.detector])
    choice = choose_precision(manifest, settings=settings, cache_dir=cache_dir)
    return Networks(
        detector=Detector(
            opened(detect_entry),
            threshold=settings.detect_threshold,
            max_faces=settings.max_faces,
        ),
        landmarks=LandmarkNetwork(opened(manifest.entry("landmarks"))),
        embedder=Embedder(opened(choice.entry)),
        entry=choice.entry,
        precision_reason=choice.reason,
    )
