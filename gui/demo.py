"""The demo: the shipped portraits are enrolled, then other photos of them walk up to the kiosk."""

from dataclasses import replace
from typing import TYPE_CHECKING

from attendance.photo_enrolment import read_photos
from attendance.staff import checked_person
from gui.program import Program

if TYPE_CHECKING:
    from inference.sources import Source


def enrol_portraits(program: Program) -> tuple[str, ...]:
    """Enrol the people of the shipped portraits; returns their names."""
    from inference.photo import load_photo

    from inference.portraits import portraits

    reader = program.networks().reader(program.settings.quality)
    settings = program.settings.enrolment
    names: dict[str, str] = {}
    for portrait in portraits():
        if portrait.role != "enrol":
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


def portrait_source(program: Program, *, loops: int | None) -> "Source":
    """Return the demo's moving picture: other photos of the enrolled people, and a stranger."""
    from inference.photo import load_photo
    from inference.sources.portraits import PortraitSource

    from inference.portraits import portraits

    visits = [load_photo(portrait.path) for portrait in portraits() if portrait.role == "visit"]
    return PortraitSource(visits, clock=program.clock, loops=loops)
