"""The demo: the shipped portraits are enrolled, then people walk up to the kiosk."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from attendance.photo_enrolment import read_photos
from attendance.staff import checked_person
from attendance.types import BgrImage, FloatArray
from gui.program import Program

if TYPE_CHECKING:
    from inference.portraits import Portrait
    from inference.reader import FaceReader
    from inference.sources import Source

ENROL = "enrol"
VISIT = "visit"


@dataclass(frozen=True, slots=True)
class Demo:
    """names: of the people enrolled. photos: BGR, of those who will walk up. boxes_xyxy: float32
    (4,) each, where the face is.
    """

    names: tuple[str, ...]
    photos: tuple[BgrImage, ...]
    boxes_xyxy: tuple[FloatArray, ...]

    def source(self, program: Program, *, repeat: bool, fast: bool = False) -> "Source":
        """Return the moving picture: one after another, then two together."""
        from inference.sources.portraits import PortraitSource

        return PortraitSource(
            self.photos,
            boxes_xyxy=self.boxes_xyxy,
            clock=program.clock,
            repeat=repeat,
            fast=fast,
            together=(0, len(self.photos) - 1),
        )


def prepare_demo(program: Program) -> Demo:
    """Enrol the people of the shipped portraits and choose what the kiosk will be shown."""
    from inference.portraits import portraits

    reader = program.networks().reader(program.settings.quality)
    shipped = portraits()
    names = [
        _enrol(portrait, program=program, reader=reader)
        for portrait in shipped
        if portrait.role == ENROL
    ]
    photos = _visits(shipped)
    boxes_xyxy = tuple(reader.read(photo)[0].face.box_xyxy for photo in photos)
    return Demo(tuple(names), photos, boxes_xyxy)


def _enrol(portrait: "Portrait", *, program: Program, reader: "FaceReader") -> str:
    from inference.photo import load_photo

    report = read_photos(
        [portrait.path], reader=reader, load=load_photo, settings=program.settings.enrolment
    )
    person = replace(
        checked_person(staff_id=portrait.person_id, name=portrait.name, department="Demo"),
        consent_utc=program.clock.now_utc(),
    )
    templates = report.templates(person.staff_id)
    program.store.enrol(person, templates, operator="demo").result()
    return person.name


def _visits(shipped: "tuple[Portrait, ...]") -> tuple[BgrImage, ...]:
    """Return photos that were not enrolled, and of who has a single one its mirror image."""
    from inference.photo import load_photo

    with_visit = {portrait.person_id for portrait in shipped if portrait.role == VISIT}
    visits = [load_photo(portrait.path) for portrait in shipped if portrait.role == VISIT]
    mirrored = [
        np.ascontiguousarray(load_photo(portrait.path)[:, ::-1])
        for portrait in shipped
        if portrait.role == ENROL and portrait.person_id not in with_visit
    ]
    return (*visits, *mirrored)
