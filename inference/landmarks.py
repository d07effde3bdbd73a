"""Measure each detected face with Face Mesh: 468 points in three dimensions, and five landmarks."""

from collections.abc import Sequence

import numpy as np

from attendance.types import BgrImage, Face, FloatArray, read_only
from inference.align import warp
from inference.detect import Detection
from inference.session import ModelSession

MESH_POINTS = 468
LEFT_EYE = (33, 133, 159, 145, 158, 153, 160, 144)
RIGHT_EYE = (362, 263, 386, 374, 385, 380, 387, 373)
NOSE_TIP = 1
MOUTH_CORNERS = (61, 291)
_REGION_PER_BOX = 1.5
_MIN_REGION_PX = 2.0
_MAX_LOGIT = 80.0


class LandmarkNetwork:
    """Face Mesh on one session. Owned by the thread that owns the session."""

    def __init__(self, session: ModelSession) -> None:
        self._session = session
        self._score_is_logit = session.metadata["score"] == "logit"

    @property
    def session(self) -> ModelSession:
        return self._session

    def read(self, frame_bgr: BgrImage, detections: Sequence[Detection]) -> tuple[Face, ...]:
        """Return one face for each detection, in the same order; all faces in one run.

        The network sees a square of 1.5 × the box, turned so that the eyes are level. A poor
        mesh_score is reported in the face, not hidden.
        """
        if not detections:
            return ()
        size_hw = self._session.contract.size_hw
        matrices = [region_transform(detection, size_hw=size_hw) for detection in detections]
        regions = [warp(frame_bgr, matrix, size_hw=size_hw) for matrix in matrices]
        meshes, scores = self._session.run(self._session.contract.prepare(regions))
        faces = []
        for detection, matrix, mesh, raw_score in zip(
            detections, matrices, meshes, scores.reshape(-1), strict=True
        ):
            in_frame = mesh_in_frame(mesh, matrix)
            faces.append(
                Face(
                    box_xyxy=detection.box_xyxy,
                    landmarks=read_only(five_points(in_frame)),
                    mesh=read_only(in_frame),
                    score=detection.score,
                    mesh_score=self._probability(float(raw_score)),
                )
            )
        return tuple(faces)

    def _probability(self, raw_score: float) -> float:
        if not self._score_is_logit:
            return raw_score
        return float(1 / (1 + np.exp(-np.clip(raw_score, -_MAX_LOGIT, _MAX_LOGIT))))


def region_transform(detection: Detection, *, size_hw: tuple[int, int]) -> FloatArray:
    """Return float32 (2, 3): frame pixel → pixel of the mesh network's input."""
    x0, y0, x1, y1 = (float(v) for v in detection.box_xyxy)
    centre = np.array([(x0 + x1) / 2, (y0 + y1) / 2])
    eyes = detection.keypoints[1] - detection.keypoints[0]
    angle = float(np.arctan2(eyes[1], eyes[0]))
    side = max(detection.size_px * _REGION_PER_BOX, _MIN_REGION_PX)
    height, width = size_hw
    scale = width / side
    linear = scale * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    shift = np.array([width / 2, height / 2]) - linear @ centre
    return np.column_stack([linear, shift]).astype(np.float32)


def mesh_in_frame(mesh: FloatArray, matrix: FloatArray) -> FloatArray:
    """Return float32 (468, 3) in pixels of the frame; depth is scaled as x and y are.

    mesh: float32 (468, 3), pixels of the network's input. matrix: as region_transform gives it.
    """
    linear, shift = matrix[:, :2].astype(np.float64), matrix[:, 2].astype(np.float64)
    xy = (mesh[:, :2] - shift) @ np.linalg.inv(linear).T
    depth = mesh[:, 2:] / np.sqrt(np.linalg.det(linear))
    return np.concatenate([xy, depth], axis=1).astype(np.float32)


def five_points(mesh: FloatArray) -> FloatArray:
    """Return float32 (5, 2): left eye, right eye, nose, left and right mouth corner of a mesh."""
    xy = mesh[:, :2]
    return np.stack(
        [
            xy[list(LEFT_EYE)].mean(axis=0),
            xy[list(RIGHT_EYE)].mean(axis=0),
            xy[NOSE_TIP],
            xy[MOUTH_CORNERS[0]],
            xy[MOUTH_CORNERS[1]],
        ]
    ).astype(np.float32)
