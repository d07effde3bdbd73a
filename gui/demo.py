"""The demo: the shipped portraits are enrolled, then people walk up to the kiosk."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from attendance.photo_enrolment import read_photos
from attendance.staff import checked_person
from attendance.types import BgrImage
from gui.program import Program

if TYPE_CHECKING:
    from inference.sources import Source

ENROL = "enrol"
VISIT = "visit"


def enrol_portraits(program: Program) -> tuple[str, ...]:
    """Enrol the people of the shipped portraits; returns their names."""
    from inference.photo import load_photo
    from inference.portraits import portraits

    reader = program.networks().reader(program.settings.quality)
    settings = program.settings.enrolment
    names: dict[str, str] = {}
    for portrait in portraits():
        if portrait.role != ENROL:
            continue
        report = read_photos([portrait.path], reader=reader, load=load_photo, settings=settings)
        person = replace(
            checked_person(staff_id=portrait.person_id, name=portrait.name, department="Demo"),
            consent_utc=program.clock.now_utc(),
        )
        templates = report.templates(person.staff_id)
        program.store.enrol(person, templates, operator="demo").result()
        names[person.staff_id] = person.name
    return tuple(names.values())


def portrait_source(program: Program, *, repeat: bool, fast: bool = False) -> "Source":
    """Return the demo's moving picture of the people enrolled, and of a stranger.

    Photos that were not enrolled are shown where there are any; of who has a single photo, that
    photo's mirror image.
    """
    from inference.photo import load_photo
    from inference.portraits import portraits
    from inference.sources.portraits import PortraitSource

    shipped = portraits()
    with_visit = {portrait.person_id for portrait in shipped if portrait.role == VISIT}
    photos: list[BgrImage] = [
        load_photo(portrait.path) for portrait in shipped if portrait.role == VISIT
    ]
    photos += [
        np.ascontiguousarray(load_photo(portrait.path)[:, ::-1])
        for portrait in shipped
        if portrait.role == ENROL and portrait.person_id not in with_visit
    ]
    return PortraitSource(
        photos, clock=program.clock, repeat=repeat, fast=fast, together=(0, len(photos) - 1)
    )
