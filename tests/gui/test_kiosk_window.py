"""The kiosk's window on stand-ins: events, idle and waking, faults, keys, the way to the desk."""

from collections.abc import Iterator
from concurrent.futures import Future
from datetime import timedelta
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QSize, Qt
from PySide6.QtWidgets import QApplication, QLabel, QWidget
from pytestqt.qtbot import QtBot

from attendance.errors import CameraError, ModelError, StorageError
from attendance.kiosk import AlreadyStored, DirectionAsked, NotStored, Refused
from attendance.types import Direction, Match, Reason, Rejected, TrackedFace
from gui.kiosk_window import EXIT_DEMO_WANTED, EXIT_FAULT, KioskWindow
from gui.messages import Level
from gui.pin_dialog import AskPinDialog, SetPinDialog
from gui.services import Services
from gui.source_dialog import Choice, SourceDialog
from gui.theme import TOUCH_PX
from gui.video_view import MarkState
from gui.widgets import Button
from inference.status import EngineError, EngineStatus, SourceState
from storage.rows import PunchRow
from tests.gui.fakes import (
    ANA,
    BERLIN,
    JOE,
    LIVE,
    MORNING_UTC,
    Fakes,
    done,
    make_accepted,
    make_face,
    make_frame,
    make_punch,
    make_result,
    make_services,
    stored_event,
)

SIZES = [QSize(1024, 600), QSize(1280, 800), QSize(1920, 1080), QSize(1080, 1920)]
UNPLUGGED = CameraError("Camera 0 was unplugged.", action="Plug it in again.")
LOST = EngineStatus(SourceState.LOST, str(UNPLUGGED), error=UNPLUGGED)


@pytest.fixture
def cold(qtbot: QtBot, fakes: Fakes) -> Iterator[KioskWindow]:
    """A kiosk whose source has never given a picture."""
    fakes.engine.status = EngineStatus()
    made = KioskWindow(fakes.services, cameras=lambda: done(()))
    qtbot.addWidget(made)
    made.show()
    yield made
    made.close()


def show_faces(window: KioskWindow, fakes: Fakes, *faces: TrackedFace, seq: int = 1) -> None:
    frame = make_frame(seq)
    fakes.engine.frame, fakes.engine.result = frame, make_result(frame, *faces)
    window.pump.look()


def post(window: KioskWindow, fakes: Fakes, event: object) -> None:
    fakes.services.bridge.post_event(event)


def words_on(window: QWidget) -> str:
    labels = [label.text() for label in window.findChildren(QLabel) if label.isVisible()]
    return " | ".join([*labels, *(label.toolTip() for label in window.findChildren(QLabel))])


def go_idle(window: KioskWindow, fakes: Fakes) -> None:
    show_faces(window, fakes)
    fakes.clock.advance(fakes.services.settings.kiosk.idle_after_s + 1)
    window._on_tick()
    assert window.is_idle


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
    qtbot.mouseClick(window.question.out_button, Qt.MouseButton.LeftButton)
    assert fakes.kiosk.answers == [(4, Direction.OUT)]
    assert not window.question.isVisible()


def test_two_people_are_asked_one_after_the_other(
    qtbot: QtBot, window: KioskWindow, fakes: Fakes
) -> None:
    post(window, fakes, DirectionAsked(make_accepted(ANA, track_id=1), ANA))
    post(window, fakes, DirectionAsked(make_accepted(JOE, track_id=2), JOE))
    assert ANA.name in window.question.title.text()
    qtbot.mouseClick(window.question.in_button, Qt.MouseButton.LeftButton)
    assert JOE.name in window.question.title.text()
    qtbot.keyClick(window.question.in_button, Qt.Key.Key_Escape)
    assert fakes.kiosk.answers == [(1, Direction.IN), (2, None)]


def test_a_question_nobody_answers_stores_nothing_and_says_so(
    window: KioskWindow, fakes: Fakes
) -> None:
    post(window, fakes, DirectionAsked(make_accepted(ANA), ANA))
    window.question._timer.timeout.emit()
    assert fakes.kiosk.answers == [(1, None)]
    assert window.card.content.title == "Nothing was stored"


# ---- idle ----------------------------------------------------------------------------------


def test_without_a_face_the_idle_screen_comes_after_its_time(
    window: KioskWindow, fakes: Fakes
) -> None:
    show_faces(window, fakes, make_face(1))
    fakes.clock.advance(19)
    window._on_tick()
    assert not window.is_idle
    fakes.clock.advance(2)
    window._on_tick()
    assert window.is_idle
    assert window.idle.time.text() == "08:57"


def test_a_face_wakes_the_screen_within_half_a_second(
    qtbot: QtBot, window: KioskWindow, fakes: Fakes
) -> None:
    go_idle(window, fakes)
    assert window.pump._timer.interval() < 500
    frame = make_frame(2)
    fakes.engine.frame, fakes.engine.result = frame, make_result(frame, make_face(1))
    qtbot.waitUntil(lambda: not window.is_idle)


def test_an_empty_picture_does_not_wake_the_screen(window: KioskWindow, fakes: Fakes) -> None:
    go_idle(window, fakes)
    show_faces(window, fakes, seq=2)
    assert window.is_idle


def test_nothing_is_painted_while_the_screen_is_idle(window: KioskWindow, fakes: Fakes) -> None:
    go_idle(window, fakes)
    shown = window.video._image
    show_faces(window, fakes, seq=3)
    assert window.video._image is shown


def test_a_touch_or_a_key_wakes_the_screen(qtbot: QtBot, window: KioskWindow, fakes: Fakes) -> None:
    go_idle(window, fakes)
    qtbot.mouseClick(window.idle, Qt.MouseButton.LeftButton)
    assert not window.is_idle
    go_idle(window, fakes)
    qtbot.keyClick(window, Qt.Key.Key_Space)
    assert not window.is_idle


def test_the_company_is_named_on_the_idle_screen(qapp: QApplication, tmp_path: Path) -> None:
    fakes = make_services(tmp_path, {"kiosk.company": "Sunrise Works"})
    window = KioskWindow(fakes.services, cameras=lambda: done(()))
    assert window.idle.company.whole_text == "Sunrise Works"


def test_before_anybody_is_enrolled_the_kiosk_says_what_to_do_first(
    qtbot: QtBot, window: KioskWindow, fakes: Fakes
) -> None:
    fakes.store.persons = ()
    for tell in fakes.store.listeners:
        tell()
    qtbot.waitUntil(lambda: window.card.content.title == "Nobody is enrolled yet")
    assert "Open the desk" in window.idle.help.text()


# ---- faults --------------------------------------------------------------------------------


def test_a_lost_camera_is_told_with_what_to_do_and_goes_when_it_is_back(
    window: KioskWindow, fakes: Fakes
) -> None:
    show_faces(window, fakes, make_face(1))
    fakes.services.bridge.post_status(LOST)
    assert window.banner.isVisible()
    assert window.banner.sentence.text() == "Camera 0 was unplugged. Plug it in again."
    assert window.panel.state.whole_text == "Reception · no camera"
    assert not window.video.has_picture
    assert window.card.content.symbol == "hourglass"
    fakes.services.bridge.post_status(LIVE)
    assert not window.banner.isVisible()
    assert window.panel.state.whole_text == "Reception · ready"


@pytest.mark.parametrize(
    ("state", "title"),
    [
        (SourceState.FROZEN, "The camera's picture stands still"),
        (SourceState.LOST, "No picture from the camera"),
        (SourceState.ENDED, "The recording has ended"),
        (SourceState.FAULT, "The source cannot be used"),
    ],
)
def test_each_fault_of_the_source_has_its_banner_and_a_way_out(
    window: KioskWindow, fakes: Fakes, state: SourceState, title: str
) -> None:
    fakes.services.bridge.post_status(EngineStatus(state, "", error=UNPLUGGED))
    assert window.banner.title.text() == title
    assert window.banner.button.text() == "Choose another source"
    assert window.banner.button.isVisible()


def test_a_fault_wakes_the_idle_screen(window: KioskWindow, fakes: Fakes) -> None:
    go_idle(window, fakes)
    fakes.services.bridge.post_status(LOST)
    assert not window.is_idle
    assert window.banner.isVisible()


def test_a_missing_model_is_told_and_does_not_end_the_program(
    qtbot: QtBot, window: KioskWindow, fakes: Fakes
) -> None:
    error = ModelError("The file face-mesh.onnx is missing.", action="Install Clockface again.")
    fakes.services.bridge.post_status(EngineStatus(SourceState.FAULT, str(error), error=error))
    assert window.banner.sentence.text() == str(error)
    assert not window.banner.button.isVisible()
    assert window._left_until_restart_s is None


def test_a_part_that_fails_again_and_again_ends_the_program_for_a_new_start(
    qtbot: QtBot, window: KioskWindow, fakes: Fakes
) -> None:
    error = EngineError("The inference part failed again and again.")
    codes = list[int]()
    window.exit_requested.connect(codes.append)
    fakes.services.bridge.post_status(EngineStatus(SourceState.FAULT, str(error), error=error))
    assert codes == []
    window._on_restart_due()
    assert codes == [EXIT_FAULT]


def test_at_the_start_without_a_camera_the_choices_are_offered_once(
    qtbot: QtBot, cold: KioskWindow, fakes: Fakes
) -> None:
    fakes.services.bridge.post_status(LOST)
    assert isinstance(cold.dialog, SourceDialog)
    cold.dialog.wait_button.click()
    assert cold.dialog is None
    fakes.services.bridge.post_status(LOST)
    assert cold.dialog is None


def test_a_camera_lost_later_is_only_told_by_the_banner(window: KioskWindow, fakes: Fakes) -> None:
    fakes.services.bridge.post_status(LIVE)
    fakes.services.bridge.post_status(LOST)
    assert window.dialog is None
    assert window.banner.isVisible()


def test_the_choices_close_by_themselves_when_the_camera_comes(
    cold: KioskWindow, fakes: Fakes
) -> None:
    fakes.services.bridge.post_status(LOST)
    assert isinstance(cold.dialog, SourceDialog)
    fakes.services.bridge.post_status(LIVE)
    assert cold.dialog is None


def test_a_chosen_source_is_saved_and_opened(qtbot: QtBot, cold: KioskWindow, fakes: Fakes) -> None:
    fakes.services.bridge.post_status(LOST)
    dialog = cold.dialog
    assert isinstance(dialog, SourceDialog)
    dialog.address.setText("rtsp://door/stream")
    qtbot.keyClick(dialog.address, Qt.Key.Key_Return)
    assert fakes.saved == [{"source.address": "rtsp://door/stream"}]
    assert len(fakes.engine.source_factories) == 1
    assert dialog.choice is Choice.SOURCE


def test_the_demo_is_asked_for_by_an_exit_code(
    qtbot: QtBot, cold: KioskWindow, fakes: Fakes
) -> None:
    codes = list[int]()
    cold.exit_requested.connect(codes.append)
    fakes.services.bridge.post_status(LOST)
    assert isinstance(cold.dialog, SourceDialog)
    cold.dialog.demo_button.click()
    assert codes == [EXIT_DEMO_WANTED]


# ---- keys, PIN, desk -----------------------------------------------------------------------


def test_f11_toggles_full_screen_and_escape_leaves_it(
    qtbot: QtBot, window: KioskWindow, fakes: Fakes
) -> None:
    qtbot.keyClick(window, Qt.Key.Key_F11)
    assert window.isFullScreen()
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert not window.isFullScreen()
    qtbot.keyClick(window, Qt.Key.Key_F11)
    qtbot.keyClick(window, Qt.Key.Key_F11)
    assert not window.isFullScreen()
    assert window.dialog is None


def test_escape_in_a_window_asks_for_the_pin(
    qtbot: QtBot, window: KioskWindow, fakes: Fakes
) -> None:
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: isinstance(window.dialog, AskPinDialog))


def test_the_first_start_asks_for_a_pin(qtbot: QtBot, tmp_path: Path) -> None:
    fakes = make_services(tmp_path)
    fakes.store.pin = ""
    window = KioskWindow(fakes.services, cameras=lambda: done(()))
    qtbot.addWidget(window)
    window.show()
    window.start()
    qtbot.waitUntil(lambda: isinstance(window.dialog, SetPinDialog))


def test_the_right_pin_opens_the_desk_and_only_one(qtbot: QtBot, tmp_path: Path) -> None:
    opened = list[QWidget]()

    def open_desk(_services: Services, parent: QWidget) -> QWidget:
        opened.append(QWidget(parent, Qt.WindowType.Window))
        return opened[-1]

    fakes = make_services(tmp_path)
    window = KioskWindow(fakes.services, open_desk=open_desk, cameras=lambda: done(()))
    qtbot.addWidget(window)
    window.show()
    qtbot.mouseClick(window.panel.desk_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: isinstance(window.dialog, AskPinDialog))
    assert opened == []
    qtbot.keyClicks(window.dialog, "2580")
    qtbot.keyClick(window.dialog, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: len(opened) == 1)
    window.request_desk()
    assert window.dialog is None
    assert len(opened) == 1
    opened[0].close()
    qtbot.waitUntil(lambda: window._desk is None)


def test_a_pin_dialogue_that_is_left_opens_nothing(qtbot: QtBot, window: KioskWindow) -> None:
    window.request_desk()
    qtbot.waitUntil(lambda: isinstance(window.dialog, AskPinDialog))
    qtbot.keyClick(window.dialog, Qt.Key.Key_Escape)
    assert window.dialog is None
    assert window._desk is None


def test_a_change_of_settings_is_put_to_use_at_once(window: KioskWindow, fakes: Fakes) -> None:
    fakes.services.change_settings(
        {"kiosk.name": "Warehouse", "kiosk.mirror": False, "kiosk.direction": "out"}
    )
    assert window.panel.state.whole_text == "Warehouse · ready"
    assert not window.video.mirrored
    assert fakes.kiosk.rules[-1].mode == "out"
    assert fakes.kiosk.rules[-1].zone == BERLIN
    assert fakes.engine.settings[-1].kiosk.name == "Warehouse"


# ---- size ----------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES, ids=lambda s: f"{s.width()}x{s.height()}")
def test_on_every_screen_nothing_overlaps_and_buttons_are_large_enough_to_touch(
    qtbot: QtBot, window: KioskWindow, fakes: Fakes, size: QSize
) -> None:
    window.resize(size)
    show_faces(window, fakes, make_face(1))
    qtbot.waitUntil(lambda: window.page.width() == size.width())
    parts = [window.video.geometry(), window.card.geometry(), window.panel.geometry()]
    for index, part in enumerate(parts):
        assert window.page.rect().contains(part)
        assert not any(part.intersects(other) for other in parts[index + 1 :])
    picture = window.video.picture_rect()
    assert picture.width() * picture.height() > 0.3 * size.width() * size.height() * 0.9
    assert window.panel.desk_button.height() >= TOUCH_PX
    time = window.panel.time
    assert time.width() >= time.fontMetrics().horizontalAdvance(time.text())
    post(window, fakes, DirectionAsked(make_accepted(ANA), ANA))
    assert all(b.height() >= TOUCH_PX for b in window.question.findChildren(Button))


def test_in_a_right_to_left_language_the_panel_stands_on_the_left(window: KioskWindow) -> None:
    window.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    window.resize(1300, 800)
    assert window.panel.geometry().right() < window.video.geometry().left()


def test_an_answer_that_comes_after_the_window_was_closed_is_no_error(
    qtbot: QtBot, fakes: Fakes
) -> None:
    import shiboken6

    held: Future[bool] = Future()
    fakes.store.operator_pin_is_set = lambda: held  # type: ignore[method-assign]
    window = KioskWindow(fakes.services, cameras=lambda: done(()))
    window.start()
    window.close()
    shiboken6.delete(window)
    held.set_result(False)
    for tell in fakes.store.listeners:
        tell()
    fakes.services.bridge.post_event(stored_event())
    qtbot.wait(1)
