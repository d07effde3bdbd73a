"""Pictures shown one after the other as if they stood before a camera."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from attendance.errors import CameraError, PictureError
from attendance.ports import Clock
from attendance.types import BgrImage, Frame
from inference.sources.base import Playback, Wait, wait_for_event

PICTURE_SUFFIXES = frozenset([".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"])
PICTURES_FPS = 10

logger = logging.getLogger(__name__)


def _load_photo(path: Path) -> BgrImage:
    from inference.photo import load_photo

    return load_photo(path)


class PictureFolderSource:
    """A folder of pictures in the order of their names, or a single picture; not live.

    Each is shown for `hold_s` at 10 frames a second. A picture that cannot be read is passed over
    and logged; it is an error only if no picture at all can be read.
    """

    live = False
    has_noise = False

    def __init__(
        self,
        path: Path,
        *,
        hold_s: float,
        clock: Clock,
        fast: bool = False,
        load: Callable[[Path], BgrImage] = _load_photo,
        wait: Wait = wait_for_event,
    ) -> None:
        self._path = path
        self._frames_each = max(1, round(hold_s * PICTURES_FPS))
        self._load = load
        self._playback = Playback(clock, fast=fast, wait=wait)
        self._files: Sequence[Path] = ()
        self._next_file = 0
        self._picture: BgrImage | None = None
        self._shown = 0
        self._count = 0

    @property
    def description(self) -> str:
        return f"The {'folder' if self._path.is_dir() else 'picture'} {self._path.name}"

    def open(self) -> None:
        self._files = self._list_files()
        self._next_file = self._count = 0
        error = self._load_next()
        if self._picture is None:
            reason = str(error) if error else f"{self.description} holds no picture."
            raise CameraError(reason, action="Choose another folder or file.") from error
        self._playback.start()

    def read(self) -> Frame | None:
        if self._shown == self._frames_each:
            self._load_next()
        if self._picture is None or self._playback.interrupted:
            return None
        frame = self._playback.frame(self._picture, position_s=self._count / PICTURES_FPS)
        self._shown += 1
        self._count += 1
        return frame

    def interrupt(self) -> None:
        self._playback.interrupt()

    def close(self) -> None:
        self._picture = None
        self._shown = 0
        self._playback.finish()

    def _list_files(self) -> Sequence[Path]:
        if self._path.is_file():
            return (self._path,)
        try:
            return sorted(
                file for file in self._path.iterdir() if file.suffix.lower() in PICTURE_SUFFIXES
            )
        except OSError as error:
            raise CameraError(
                f"The folder {self._path} cannot be read.",
                action="Check the name and its permissions.",
            ) from error

    def _load_next(self) -> PictureError | None:
        """Load the next picture that can be read; return why the last bad one could not."""
        self._picture, self._shown = None, 0
        bad = None
        while self._next_file < len(self._files):
            file = self._files[self._next_file]
            self._next_file += 1
            try:
                self._picture = self._load(file)
            except PictureError as error:
                logger.warning("%s is passed over: %s", file.name, error)
                bad = error
                continue
            break
        return bad
