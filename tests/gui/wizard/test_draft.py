"""What the wizard remembers."""

import pytest

from attendance.config import default_settings
from attendance.enrolment import CaptureSession
from attendance.errors import InputError
from attendance.types import Person
from gui.wizard.draft import EnrolmentDraft, PhotoResult
from tests.gui.desk.scene import make_look
from tests.gui.fakes import MORNING_UTC


@pytest.fixture
def draft() -> EnrolmentDraft:
    settings = default_settings()
    session = CaptureSession(settings.enrolment, settings.quality)
    return EnrolmentDraft(session, settings=settings.enrolment, staff_id="A-1", name="Ana")


def test_one_good_photo_is_enough_and_refused_ones_count_for_nothing(draft: EnrolmentDraft) -> None:
    draft.photos.append(PhotoResult("bad.jpg", problem="No face"))
    assert draft.good_photos() == ()
    before = draft.enough
    draft.photos.append(PhotoResult("good.jpg", look=make_look()))
    assert (before, draft.enough) == (False, True)
    (template,) = draft.templates()
    assert (template.staff_id, template.view) == ("A-1", "photo")


def test_an_incomplete_session_is_not_enough(draft: EnrolmentDraft) -> None:
    draft.session.offer(make_look())
    assert not draft.enough


def test_captures_and_photos_are_kept_together(draft: EnrolmentDraft) -> None:
    draft.session.offer(make_look())
    draft.photos.append(PhotoResult("good.jpg", look=make_look()))
    assert [template.view for template in draft.templates()] == ["front", "photo"]


def test_a_photo_of_somebody_else_is_named(draft: EnrolmentDraft) -> None:
    draft.photos += [
        PhotoResult("one.jpg", look=make_look(1)),
        PhotoResult("two.jpg", look=make_look(1)),
    ]
    assert draft.stranger() is None
    draft.photos.append(PhotoResult("other.jpg", look=make_look(2)))
    sentence = draft.stranger()
    assert sentence is not None
    assert "other.jpg" in sentence


def test_details_that_break_a_rule_make_no_person(draft: EnrolmentDraft) -> None:
    draft.staff_id = "=cmd|1"
    with pytest.raises(InputError):
        draft.person()


def test_the_consent_is_the_moment_of_the_tick(draft: EnrolmentDraft) -> None:
    draft.consent_utc = MORNING_UTC
    assert draft.person().consent_utc == MORNING_UTC


def test_a_stored_person_keeps_details_and_an_older_consent() -> None:
    settings = default_settings()
    known = Person("B-2", "Bo", department="Office", consent_utc=MORNING_UTC)
    session = CaptureSession(settings.enrolment, settings.quality)
    draft = EnrolmentDraft(session, settings=settings.enrolment, known=known)
    assert draft.person() == known
    assert not draft.has_content


def test_something_entered_would_be_lost_but_not_after_saving(draft: EnrolmentDraft) -> None:
    assert draft.has_content
    draft.saved = True
    assert not draft.has_content
