"""What the kiosk shows when something happens: the card, names on faces, the question."""

from datetime import timedelta

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QLabel, QWidget
from pytestqt.qtbot import QtBot

from attendance.errors import StorageError
from attendance.kiosk import AlreadyStored, DirectionAsked, NotStored, Refused
from attendance.types import Direction, Match, Reason, Rejected, TrackedFace
from gui.kiosk_window import KioskWindow
from gui.messages import Level
from gui.video_view import MarkState
from storage.rows import PunchRow
from tests.gui.fakes import (
    ANA,
    JOE,
    MORNING_UTC,
    Fakes,
    grey_picture,
    make_accepted,
    make_face,
    make_frame,
    make_punch,
    make_result,
    stored_event,
)
from tests.gui.hands import click, press


def show_faces(window: KioskWindow, fakes: Fakes, *faces: TrackedFace, seq: int = 1) -> None:
    frame = make_frame(seq)
    fakes.engine.frame, fakes.engine.result = frame, make_result(frame, *faces)
    window.pump.look()


def post(window: KioskWindow, fakes: Fakes, event: object) -> None:
    fakes.services.bridge.post_event(event)


def words_on(window: QWidget) -> str:
    labels = [label.text() for label in window.findChildren(QLabel) if label.isVisible()]
    return " | ".join([*labels, *(label.toolTip() for label in window.findChildren(QLabel))])


# ---- events --------------------------------------------------------------------------------


def test_a_stored_punch_turns_the_card_green_and_names_the_face(
    window: KioskWindow, fakes: Fakes
) -> None:
    show_faces(window, fakes, make_face(1), make_face(2, (20, 20, 90, 90)))
    post(window, fakes, stored_event(ANA, track_id=1))
    assert window.card.content.level is Level.SUCCESS
    assert "Ana Maria Duarte" in window.card.content.title
    show_faces(window, fakes, make_face(1), make_face(2, (20, 20, 90, 90)), seq=2)
    names = [(mark.name, mark.state) for mark in window.video.marks]
    assert names == [("Ana Maria Duarte", MarkState.ACCEPTED), ("", MarkState.FORMING)]


def test_the_hours_of_today_follow_on_the_card(
    qtbot: QtBot, window: KioskWindow, fakes: Fakes
) -> None:
    fakes.store.worked = timedelta(hours=8, minutes=5)
    post(window, fakes, stored_event(ANA, Direction.OUT))
    qtbot.waitUntil(lambda: window.card.content.detail.endswith("8 h 05 min today"))


def test_the_photo_of_the_moment_is_on_the_card_if_the_face_is_still_there(
    window: KioskWindow, fakes: Fakes
) -> None:
    show_faces(window, fakes, make_face(1))
    post(window, fakes, stored_event(ANA, track_id=1))
    assert not window.card.photo.isHidden()
    window.card._timer.timeout.emit()
    post(window, fakes, stored_event(JOE, track_id=99))
    assert window.card.photo.isHidden()


def test_a_stranger_is_shown_nobodys_name_and_no_similarity(
    window: KioskWindow, fakes: Fakes
) -> None:
    near_miss = Match(None, 0.5132, 0.4711, 0.55, nearest_id=ANA.staff_id)
    face = make_face(1)
    stranger = TrackedFace(1, face.face, face.quality, match=near_miss)
    show_faces(window, fakes, stranger)
    post(window, fakes, Refused(Rejected(1, Reason.UNKNOWN, MORNING_UTC, 0)))
    show_faces(window, fakes, stranger, seq=2)
    assert window.card.content.symbol == "question"
    assert [(mark.name, mark.state) for mark in window.video.marks] == [("", MarkState.UNKNOWN)]
    shown = words_on(window)
    assert ANA.name not in shown
    assert "51" not in shown.replace(window.panel.seconds.text(), "")
    assert "0." not in shown


def test_no_similarity_is_shown_for_a_stored_punch(window: KioskWindow, fakes: Fakes) -> None:
    post(window, fakes, stored_event(ANA))
    assert "73" not in words_on(window)


def test_the_ring_fills_while_the_decision_forms(window: KioskWindow, fakes: Fakes) -> None:
    fakes.kiosk.progresses[1] = 0.6
    show_faces(window, fakes, make_face(1))
    assert [mark.progress for mark in window.video.marks] == [0.6]


def test_the_picture_shown_is_the_one_the_faces_were_found_in(
    window: KioskWindow, fakes: Fakes
) -> None:
    worked_on = make_frame(10, grey_picture(240, 320))
    fakes.engine.frame = make_frame(12)
    fakes.engine.result = make_result(worked_on, make_face(1))
    window.pump.look()
    assert window.video.aspect == pytest.approx(320 / 240)
    assert window._shown_seq == 10
    assert len(window.video.marks) == 1


def test_while_recognition_is_far_behind_the_newest_picture_is_shown_and_never_an_older_one(
    window: KioskWindow, fakes: Fakes
) -> None:
    fakes.engine.frame = make_frame(50)
    fakes.engine.result = make_result(make_frame(10), make_face(1))
    window.pump.look()
    assert window._shown_seq == 50
    assert window.video.marks == ()
    fakes.engine.result = make_result(make_frame(45), make_face(1))
    window.pump.look()
    assert window._shown_seq == 50


def test_before_the_networks_are_loaded_the_picture_is_shown_already(
    window: KioskWindow, fakes: Fakes
) -> None:
    fakes.engine.frame = make_frame(0)
    window.pump.look()
    assert window.video.has_picture


def test_a_punch_that_stands_already_names_the_face_too(window: KioskWindow, fakes: Fakes) -> None:
    show_faces(window, fakes, make_face(1))
    post(window, fakes, AlreadyStored(make_punch(ANA), ANA, make_accepted(ANA)))
    assert window.card.content.title == "Already clocked in at 08:57"
    assert window.marks.marks(frame_seq=1)[0].name == ANA.name


def test_a_punch_that_was_not_stored_stays_on_the_screen_until_one_is(
    window: KioskWindow, fakes: Fakes
) -> None:
    error = StorageError("The disk is full.", action="Free some space.")
    show_faces(window, fakes, make_face(1))
    post(window, fakes, NotStored(make_accepted(), ANA, error))
    assert window.card.content.level is Level.DANGER
    assert window.storage_banner.isVisible()
    assert "The disk is full. Free some space." in window.storage_banner.sentence.text()
    assert window.marks.marks(frame_seq=1)[0].name == ""
    post(window, fakes, stored_event(ANA))
    assert not window.storage_banner.isVisible()


def test_the_last_punches_are_shown_newest_first_with_local_time(
    qtbot: QtBot, window: KioskWindow, fakes: Fakes
) -> None:
    fakes.store.rows = (
        PunchRow(make_punch(JOE, Direction.OUT), JOE.name, "Office"),
        PunchRow(make_punch(ANA, at_utc=MORNING_UTC - timedelta(minutes=57)), ANA.name, ""),
    )
    post(window, fakes, stored_event(JOE, Direction.OUT))
    qtbot.waitUntil(lambda: len(window.panel.shown_punches) == 2)
    lines = window.panel._lines
    assert [line.time.text() for line in lines[:2]] == ["08:57", "08:00"]
    assert [line.symbol.name for line in lines[:2]] == ["arrow-out", "arrow-in"]
    assert lines[1].accessibleName() == "Ana Maria Duarte, in, 08:00"


def test_only_as_many_punches_are_shown_as_there_is_room_for(
    qtbot: QtBot, window: KioskWindow, fakes: Fakes
) -> None:
    fakes.store.rows = tuple(
        PunchRow(make_punch(ANA, sequence=n), ANA.name, "") for n in range(1, 9)
    )
    window.resize(1024, 600)
    post(window, fakes, stored_event(ANA))
    qtbot.waitUntil(lambda: len(window.panel.shown_punches) > 0)
    for line in window.panel._lines:
        if line.isVisible():
            bottom = line.mapTo(window.panel, QPoint(0, line.height())).y()
            assert bottom <= window.panel.desk_button.y()


def test_a_hint_leaves_when_nobody_is_there_any_more(window: KioskWindow, fakes: Fakes) -> None:
    show_faces(window, fakes, make_face(1))
    post(window, fakes, Refused(Rejected(1, Reason.TOO_DARK, MORNING_UTC, 0)))
    assert window.card.content.title == "Too dark"
    show_faces(window, fakes, seq=2)
    assert not window.card.content.is_hint


# ---- in or out -----------------------------------------------------------------------------


def test_the_question_is_answered_for_the_person_it_was_asked_of(
    qtbot: QtBot, window: KioskWindow, fakes: Fakes
) -> None:
    post(window, fakes, DirectionAsked(make_accepted(ANA, track_id=4), ANA))
    assert window.question.isVisible()
    assert ANA.name in window.question.title.text()
    click(window.question.out_button)
    assert fakes.kiosk.answers == [(4, Direction.OUT)]
    assert not window.question.isVisible()


def test_two_people_are_asked_one_after_the_other(
    qtbot: QtBot, window: KioskWindow, fakes: Fakes
) -> None:
    post(window, fakes, DirectionAsked(make_accepted(ANA, track_id=1), ANA))
    post(window, fakes, DirectionAsked(make_accepted(JOE, track_id=2), JOE))
    assert ANA.name in window.question.title.text()
    click(window.question.in_button)
    assert JOE.name in window.question.title.text()
    press(window.question.in_button, Qt.Key.Key_Escape)
    assert fakes.kiosk.answers == [(1, Direction.IN), (2, None)]


def test_a_question_nobody_answers_stores_nothing_and_says_so(
    window: KioskWindow, fakes: Fakes
) -> None:
    post(window, fakes, DirectionAsked(make_accepted(ANA), ANA))
    window.question._timer.timeout.emit()
    assert fakes.kiosk.answers == [(1, None)]
    assert window.card.content.title == "Nothing was stored"
