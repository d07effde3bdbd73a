"""The PIN dialogues and the choice of a source."""

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QDialog, QFileDialog
from pytestqt.qtbot import QtBot

from attendance.errors import InputError, StorageError
from gui.pin_dialog import MAX_DIGITS, MIN_DIGITS, AskPinDialog, PinDialog, SetPinDialog
from gui.source_dialog import CameraChoice, Choice, SourceDialog
from gui.theme import TOUCH_PX
from gui.widgets import Button
from tests.gui.fakes import FakeStore, done
from tests.gui.hands import press, type_keys


@dataclass(frozen=True)
class Camera:
    index: int
    name: str


def type_pin(qtbot: QtBot, dialog: PinDialog, pin: str) -> None:
    type_keys(dialog, pin)
    press(dialog, Qt.Key.Key_Return)


def button_named(dialog: QDialog, words: str) -> Button:
    return next(b for b in dialog.findChildren(Button) if b.text() == words)


@pytest.fixture
def ask(qtbot: QtBot) -> AskPinDialog:
    dialog = AskPinDialog(FakeStore())
    qtbot.addWidget(dialog)
    dialog.show()
    return dialog


def test_the_right_pin_is_accepted(qtbot: QtBot, ask: AskPinDialog) -> None:
    type_pin(qtbot, ask, "2580")
    qtbot.waitUntil(lambda: ask.result() == QDialog.DialogCode.Accepted)


def test_a_wrong_pin_is_told_and_cleared(qtbot: QtBot, ask: AskPinDialog) -> None:
    type_pin(qtbot, ask, "1111")
    qtbot.waitUntil(lambda: "wrong" in ask.problem.text())
    assert "●" not in ask.dots.text()
    assert ask.isVisible()


def test_the_keypad_does_what_the_keyboard_does(qtbot: QtBot, ask: AskPinDialog) -> None:
    for digit in "2589":
        button_named(ask, digit).click()
    press(ask, Qt.Key.Key_Backspace)
    button_named(ask, "0").click()
    ask.ok_button.click()
    qtbot.waitUntil(lambda: ask.result() == QDialog.DialogCode.Accepted)


def test_while_a_pin_is_checked_no_other_is_taken(qtbot: QtBot) -> None:
    store = FakeStore()
    store.hold_checks = True
    dialog = AskPinDialog(store)
    qtbot.addWidget(dialog)
    dialog.show()
    type_pin(qtbot, dialog, "1111")
    type_pin(qtbot, dialog, "2222")
    assert len(store.pending_checks) == 1
    assert not dialog.ok_button.isEnabled()
    store.pending_checks[0].set_result(False)
    qtbot.waitUntil(lambda: "wrong" in dialog.problem.text())


def test_the_wait_after_several_wrong_pins_is_told(qtbot: QtBot) -> None:
    store = FakeStore()
    store.error = InputError("Too many wrong PINs (5).", action="Try again in 5 s.")
    dialog = AskPinDialog(store)
    qtbot.addWidget(dialog)
    type_pin(qtbot, dialog, "1111")
    qtbot.waitUntil(lambda: "Try again in 5 s." in dialog.problem.text())


def test_digits_are_never_shown(qtbot: QtBot, ask: AskPinDialog) -> None:
    type_keys(ask, "25")
    assert ask.dots.text().split() == ["●", "●", "○", "○"]


@settings(max_examples=25, deadline=None)
@given(st.text(alphabet="0123456789ab ", max_size=20))
def test_only_digits_count_and_at_most_twelve(qapp: QApplication, typed: str) -> None:
    store = FakeStore()
    store.hold_checks = True
    dialog = AskPinDialog(store)
    digits = [character for character in typed if character.isdigit()]
    for character in typed:
        if character.isdigit():
            dialog.press(character)
    assert dialog.dots.text().count("●") == min(len(digits), MAX_DIGITS)
    assert dialog.ok_button.isEnabled() == (len(digits) >= MIN_DIGITS)


def test_a_pin_that_is_too_short_is_not_asked_of_the_store(qtbot: QtBot, ask: AskPinDialog) -> None:
    type_pin(qtbot, ask, "258")
    assert "at least 4" in ask.problem.text()


def test_a_new_pin_is_entered_twice(qtbot: QtBot) -> None:
    store = FakeStore()
    store.pin = ""
    dialog = SetPinDialog(store)
    qtbot.addWidget(dialog)
    dialog.show()
    type_pin(qtbot, dialog, "4711")
    assert store.pin == ""
    assert "once more" in dialog.title.text()
    type_pin(qtbot, dialog, "4711")
    qtbot.waitUntil(lambda: dialog.result() == QDialog.DialogCode.Accepted)
    assert store.pin == "4711"


def test_two_different_pins_are_not_stored(qtbot: QtBot) -> None:
    store = FakeStore()
    store.pin = ""
    dialog = SetPinDialog(store)
    qtbot.addWidget(dialog)
    type_pin(qtbot, dialog, "4711")
    type_pin(qtbot, dialog, "4712")
    assert store.pin == ""
    assert "not the same" in dialog.problem.text()
    assert "once more" not in dialog.title.text()


def test_a_pin_that_cannot_be_stored_is_told(qtbot: QtBot) -> None:
    store = FakeStore()
    store.pin = ""
    store.error = StorageError("The disk is full.")
    dialog = SetPinDialog(store)
    qtbot.addWidget(dialog)
    type_pin(qtbot, dialog, "4711")
    type_pin(qtbot, dialog, "4711")
    qtbot.waitUntil(lambda: dialog.problem.text() == "The disk is full.")


def test_the_keys_are_large_enough_to_touch_and_the_whole_fits_a_small_screen(
    qtbot: QtBot, ask: AskPinDialog
) -> None:
    ask.say("This PIN is wrong. Try again.")
    assert all(button_named(ask, d).height() >= TOUCH_PX - 4 for d in "1234567890")
    assert ask.height() <= 600


# ---- source --------------------------------------------------------------------------------


def source_dialog(qtbot: QtBot, *cameras: CameraChoice) -> tuple[SourceDialog, list[str]]:
    dialog = SourceDialog("There is no camera 0.", cameras=lambda: done(tuple(cameras)))
    qtbot.addWidget(dialog)
    chosen = list[str]()
    dialog.source_chosen.connect(chosen.append)
    dialog.show()
    qtbot.waitUntil(dialog.again_button.isEnabled)
    return dialog, chosen


def test_the_cameras_that_are_there_are_offered_by_name(qtbot: QtBot) -> None:
    dialog, chosen = source_dialog(qtbot, Camera(2, "HD Webcam C270"), Camera(4, ""))
    assert [b.text() for b in dialog.camera_buttons] == ["HD Webcam C270", "Camera 4"]
    dialog.camera_buttons[0].click()
    assert chosen == ["2"]
    assert dialog.choice is Choice.SOURCE


def test_without_a_camera_the_dialogue_says_so(qtbot: QtBot) -> None:
    dialog, _ = source_dialog(qtbot)
    assert dialog.camera_buttons == []
    assert "no camera" in dialog.found.text()
    assert dialog.reason.text() == "There is no camera 0."


def test_a_search_that_takes_long_does_not_hold_up_the_window(qtbot: QtBot) -> None:
    slow: Future[Sequence[CameraChoice]] = Future()
    dialog = SourceDialog("There is no camera 0.", cameras=lambda: slow)
    qtbot.addWidget(dialog)
    assert "Looking" in dialog.found.text()
    assert dialog.video_button.isEnabled()
    slow.set_result((Camera(1, "Late"),))
    qtbot.waitUntil(lambda: len(dialog.camera_buttons) == 1)


def test_a_stream_needs_a_scheme_that_is_known(qtbot: QtBot) -> None:
    dialog, chosen = source_dialog(qtbot)
    dialog.address.setText("camera.local/stream")
    dialog.stream_button.click()
    assert "rtsp://" in dialog.problem.text()
    assert chosen == []
    dialog.address.setText("  RTSP://camera.local/stream ")
    dialog.stream_button.click()
    assert chosen == ["RTSP://camera.local/stream"]


def test_a_video_or_a_folder_can_be_chosen(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    dialog, chosen = source_dialog(qtbot)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: ("clip.mp4", ""))
    dialog.video_button.click()
    assert chosen == ["clip.mp4"]
    dialog, chosen = source_dialog(qtbot)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: "photos")
    dialog.folder_button.click()
    assert chosen == ["photos"]


def test_leaving_the_file_dialogue_leaves_everything_as_it_was(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialog, chosen = source_dialog(qtbot)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: ("", ""))
    dialog.video_button.click()
    assert chosen == []
    assert dialog.choice is Choice.NONE


def test_every_word_of_the_dialogue_has_room(qtbot: QtBot) -> None:
    dialog, _ = source_dialog(qtbot, Camera(2, "HD Webcam C270"), Camera(4, "Second camera"))
    assert dialog.reason.height() >= dialog.reason.heightForWidth(dialog.reason.width())
    assert all(button.height() >= TOUCH_PX - 8 for button in dialog.camera_buttons)
