"""Enrolment from photo files, for the command line, imports and the wizard."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from attendance.config import EnrolmentSettings
from attendance.enrolment import (
    already_enrolled,
    check_same_person,
    pick_single_face,
    templates_from,
)
from attendance.errors import InputError, PictureError
from attendance.ports import FaceLook, FaceReader, Gallery
from attendance.types import BgrImage, Template

PHOTO_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".jfif"}
)


@dataclass(frozen=True, slots=True)
class PhotoReport:
    """What became of the photos of one person.

    looks: (photo's name, look) of the good ones. refused: (photo's name, why) of the others.
    """

    looks: tuple[tuple[str, FaceLook], ...]
    refused: tuple[tuple[str, PictureError], ...]

    def templates(self, staff_id: str) -> tuple[Template, ...]:
        return templates_from((("photo", look) for _, look in self.looks), staff_id=staff_id)


def read_photos(
    photos: Iterable[Path],
    *,
    reader: FaceReader,
    load: Callable[[Path], BgrImage],
    settings: EnrolmentSettings,
) -> PhotoReport:
    """Read every photo; one bad photo does not spoil the others.

    load: turns a file into BGR pixels or raises PictureError.
    """
    looks: list[tuple[str, FaceLook]] = []
    refused: list[tuple[str, PictureError]] = []
    for photo in photos:
        try:
            faces = reader.read(load(photo))
            looks.append((photo.name, pick_single_face(faces, name=photo.name, settings=settings)))
        except PictureError as error:
            refused.append((photo.name, error))
    return PhotoReport(tuple(looks), tuple(refused))


def check_new_person(
    looks: Sequence[tuple[str, FaceLook]],
    *,
    gallery: Gallery,
    settings: EnrolmentSettings,
    ignore: str | None = None,
) -> None:
    """Refuse looks that are of several people, or of somebody who is enrolled already.

    Raises PictureError or InputError.
    """
    check_same_person(looks, settings=settings)
    match = already_enrolled((look for _, look in looks), gallery, settings=settings, ignore=ignore)
    if match is not None:
        raise InputError(
            f"This face is already enrolled as {match.person_id}.",
            action="Re-enrol that person instead, or check whose photos these are.",
        )


def photos_of(staff_id: str, folder: Path, *, named: Sequence[str] = ()) -> tuple[Path, ...]:
    """Return the photos of a person in a folder.

    named: file names within the folder, from a staff list; without any, the files STAFF_ID.jpg,
    STAFF_ID-2.jpg, STAFF_ID_front.png … and everything in a sub-folder STAFF_ID, sorted.
    Raises InputError if a named photo is missing or lies outside the folder.
    """
    if named:
        return tuple(_inside(folder, name) for name in named)
    own = re.compile(re.escape(staff_id) + r"([-_ ].*)?", re.IGNORECASE)
    found = [path for path in folder.iterdir() if own.fullmatch(path.stem) and _is_photo(path)]
    if (folder / staff_id).is_dir():
        found += [path for path in (folder / staff_id).iterdir() if _is_photo(path)]
    return tuple(sorted(found))


def _is_photo(path: Path) -> bool:
    return path.suffix.lower() in PHOTO_SUFFIXES and path.is_file()


def _inside(folder: Path, name: str) -> Path:
    root = folder.resolve()
    path = (root / name).resolve()
    if not path.is_relative_to(root):
        raise InputError(
            f"The photo «{name}» lies outside the photos folder.",
            action="Put it into the folder and name it without a path.",
        )
    if not path.is_file():
        raise InputError(
            f"The photo «{name}» is not in the photos folder.",
            action="Add it, or correct its name in the file.",
        )
    return path
