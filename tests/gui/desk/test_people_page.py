"""The people page on a real store."""

from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from attendance.errors import StorageError
from attendance.types import PersonState
from gui.desk.people_page import PeoplePage
from gui.desk.person_dialog import PersonDialog
from gui.desk.questions import Question
from gui.wizard.enrolment_wizard import EnrolmentWizard
from tests.gui.desk.hands import click, press_key
from tests.gui.desk.scene import LONG, Scene
from tests.gui.fakes import failed


@pytest.fixture
def page(qtbot: QtBot, staffed: Scene) -> Iterator[PeoplePage]:
    made = PeoplePage(staffed.fakes.services)
    qtbot.addWidget(made)
    made.resize(900, 600)
    made.show()
    made.enter()
    qtbot.waitUntil(lambda: made.model.total == 12)
    yield made
    for widget in QApplication.topLevelWidgets():
        if isinstance(widget, Question | PersonDialog):
            widget.reject()
        elif isinstance(widget, EnrolmentWizard):
            widget.done(0)


def select(page: PeoplePage, staff_id: str) -> None:
    page.table.select_row(page.model.row_of(staff_id))


def shown(page: PeoplePage) -> list[str]:
    return [page.model._rows[n].person.staff_id for n in range(page.model.total)]


def question(qtbot: QtBot, page: PeoplePage) -> Question:
    qtbot.waitUntil(lambda: bool(page.findChildren(Question)))
    return page.findChildren(Question)[0]


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("grace", ["A-03"]),
        ("JOSE nunez", ["B-14"]),
        ("office", ["A-02", "A-04"]),
        ("παπαδ", ["C-23"]),
        ("b-1 logistics", ["B-12", "B-13"]),
    ],
)
def test_search_as_you_type(qtbot: QtBot, page: PeoplePage, typed: str, found: list[str]) -> None:
    page.search.insert(typed)
    qtbot.waitUntil(lambda: shown(page) == found)


def test_clearing_the_search_shows_everybody_again(qtbot: QtBot, page: PeoplePage) -> None:
    page.search.insert("nobody at all")
    qtbot.waitUntil(lambda: page.area.state is not None)
    assert page.area.state is not None
    assert page.area.state.title.text() == "Nobody found"
    page.search.clear()
    qtbot.waitUntil(lambda: page.model.total == 12 and page.area.state is None)


def test_chips_filter_by_state(qtbot: QtBot, page: PeoplePage, staffed: Scene) -> None:
    staffed.store.set_state("C-21", PersonState.INACTIVE, operator="test").result()
    staffed.store.erase("B-14", operator="test").result()
    page.reload()
    qtbot.waitUntil(lambda: page.model.total == 11)
    page.chips[PersonState.ACTIVE].click()
    qtbot.waitUntil(lambda: shown(page) == ["C-21"])
    page.chips[PersonState.INACTIVE].click()
    page.chips[PersonState.ERASED].click()
    qtbot.waitUntil(lambda: shown(page) == ["B-14"])


def test_an_empty_store_says_what_to_do_first(qtbot: QtBot, scene: Scene) -> None:
    made = PeoplePage(scene.fakes.services)
    qtbot.addWidget(made)
    made.enter()
    qtbot.waitUntil(
        lambda: made.area.state is not None and "enrolled yet" in made.area.state.title.text()
    )


def test_a_store_that_cannot_be_read_is_told_and_can_be_tried_again(
    qtbot: QtBot, page: PeoplePage, staffed: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = StorageError("The disk does not answer.", action="Check the cable.")

    def broken(**_: Any) -> "Future[Any]":
        return failed(error)

    with monkeypatch.context() as patch:
        patch.setattr(staffed.store, "people", broken)
        page.reload()
        qtbot.waitUntil(lambda: page.area.state is not None)
        assert page.area.state is not None
        assert page.area.state.sentence.text() == str(error)
    page.area.retry_requested.emit()
    qtbot.waitUntil(lambda: page.area.state is None)


def test_erasing_asks_once_names_the_person_and_says_what_stays(
    qtbot: QtBot, page: PeoplePage, staffed: Scene
) -> None:
    select(page, "B-11")
    click(page.erase_button)
    asked = question(qtbot, page)
    words = " ".join((asked.title.text(), *(s.text() for s in asked.sentences)))
    assert LONG in words
    assert "B-11" in words
    assert "cannot be undone" in words
    assert "punches stay" in words
    before = staffed.store.last_punch("B-11").result()
    assert before is not None
    click(asked.act_button)
    qtbot.waitUntil(lambda: "B-11" not in shown(page))
    assert staffed.store.templates_of("B-11").result() == ()
    assert staffed.store.last_punch("B-11").result() == before
    audit = staffed.store.audit_rows(1).result()[0]
    assert (audit.operator, audit.action, audit.subject) == ("desk", "erase", "B-11")


def test_return_and_escape_keep_the_person(qtbot: QtBot, page: PeoplePage, staffed: Scene) -> None:
    for key in (Qt.Key.Key_Return, Qt.Key.Key_Escape):
        select(page, "B-11")
        press_key(page.table, Qt.Key.Key_Delete)
        asked = question(qtbot, page)
        press_key(asked, key)
        qtbot.waitUntil(lambda: not page.findChildren(Question))
    assert len(staffed.store.templates_of("B-11").result()) == 5


def test_deactivating_asks_and_activating_does_not(
    qtbot: QtBot, page: PeoplePage, staffed: Scene
) -> None:
    select(page, "A-03")
    click(page.state_button)
    click(question(qtbot, page).act_button)
    qtbot.waitUntil(lambda: page.state_button.text() == "Activate")
    person = staffed.store.person("A-03").result()
    assert person is not None
    assert person.state is PersonState.INACTIVE
    click(page.state_button)
    qtbot.waitUntil(lambda: page.state_button.text() == "Deactivate")
    person = staffed.store.person("A-03").result()
    assert person is not None
    assert person.state is PersonState.ACTIVE


def test_nothing_can_be_done_with_somebody_erased(
    qtbot: QtBot, page: PeoplePage, staffed: Scene
) -> None:
    staffed.store.erase("A-03", operator="test").result()
    page.chips[PersonState.ERASED].click()
    qtbot.waitUntil(lambda: page.model._rows[3].person.state is PersonState.ERASED)
    select(page, "A-03")
    assert not any(button.isEnabled() for button in page._row_buttons())


def edit_dialog(qtbot: QtBot, page: PeoplePage, staff_id: str) -> PersonDialog:
    select(page, staff_id)
    press_key(page.table, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: bool(page.findChildren(PersonDialog)))
    return page.findChildren(PersonDialog)[0]


def retype(qtbot: QtBot, dialog: PersonDialog, key: str, text: str) -> None:
    dialog.editors[key].selectAll()
    dialog.editors[key].insert(text)
    dialog.editors[key].textEdited.emit(dialog.editors[key].text())


def test_details_are_edited(qtbot: QtBot, page: PeoplePage, staffed: Scene) -> None:
    dialog = edit_dialog(qtbot, page, "A-04")
    assert not dialog.save_button.isEnabled()
    retype(qtbot, dialog, "name", "Joseph  Biden ")
    retype(qtbot, dialog, "department", "Board")
    click(dialog.save_button)
    qtbot.waitUntil(lambda: not page.findChildren(PersonDialog))
    person = staffed.store.person("A-04").result()
    assert person is not None
    assert (person.name, person.department, person.shift) == ("Joseph Biden", "Board", "Day")
    qtbot.waitUntil(lambda: "Joseph Biden" in page.message.title.text())


def test_an_empty_name_cannot_be_saved(qtbot: QtBot, page: PeoplePage) -> None:
    dialog = edit_dialog(qtbot, page, "A-04")
    retype(qtbot, dialog, "name", "")
    assert "empty" in dialog.fields["name"].problem
    assert not dialog.save_button.isEnabled()


def test_what_could_not_be_saved_is_told_and_kept(
    qtbot: QtBot, page: PeoplePage, staffed: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialog = edit_dialog(qtbot, page, "A-04")
    retype(qtbot, dialog, "name", "Joseph Biden")
    error = StorageError("The disk is full.")

    def full(*_: Any, **__: Any) -> "Future[Any]":
        return failed(error)

    monkeypatch.setattr(staffed.store, "update_person", full)
    click(dialog.save_button)
    qtbot.waitUntil(lambda: "disk is full" in dialog.problem.text())
    assert dialog.editors["name"].text() == "Joseph Biden"
    assert dialog.save_button.isEnabled()


def wizard_of(qtbot: QtBot, page: PeoplePage) -> EnrolmentWizard:
    qtbot.waitUntil(lambda: bool(page.findChildren(EnrolmentWizard)))
    return page.findChildren(EnrolmentWizard)[0]


def test_enrolling_opens_the_wizard_for_somebody_new(qtbot: QtBot, page: PeoplePage) -> None:
    click(page.enrol_button)
    assert wizard_of(qtbot, page).draft.known is None


def test_new_pictures_open_the_wizard_for_the_selected_person(
    qtbot: QtBot, page: PeoplePage
) -> None:
    select(page, "A-03")
    click(page.pictures_button)
    known = wizard_of(qtbot, page).draft.known
    assert known is not None
    assert known.staff_id == "A-03"


def test_the_selection_survives_a_reload(qtbot: QtBot, page: PeoplePage) -> None:
    select(page, "A-03")
    with qtbot.waitSignal(page.model.modelReset):
        page.reload()
    qtbot.waitUntil(lambda: page.table.selected_row() >= 0)
    row = page.selected()
    assert row is not None
    assert row.person.staff_id == "A-03"


def test_touch_targets_are_at_least_36_px(page: PeoplePage) -> None:
    select(page, "A-03")
    widgets = (page.enrol_button, page.search, *page.chips.values(), *page._row_buttons())
    assert all(widget.height() >= 36 for widget in widgets)
    assert page.table.rowHeight(0) >= 36
