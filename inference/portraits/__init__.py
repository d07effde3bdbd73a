"""The pictures of faces that ship with Clockface, for the demo, the benchmark and the tests.

Where each comes from and what is known of its rights stands in PROVENANCE.md beside them.
"""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Portrait:
    """One shipped picture with one face.

    person_id: the same for all pictures of a person. role: "enrol" for the picture a person is
    enrolled from, "visit" for others; a person without an "enrol" picture is a stranger.
    """

    person_id: str
    name: str
    path: Path
    role: str


_SHIPPED = (
    ("collins", "Eileen Collins", "collins-1.jpg", "enrol"),
    ("biden", "Joe Biden", "biden-1.jpg", "enrol"),
    ("obama", "Barack Obama", "obama-1.jpg", "enrol"),
    ("obama", "Barack Obama", "obama-2.jpg", "visit"),
    ("obama", "Barack Obama", "obama-3.jpg", "visit"),
    ("hopper", "Grace Hopper", "hopper-1.jpg", "visit"),
)


def portraits() -> tuple[Portrait, ...]:
    """Return every shipped portrait; the pictures to enrol come first."""
    folder = Path(__file__).resolve().parent
    return tuple(
        Portrait(person_id=person_id, name=name, path=folder / file, role=role)
        for person_id, name, file, role in _SHIPPED
    )
