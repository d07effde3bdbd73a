"""The desk's frame: navigation, keys, the paused kiosk, the lock."""

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from gui.desk import DeskWindow
from gui.desk.questions import Question
from tests.gui.desk.hands import click, press_key
from tests.gui.desk.scene import Scene
from tests.gui.fakes import done


@pytest.fixture
def desk(qtbot: QtBot, staffed: Scene) -> Iterator[DeskWindow]:
    made = DeskWindow(staffed.fakes.services)
    made.settings._find_cameras = lambda: done(())
    qtbot.addWidget(made)
    made.show()
    qtbot.waitUntil(lambda: made.people.model.total == 12)
    yield made
    made.close()


def current(desk: DeskWindow) -> QWidget | None:
    return desk._stack.currentWidget()


def test_people_come_first(desk: DeskWindow) -> None:
    assert current(desk) is desk.people
    assert desk.navigation[0].isChecked()


def test_pages_are_changed_by_mouse_and_by_key(qtbot: QtBot, desk: DeskWindow) -> None:
    click(desk.navigation[1])
    assert current(desk) is desk.punches
    press_key(desk, Qt.Key.Key_3, control=True)
    assert current(desk) is desk.settings
    assert [button.isChecked() for button in desk.navigation] == [False, False, True]


def test_no_page_is_offered_that_does_not_exist_yet(desk: DeskWindow) -> None:
    assert len(desk.navigation) == len(desk.pages) == 3


def test_control_f_goes_to_the_search(qtbot: QtBot, desk: DeskWindow) -> None:
    desk.activateWindow()
    qtbot.waitUntil(desk.isActiveWindow)
    press_key(desk, Qt.Key.Key_F, control=True)
    assert desk.people.search.hasFocus()


def test_nobody_is_punched_while_the_desk_is_open(
    qtbot: QtBot, desk: DeskWindow, staffed: Scene
) -> None:
    assert staffed.fakes.kiosk.paused
    click(desk.close_button)
    assert not staffed.fakes.kiosk.paused


def test_an_unattended_desk_closes_itself(desk: DeskWindow, staffed: Scene) -> None:
    desk._lock_timer.timeout.emit()
    assert not desk.isVisible()
    assert not staffed.fakes.kiosk.paused


def test_an_open_question_keeps_the_desk_open(qtbot: QtBot, desk: DeskWindow) -> None:
    desk.people.table.select_row(0)
    desk.people._on_erase()
    qtbot.waitUntil(lambda: bool(desk.findChildren(Question)))
    desk._lock_timer.timeout.emit()
    assert desk.isVisible()
    desk.findChildren(Question)[0].reject()


def test_every_key_press_puts_the_lock_off(qtbot: QtBot, desk: DeskWindow) -> None:
    desk._lock_timer.stop()
    QTest.keyClick(desk.windowHandle(), Qt.Key.Key_Shift)
    assert desk._lock_timer.isActive()


def test_closing_leaves_nothing_that_listens(qtbot: QtBot, desk: DeskWindow) -> None:
    desk.close()
    assert not desk._lock_timer.isActive()


def test_the_tab_key_reaches_everything_on_the_people_page(qtbot: QtBot, desk: DeskWindow) -> None:
    desk.activateWindow()
    qtbot.waitUntil(desk.isActiveWindow)
    desk.people.table.select_row(0)
    desk.people.search.setFocus()
    reached = set()
    for _ in range(30):
        widget = desk.focusWidget()
        reached.add(widget)
        press_key(widget, Qt.Key.Key_Tab)
    people = desk.people
    wanted = {people.search, people.table, people.enrol_button, *people._row_buttons()}
    wanted |= {*people.chips.values(), desk.close_button}
    assert wanted <= reached
    assert reached & set(desk.navigation)


@pytest.mark.parametrize("name", ["light", "dark", "contrast"])
def test_every_page_paints_in_every_theme(qtbot: QtBot, desk: DeskWindow, name: str) -> None:
    from PySide6.QtWidgets import QApplication

    from gui.theme import THEMES, apply_look

    application = QApplication.instance()
    assert isinstance(application, QApplication)
    apply_look(application, theme=THEMES[name])
    for number in range(3):
        desk.show_page(number)
        assert not desk.grab().toImage().isNull()
