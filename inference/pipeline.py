"""One frame through every stage: detect, landmarks, track, quality, align, embed, search."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from types import MappingProxyType

from attendance.config import Settings
from attendance.errors import ModelError
from attendance.ports import Gallery
from attendance.types import Crop, Embedding, Face, Frame, FrameResult, Match, Quality, TrackedFace
from inference.align import align
from inference.detect import Detector
from inference.gallery import threshold_for
from inference.quality import measure_quality
from inference.reader import FaceReader, Networks
from inference.track import Followed, Tracker

CROWD = 4
"""With more faces in view than this, each is embedded in every other frame only."""

STAGES = ("detect", "landmarks", "track", "quality", "align", "embed", "search")


class Pipeline:
    """Frames in, results out. Owned by the thread that made it; nobody else may call it.

    Every face is tracked; only usable looks (no quality flag) are embedded and searched for. A
    look in a crowd that is not its track's turn has no match either.
    """

    def __init__(self, networks: Networks, *, settings: Settings, gallery: Gallery) -> None:
        """Raises ModelError if the gallery belongs to another model."""
        self._networks = networks
        self._settings = settings
        self._tracker = Tracker()
        self._reader = networks.reader(settings.quality)
        self._gallery = gallery
        self._frames = 0
        self._use(gallery)

    @property
    def reader(self) -> FaceReader:
        return self._reader

    @property
    def threshold(self) -> float:
        """The cosine a match needs with the gallery and the settings in use."""
        return self._threshold

    @property
    def gallery(self) -> Gallery:
        """The gallery in use."""
        return self._gallery

    def replace_gallery(self, gallery: Gallery) -> None:
        """Search this gallery from now on. Raises ModelError if it belongs to another model."""
        self._use(gallery)

    def replace_settings(self, settings: Settings) -> None:
        """Use these settings from now on, but for those that load networks: they need a start."""
        self._settings = settings
        detector = Detector(
            self._networks.detector.session,
            threshold=settings.inference.detect_threshold,
            max_faces=settings.inference.max_faces,
        )
        self._networks = replace(self._networks, detector=detector)
        self._reader = self._networks.reader(settings.quality)
        self._use(self._gallery)

    def reset(self) -> None:
        """Forget every track; they are reported lost with the next frame."""
        self._tracker.reset()

    def process(self, frame: Frame) -> FrameResult:
        """Return every face of the frame, nearest first, with what is known of it."""
        watch = _StopWatch()
        self._frames += 1
        with watch.stage("detect"):
            detections = self._networks.detector.detect(frame.bgr)
        with watch.stage("landmarks"):
            faces = self._networks.landmarks.read(frame.bgr, detections)
            faces = tuple(sorted(faces, key=lambda face: -face.size_px))
        with watch.stage("track"):
            followed = list(self._tracker.update(faces, mono_ns=frame.mono_ns))
        with watch.stage("align"):
            crops = tuple(align(frame.bgr, face.landmarks) for face in faces)
        with watch.stage("quality"):
            qualities = self._measure(frame, faces, crops)
        turn = [
            index
            for index, quality in enumerate(qualities)
            if quality.usable and self._is_turn_of(followed[index], among=len(faces))
        ]
        with watch.stage("embed"):
            embeddings = self._networks.embedder.embed([crops[index] for index in turn])
        embedded = dict(zip(turn, embeddings, strict=True))
        with watch.stage("track"):
            for index, embedding in embedded.items():
                followed[index] = self._tracker.confirm(
                    followed[index].track_id, embedding, weight=qualities[index].score
                )
        with watch.stage("search"):
            matches = {index: self._search(embedding) for index, embedding in embedded.items()}
        return FrameResult(
            frame=frame,
            faces=tuple(
                TrackedFace(
                    track_id=followed[index].track_id,
                    face=face,
                    quality=qualities[index],
                    match=matches.get(index),
                    age=followed[index].age,
                    embedding=embedded.get(index),
                )
                for index, face in enumerate(faces)
            ),
            stage_ms=MappingProxyType(watch.stage_ms),
            lost_tracks=self._tracker.take_lost(),
        )

    def _use(self, gallery: Gallery) -> None:
        entry, recognition = self._networks.entry, self._settings.recognition
        if gallery.model_id != entry.model_id:
            raise ModelError(
                f"The gallery was made with {gallery.model_id}, but {entry.model_id} runs.",
                action="Enrol the people again with the model in use.",
            )
        self._threshold = threshold_for(
            entry.thresholds,
            people=len(gallery),
            false_accept_per_look=recognition.false_accept_per_look,
            floor=recognition.min_threshold,
        )
        self._gallery = gallery

    def _measure(
        self, frame: Frame, faces: Sequence[Face], crops: Sequence[Crop]
    ) -> tuple[Quality, ...]:
        return tuple(
            measure_quality(
                face, crop, frame_size_hw=frame.size_hw, settings=self._settings.quality
            )
            for face, crop in zip(faces, crops, strict=True)
        )

    def _is_turn_of(self, followed: Followed, *, among: int) -> bool:
        return among <= CROWD or (followed.track_id + self._frames) % 2 == 0

    def _search(self, embedding: Embedding) -> Match:
        return self._gallery.search(embedding, threshold=self._threshold)


class _StopWatch:
    """Adds up the milliseconds of each stage; a stage may run in several parts."""

    def __init__(self) -> None:
        self.stage_ms = dict.fromkeys(STAGES, 0.0)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        start_ns = time.perf_counter_ns()
        try:
            yield
        finally:
            self.stage_ms[name] += (time.perf_counter_ns() - start_ns) / 1e6
