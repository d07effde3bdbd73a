"""From an address to a source."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from attendance.config import SourceSettings
from attendance.errors import CameraError
from attendance.ports import Clock
from inference.sources.base import Source
from inference.sources.camera import CameraSource
from inference.sources.pictures import PICTURE_SUFFIXES, PictureFolderSource
from inference.sources.stream import STREAM_SCHEMES, StreamSource, without_password
from inference.sources.video import VIDEO_SUFFIXES, VideoSource

HIGHEST_INDEX = 999


def open_source(
    address: str, *, settings: SourceSettings, clock: Clock, fast: bool = False
) -> Source:
    """Return the source an address means; it is not opened yet, so this takes no time.

    A number is a camera, `scheme://` a stream, an existing folder or file pictures or a video,
    /dev/… a camera; anything else is a camera's name. fast concerns files only.
    Raises CameraError for an empty address, a missing or unsupported file and an unknown scheme.
    """
    address = address.strip()
    if not address:
        raise CameraError(
            "No source is named.", action="Name a camera, a file, a folder or a stream."
        )
    if address.isascii() and address.isdigit():
        if int(address) > HIGHEST_INDEX:
            raise CameraError(
                f"There is no camera {address}.", action="Cameras are counted from 0."
            )
        return CameraSource(int(address), settings=settings, clock=clock)
    if "://" in address:
        return _stream_or_file(address, settings=settings, clock=clock, fast=fast)
    if address.startswith("/dev/"):
        return CameraSource(address, settings=settings, clock=clock)
    path = _path_of(address)
    if _exists(path):
        return _file(path, settings=settings, clock=clock, fast=fast)
    if _looks_like_a_path(address):
        raise CameraError(
            f"There is no file or folder {address}.", action="Check the name and the folder."
        )
    return CameraSource(address, settings=settings, clock=clock)


def _stream_or_file(address: str, *, settings: SourceSettings, clock: Clock, fast: bool) -> Source:
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError as error:
        raise CameraError(
            "The address of the stream cannot be read.", action="Write it as rtsp://host/path."
        ) from error
    if parts.scheme == "file":
        return open_source(unquote(parts.path), settings=settings, clock=clock, fast=fast)
    if parts.scheme not in STREAM_SCHEMES:
        raise CameraError(
            f"Streams of the kind {parts.scheme}:// cannot be opened.",
            action=f"Use one of {', '.join(STREAM_SCHEMES)}.",
        )
    if not host:
        raise CameraError(
            f"The address {without_password(address)} names no host.",
            action="Write it as rtsp://host/path.",
        )
    return StreamSource(address, clock=clock)


def _file(path: Path, *, settings: SourceSettings, clock: Clock, fast: bool) -> Source:
    if path.is_dir() or path.suffix.lower() in PICTURE_SUFFIXES:
        return PictureFolderSource(path, hold_s=settings.picture_hold_s, clock=clock, fast=fast)
    if path.suffix.lower() in VIDEO_SUFFIXES:
        return VideoSource(path, clock=clock, fast=fast)
    raise CameraError(
        f"{path.name} is neither a picture nor a video this program knows.",
        action="Use one of: " + " ".join(sorted(PICTURE_SUFFIXES | VIDEO_SUFFIXES)) + ".",
    )


def _path_of(address: str) -> Path:
    try:
        return Path(address).expanduser()
    except RuntimeError:  # ~somebody who has no account here
        return Path(address)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # too long, or with a NUL: no file has such a name
        return False


def _looks_like_a_path(address: str) -> bool:
    known = PICTURE_SUFFIXES | VIDEO_SUFFIXES
    return "/" in address or "\\" in address or Path(address).suffix.lower() in known
