"""OpenCV's VideoCapture: the one file that opens cameras, video files and streams with it."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from attendance.errors import CameraError
from attendance.types import BgrImage

FFMPEG_LOG_VARIABLE = "OPENCV_FFMPEG_LOGLEVEL"
FFMPEG_LOG_QUIET = "-8"


class VideoCapture(Protocol):
    """What is used of cv2.VideoCapture."""

    def isOpened(self) -> bool: ...  # noqa: N802 — OpenCV's name

    def read(self) -> tuple[bool, Any]: ...

    def get(self, propId: int) -> float: ...  # noqa: N803

    def set(self, propId: int, value: float) -> bool: ...  # noqa: N803

    def release(self) -> None: ...


OpenCapture = Callable[[int | str, int, Sequence[int]], VideoCapture]
"""Target, backend (a cv2.CAP_… number) and parameters (key, value, key, value …)."""


def open_capture(target: int | str, backend: int, parameters: Sequence[int]) -> VideoCapture:
    """Open with OpenCV, whose own lines on the error stream are switched off.

    The result may be closed already: ask `isOpened`. Raises CameraError if OpenCV itself fails.
    """
    import cv2

    os.environ.setdefault(FFMPEG_LOG_VARIABLE, FFMPEG_LOG_QUIET)
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        return cv2.VideoCapture(target, backend, list(parameters))
    except cv2.error as error:
        raise CameraError("The source cannot be opened.", action=_first_line(error)) from error


def read_picture(capture: VideoCapture) -> BgrImage | None:
    """Return the next picture as BGR uint8 (H, W, 3); None if there is none."""
    import cv2

    try:
        found, picture = capture.read()
    except cv2.error as error:
        raise CameraError("The source gave a broken picture.", action=_first_line(error)) from error
    if not found or picture is None or picture.size == 0:
        return None
    return as_bgr(picture)


def as_bgr(picture: Any) -> BgrImage:
    """Return grey (H, W), (H, W, 1) and BGRA (H, W, 4) pictures, 8 or 16 bit, as BGR uint8."""
    pixels = np.asarray(picture)
    if pixels.dtype == np.uint16:
        pixels = (pixels >> 8).astype(np.uint8)
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    if pixels.shape[2] == 1:
        pixels = np.repeat(pixels, 3, axis=2)
    return np.ascontiguousarray(pixels[..., :3], np.uint8)


def camera_backend(platform: str = sys.platform) -> int:
    """Return the number of the backend that cameras are opened with on this system."""
    import cv2

    backends: Mapping[str, int] = {
        "linux": cv2.CAP_V4L2,
        "win32": cv2.CAP_MSMF,
        "darwin": cv2.CAP_AVFOUNDATION,
    }
    return backends.get(platform, cv2.CAP_ANY)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
