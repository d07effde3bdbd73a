"""What the wizard has gathered so far. Nothing of it is stored before Save."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from attendance.config import EnrolmentSettings
from attendance.enrolment import CaptureSession, check_same_person, templates_from
from attendance.errors import PictureError
from attendance.ports import FaceLook
from attendance.staff import checked_person
from attendance.types import Match, Person, Template

PHOTO_VIEW = "photo"


@dataclass(frozen=True, slots=True)
class PhotoResult:
    """What became of one photo file. Either look or problem is set."""

    name: str
    look: FaceLook | None = None
    problem: str = ""


@dataclass(slots=True)
class EnrolmentDraft:
    """The wizard's memory, so that Back never loses anything. Owned by the GUI thread.

    known: the stored person when templates are to be replaced; None when somebody new is enrolled.
    duplicate: the match with another enrolled person, once the gallery was asked.
    """

    session: CaptureSession
    settings: EnrolmentSettings
    known: Person | None = None
    staff_id: str = ""
    name: str = ""
    department: str = ""
    shift: str = ""
    consent_utc: datetime | None = None
    photos: list[PhotoResult] = field(default_factory=list)
    duplicate: Match | None = None
    saved: bool = False

    def __post_init__(self) -> None:
        if self.known is not None:
            self.staff_id = self.known.staff_id
            self.name = self.known.name
            self.department = self.known.department
            self.shift = self.known.shift

    @property
    def has_content(self) -> bool:
        """Whether cancelling now would lose something that was entered or captured."""
        typed = self.known is None and bool(self.staff_id or self.name)
        return not self.saved and bool(typed or self.consent_utc or self.looks())

    def person(self) -> Person:
        """Return the person with checked details and the time of consent.

        Raises InputError naming the first field that breaks its rule.
        """
        if self.known is not None:
            return replace(self.known, consent_utc=self.consent_utc or self.known.consent_utc)
        person = checked_person(
            staff_id=self.staff_id, name=self.name, department=self.department, shift=self.shift
        )
        return replace(person, consent_utc=self.consent_utc)

    def good_photos(self) -> tuple[tuple[str, FaceLook], ...]:
        """Return (file name, look) of each photo that can be used."""
        return tuple((p.name, p.look) for p in self.photos if p.look is not None)

    def looks(self) -> tuple[tuple[str, FaceLook], ...]:
        """Return (view, look) of all captures and photos, captures first."""
        captures = tuple((c.view, c.look) for c in self.session.captures)
        return captures + tuple((PHOTO_VIEW, look) for _, look in self.good_photos())

    @property
    def enough(self) -> bool:
        """All views captured, or at least one photo that can be used."""
        return self.session.complete or bool(self.good_photos())

    def templates(self) -> tuple[Template, ...]:
        return templates_from(self.looks(), staff_id=self.person().staff_id)

    def stranger(self) -> str | None:
        """Return the sentence that one capture or photo shows somebody else, or None."""
        named = [(capture.view, capture.look) for capture in self.session.captures]
        try:
            check_same_person([*named, *self.good_photos()], settings=self.settings)
        except PictureError as error:
            return str(error)
        return None
