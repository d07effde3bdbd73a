"""Cameras of this machine, by index, by name or by device file."""

import os
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from attendance.config import SourceSettings
from attendance.errors import CameraError
from attendance.ports import Clock
from inference.sources.live import LiveSource
from inference.sources.opencv import (
    OpenCapture,
    camera_backend,
    open_capture,
)

SYSFS_DIR = Path("/sys/class/video4linux")
DEVICE_DIR = Path("/dev")
PROBED_INDICES = range(5)
MJPEG_FROM_PX = 800
"""From this width on a USB camera has to compress to reach 30 pictures a second."""


@dataclass(frozen=True, slots=True)
class CameraInfo:
    """A camera that is plugged in. index: what OpenCV opens; name: as the system calls it."""

    index: int
    name: str


def list_cameras(
    *,
    platform: str = sys.platform,
    sysfs_dir: Path = SYSFS_DIR,
    opened_with: OpenCapture = open_capture,
) -> tuple[CameraInfo, ...]:
    """Return the cameras that are plugged in, lowest index first.

    On Linux the system's list is read and no camera is opened. Elsewhere indices 0 to 4 are opened
    one after the other, which can take seconds: never call it in the GUI thread.
    """
    if platform == "linux":
        return _cameras_of_sysfs(sysfs_dir)
    found = []
    for index in PROBED_INDICES:
        capture = opened_with(index, camera_backend(platform), ())
        if capture.isOpened():
            found.append(CameraInfo(index, f"Camera {index}"))
        capture.release()
    return tuple(found)


def _cameras_of_sysfs(sysfs_dir: Path) -> tuple[CameraInfo, ...]:
    found = []
    for folder in sysfs_dir.glob("video*"):
        number = re.fullmatch(r"video(\d+)", folder.name)
        # One camera has several device files; only the first of them gives pictures.
        if number and _text(folder / "index") in ("0", ""):
            index = int(number[1])
            found.append(CameraInfo(index, _text(folder / "name") or f"Camera {index}"))
    return tuple(sorted(found, key=lambda camera: camera.index))


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def find_camera(name: str, cameras: Sequence[CameraInfo]) -> CameraInfo:
    """Return the camera of that name, or the only one whose name contains it; case is ignored.

    Raises CameraError that names the cameras there are.
    """
    wanted = name.casefold().strip()
    exact = [camera for camera in cameras if camera.name.casefold() == wanted]
    partly = [camera for camera in cameras if wanted and wanted in camera.name.casefold()]
    if exact:
        return exact[0]
    if len(partly) == 1:
        return partly[0]
    names = ", ".join(f"{camera.index} «{camera.name}»" for camera in cameras)
    raise CameraError(
        f"There is no camera named «{name}»." if not partly else f"«{name}» fits several cameras.",
        action=f"There are: {names}." if names else "No camera is plugged in.",
    )


class CameraSource(LiveSource):
    """A camera of this machine. Live, opened again when lost.

    which: index, name (looked up at each opening, so that it survives another order of plugging
    in) or device file.
    """

    has_noise = True

    def __init__(
        self,
        which: int | str,
        *,
        settings: SourceSettings,
        clock: Clock,
        opened_with: OpenCapture = open_capture,
        cameras: Callable[[], Sequence[CameraInfo]] = list_cameras,
        device_dir: Path = DEVICE_DIR,
    ) -> None:
        super().__init__(clock)
        self._which = which
        self._settings = settings
        self._opened_with = opened_with
        self._cameras = cameras
        self._device_dir = device_dir

    @property
    def description(self) -> str:
        if isinstance(self._which, int):
            return f"Camera {self._which}"
        return f"The camera «{self._which}»"

    def open(self) -> None:
        import cv2

        index = self._index()
        width_px, height_px = self._settings.width_px, self._settings.height_px
        capture = self._opened_with(index, camera_backend(), ())
        if not capture.isOpened():
            capture.release()
            raise self._why_not(index)
        if width_px >= MJPEG_FROM_PX:
            capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, width_px)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, height_px)
        self._take_over(capture)

    def _index(self) -> int:
        if isinstance(self._which, int):
            return self._which
        if self._which.startswith("/dev/"):
            number = re.fullmatch(r"video(\d+)", Path(self._which).resolve().name)
            if number:
                return int(number[1])
            raise CameraError(
                f"There is no camera at {self._which}.", action="Check that it is plugged in."
            )
        return find_camera(self._which, self._cameras()).index

    def _why_not(self, index: int) -> CameraError:
        device = self._device_dir / f"video{index}"
        if sys.platform == "linux" and not device.exists():
            return CameraError(
                f"{self.description} is not there.",
                action="Plug it in, or choose another source.",
            )
        if sys.platform == "linux" and not os.access(device, os.R_OK | os.W_OK):
            return CameraError(
                f"{self.description} may not be used by this account.",
                action="Add the account to the group «video» and log in again.",
            )
        return CameraError(
            f"{self.description} cannot be opened.",
            action="Close other programs that use it, and allow camera access in the system's "
            "privacy settings; or choose another source.",
        )
