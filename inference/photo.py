"""Load a photo from a file: checked, upright, 8-bit BGR, and no larger than needed."""

import io
import logging
import struct
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from attendance.errors import PictureError
from attendance.types import BgrImage

_LOG = logging.getLogger(__name__)

MAX_BYTES = 64 * 1024 * 1024
MAX_PIXELS = 64_000_000
LONGEST_SIDE_PX = 1920
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")
_WIDE_MODES = ("I;16", "I;16L", "I;16B", "I;16N", "I", "F")
_USE_OTHER = "Use a JPEG, PNG or WebP photo."


def load_photo(path: Path) -> BgrImage:
    """Return the photo of a file as uint8 (H, W, 3), upright, at most 1920 px on its longer side.

    Raises PictureError if the file cannot be read or is not a usable picture.
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise _too_many_bytes(path.name, size)
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise PictureError(f"There is no file {path}.", action="Check the name.") from error
    except IsADirectoryError as error:
        raise PictureError(f"{path} is a folder, not a photo.", action="Name a file.") from error
    except OSError as error:
        raise PictureError(
            f"{path} cannot be read: {error.strerror}.", action="Check its permissions."
        ) from error
    return decode_photo(data, name=path.name)


def decode_photo(data: bytes, *, name: str) -> BgrImage:
    """Return the photo in these bytes, as load_photo does. name: for the messages.

    Up to 64 MiB and 64 million pixels; both are checked before anything is decoded. Transparent
    parts become white. Raises PictureError.
    """
    if not data:
        raise PictureError(f"{name} is empty.", action="Copy the photo again.")
    if len(data) > MAX_BYTES:
        raise _too_many_bytes(name, len(data))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
                return _decoded(picture, name=name)
    except PictureError:
        raise
    except UnidentifiedImageError as error:
        raise PictureError(f"{name} is not a picture this program reads.", action=_USE_OTHER) from (
            error
        )
    except Image.DecompressionBombError as error:
        raise PictureError(
            f"{name} has far more pixels than a photo.", action="Save it at a smaller size."
        ) from error
    except MemoryError as error:
        raise PictureError(
            f"{name} needs more memory than there is.", action="Save it at a smaller size."
        ) from error
    except Exception as error:  # the decoders have no common class for damaged files
        raise PictureError(
            f"{name} is damaged or incomplete.", action="Copy the photo again, or use another one."
        ) from error


def _decoded(picture: Image.Image, *, name: str) -> BgrImage:
    width, height = picture.size
    if width * height > MAX_PIXELS:
        raise PictureError(
            f"{name} has {width} × {height} pixels; at most {MAX_PIXELS // 1_000_000} million are "
            "read.",
            action="Save it at a smaller size.",
        )
    picture.draft(None, (LONGEST_SIDE_PX, LONGEST_SIDE_PX))
    picture.load()
    rgb = _as_rgb(_upright(picture))
    rgb.thumbnail((LONGEST_SIDE_PX, LONGEST_SIDE_PX))
    return np.ascontiguousarray(np.asarray(rgb, np.uint8)[..., ::-1])


def _upright(picture: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(picture)
    except (SyntaxError, ValueError, TypeError, KeyError, struct.error) as error:
        _LOG.info("a photo's EXIF cannot be read, so it is taken as it lies: %s", error)
        return picture


def _as_rgb(picture: Image.Image) -> Image.Image:
    if picture.mode in _WIDE_MODES:
        return _from_wide(picture)
    if picture.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in picture.info:
        layered = picture.convert("RGBA")
        white = Image.new("RGBA", layered.size, "white")
        return Image.alpha_composite(white, layered).convert("RGB")
    return picture.convert("RGB")


def _from_wide(picture: Image.Image) -> Image.Image:
    values = np.asarray(picture, np.float64)
    values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    top = 1.0 if picture.mode == "F" else 65_535.0
    top = max(top, float(values.max()))
    levels = np.clip(values / top * 255.0, 0, 255).round().astype(np.uint8)
    return Image.fromarray(levels).convert("RGB")


def _too_many_bytes(name: str, size: int) -> PictureError:
    mebibytes = 1024 * 1024
    return PictureError(
        f"{name} has {size / mebibytes:.0f} MiB; at most {MAX_BYTES // mebibytes} are read.",
        action="Save it at a smaller size.",
    )
