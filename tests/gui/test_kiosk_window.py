"""The kiosk's window on stand-ins: idle and waking, faults, keys, the way to the desk."""

from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest
from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QApplication, QDialog, QWidget
from pytestqt.qtbot import QtBot

from attendance.errors import CameraError, ModelError
from attendance.kiosk import DirectionAsked
from attendance.types import TrackedFace
from gui.kiosk_window import EXIT_DEMO_WANTED, EXIT_FAULT, KioskWindow
from gui.pin_dialog import AskPinDialog, SetPinDialog
from gui.services import Services
from gui.source_dialog import Choice, SourceDialog
from gui.theme import TOUCH_PX
from gui.widgets import Button
from inference.status import EngineError, EngineStatus, SourceState
from tests.gui.fakes import (
    ANA,
    BERLIN,
    LIVE,
    Fakes,
    done,
    make_accepted,
    make_face,
    make_frame,
    make_result,
    make_services,
    stored_event,
)
from tests.gui.hands import click, press, type_keys

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


def is_idle(window: KioskWindow) -> bool:
    return window.is_idle


def dialog_of(window: KioskWindow) -> QDialog:
    """Return the dialogue that is open; there must be one."""
    assert window.dialog is not None
    return window.dialog


def choices_of(window: KioskWindow) -> SourceDialog:
    dialog = dialog_of(window)
    assert isinstance(dialog, SourceDialog)
    return dialog


def go_idle(window: KioskWindow, fakes: Fakes) -> None:
    show_faces(window, fakes)
    fakes.clock.advance(fakes.services.settings.kiosk.idle_after_s + 1)
    window._on_tick()
    assert is_idle(window)


# ---- idle ----------------------------------------------------------------------------------


def test_without_a_face_the_idle_screen_comes_after_its_time(
    window: KioskWindow, fakes: Fakes
) -> None:
    show_faces(window, fakes, make_face(1))
    fakes.clock.advance(19)
    window._on_tick()
    assert not is_idle(window)
    fakes.clock.advance(2)
    window._on_tick()
    assert is_idle(window)
    assert window.idle.time.text() == "08:57"


def test_a_face_wakes_the_screen_within_half_a_second(
    qtbot: QtBot, window: KioskWindow, fakes: Fakes
) -> None:
    go_idle(window, fakes)
    assert window.pump._timer.interval() < 500
    frame = make_frame(2)
    fakes.engine.frame, fakes.engine.result = frame, make_result(frame, make_face(1))
    qtbot.waitUntil(lambda: not is_idle(window))


def test_an_empty_picture_does_not_wake_the_screen(window: KioskWindow, fakes: Fakes) -> None:
    go_idle(window, fakes)
    show_faces(window, fakes, seq=2)
    assert is_idle(window)


def test_nothing_is_painted_while_the_screen_is_idle(window: KioskWindow, fakes: Fakes) -> None:
    go_idle(window, fakes)
    shown = window.video._image
    show_faces(window, fakes, seq=3)
    assert window.video._image is shown


def test_a_touch_or_a_key_wakes_the_screen(qtbot: QtBot, window: KioskWindow, fakes: Fakes) -> None:
    go_idle(window, fakes)
    click(window.idle)
    assert not is_idle(window)
    go_idle(window, fakes)
    press(window, Qt.Key.Key_Space)
    assert not is_idle(window)


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
    assert not is_idle(window)
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
    choices_of(cold).wait_button.click()
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
    assert choices_of(cold).isVisible()
    fakes.services.bridge.post_status(LIVE)
    assert cold.dialog is None


def test_a_chosen_source_is_saved_and_opened(qtbot: QtBot, cold: KioskWindow, fakes: Fakes) -> None:
    fakes.services.bridge.post_status(LOST)
    dialog = choices_of(cold)
    dialog.address.setText("rtsp://door/stream")
    press(dialog.address, Qt.Key.Key_Return)
    assert fakes.saved == [{"source.address": "rtsp://door/stream"}]
    assert len(fakes.engine.source_factories) == 1
    assert dialog.choice is Choice.SOURCE


def test_the_demo_is_asked_for_by_an_exit_code(
    qtbot: QtBot, cold: KioskWindow, fakes: Fakes
) -> None:
    codes = list[int]()
    cold.exit_requested.connect(codes.append)
    fakes.services.bridge.post_status(LOST)
    choices_of(cold).demo_button.click()
    assert codes == [EXIT_DEMO_WANTED]


# ---- keys, PIN, desk -----------------------------------------------------------------------


def test_f11_toggles_full_screen_and_escape_leaves_it(
    qtbot: QtBot, window: KioskWindow, fakes: Fakes
) -> None:
    press(window, Qt.Key.Key_F11)
    assert window.isFullScreen()
    press(window, Qt.Key.Key_Escape)
    assert not window.isFullScreen()
    press(window, Qt.Key.Key_F11)
    press(window, Qt.Key.Key_F11)
    assert not window.isFullScreen()
    assert window.dialog is None


def test_escape_in_a_window_asks_for_the_pin(
    qtbot: QtBot, window: KioskWindow, fakes: Fakes
) -> None:
    press(window, Qt.Key.Key_Escape)
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
    click(window.panel.desk_button)
    qtbot.waitUntil(lambda: isinstance(window.dialog, AskPinDialog))
    assert opened == []
    type_keys(dialog_of(window), "2580")
    press(dialog_of(window), Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: len(opened) == 1)
    window.door.knock()
    assert window.dialog is None
    assert len(opened) == 1
    opened[0].close()
    qtbot.waitUntil(lambda: window.door.desk is None)


def test_a_pin_dialogue_that_is_left_opens_nothing(qtbot: QtBot, window: KioskWindow) -> None:
    window.door.knock()
    qtbot.waitUntil(lambda: isinstance(window.dialog, AskPinDialog))
    press(dialog_of(window), Qt.Key.Key_Escape)
    assert window.dialog is None
    assert window.door.desk is None


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
