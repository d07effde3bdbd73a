"""The wizard from the first page to cancelling, on a real store."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget, QWizard
from pytestqt.qtbot import QtBot

from tests.gui.desk.hands import press_key
from tests.gui.desk.scene import Scene, make_look
from tests.gui.fakes import MORNING_UTC
from tests.gui.wizard.driver import ANGLES, Driver


def test_a_person_is_enrolled_with_five_captures(driver: Driver) -> None:
    driver.to_review()
    assert driver.people() == ()
    driver.save()
    row = driver.scene.store.people().result()[0]
    assert (row.person.staff_id, row.person.name) == ("A-17", "Ana Duarte")
    assert row.person.consent_utc == MORNING_UTC
    templates = driver.scene.store.templates_of("A-17").result()
    assert [template.view for template in templates] == list(ANGLES)
    assert driver.is_on(driver.wizard.try_it)


@pytest.mark.parametrize(
    ("details", "field", "words"),
    [
        ({"staff_id": "=1+2"}, "staff_id", "not a staff id"),
        ({"name": " "}, "name", "empty"),
        ({"name": "An\u202ea"}, "name", "U+202E"),
        ({"department": "x" * 240}, "department", "240 characters"),
    ],
)
def test_what_breaks_a_rule_is_said_below_its_field_and_next_is_off(
    driver: Driver, details: dict[str, str], field: str, words: str
) -> None:
    driver.type_details(**details)
    assert words in driver.wizard.details.fields[field].problem
    assert not driver.wizard.button(QWizard.WizardButton.NextButton).isEnabled()


@pytest.mark.parametrize("name", ["李小龍", "محمد عبد الله", "Ana 🌻 Duarte", "N" * 200])
def test_names_of_any_script_are_taken(driver: Driver, name: str) -> None:
    driver.type_details(name=name)
    driver.next()
    assert name in driver.wizard.consent.question.text()


def test_a_taken_staff_id_is_told_with_its_owner(qtbot: QtBot, staffed: Scene) -> None:
    driver = Driver(qtbot, staffed)
    driver.type_details(staff_id="A-03")
    field = driver.wizard.details.fields["staff_id"]
    qtbot.waitUntil(lambda: "Grace Hopper" in field.problem)
    assert not driver.wizard.button(QWizard.WizardButton.NextButton).isEnabled()
    driver.wizard.done(0)


def test_pressing_next_at_once_still_asks_for_the_staff_id(qtbot: QtBot, staffed: Scene) -> None:
    driver = Driver(qtbot, staffed)
    driver.type_details(staff_id="A-03")
    driver.press(QWizard.WizardButton.NextButton)
    field = driver.wizard.details.fields["staff_id"]
    qtbot.waitUntil(lambda: "Grace Hopper" in field.problem)
    assert driver.is_on(driver.wizard.details)
    driver.wizard.done(0)


def test_an_erased_person_may_come_back_under_the_same_name(qtbot: QtBot, staffed: Scene) -> None:
    staffed.store.erase("A-03", operator="test").result()
    driver = Driver(qtbot, staffed)
    driver.type_details(staff_id="A-03", name="grace hopper")
    driver.next()
    assert driver.is_on(driver.wizard.consent)
    driver.wizard.done(0)


def test_without_consent_there_is_no_way_on(driver: Driver) -> None:
    driver.type_details()
    driver.next()
    assert not driver.wizard.button(QWizard.WizardButton.NextButton).isEnabled()
    driver.agree()
    assert driver.wizard.button(QWizard.WizardButton.NextButton).isEnabled()
    driver.wizard.consent.agreed.setChecked(False)
    assert not driver.wizard.button(QWizard.WizardButton.NextButton).isEnabled()


def test_back_loses_nothing(driver: Driver) -> None:
    driver.to_review()
    for _ in range(3):
        driver.back()
    assert driver.is_on(driver.wizard.details)
    assert driver.wizard.details.name.text() == "Ana Duarte"
    driver.next()
    assert driver.wizard.consent.agreed.isChecked()
    driver.next()
    assert driver.wizard.draft.session.complete
    assert all(dot.taken for dot in driver.wizard.capture.dots.values())
    driver.next()
    assert driver.is_on(driver.wizard.review)


def test_the_camera_runs_again_after_back(driver: Driver) -> None:
    driver.to_review()
    assert not driver.wizard.capture.looker.running
    driver.back()
    assert driver.wizard.capture.looker.running


def test_cancelling_leaves_nothing_behind(driver: Driver) -> None:
    driver.to_review()
    driver.compared()
    driver.press(QWizard.WizardButton.CancelButton)
    assert not driver.wizard.isVisible()
    assert driver.people() == ()
    assert [row.action for row in driver.scene.store.audit_rows().result()] == ["create-database"]


def test_cancelling_asks_once_when_something_would_be_lost(driver: Driver) -> None:
    asked: list[bool] = []

    def stay() -> bool:
        asked.append(True)
        return False

    driver.wizard._may_discard = stay  # type: ignore[method-assign]
    driver.type_details()
    driver.press(QWizard.WizardButton.CancelButton)
    assert asked == [True]
    assert driver.wizard.isVisible()


def test_cancelling_an_untouched_wizard_asks_nothing(driver: Driver) -> None:
    driver.wizard._may_discard = pytest.fail  # type: ignore[method-assign]
    driver.press(QWizard.WizardButton.CancelButton)
    assert not driver.wizard.isVisible()


def test_nobody_is_punched_while_the_wizard_is_open(driver: Driver) -> None:
    kiosk = driver.scene.fakes.kiosk
    assert kiosk.paused
    driver.press(QWizard.WizardButton.CancelButton)
    assert not kiosk.paused


def test_a_kiosk_that_was_paused_before_stays_paused(qtbot: QtBot, scene: Scene) -> None:
    scene.fakes.kiosk.paused = True
    driver = Driver(qtbot, scene)
    driver.wizard.done(0)
    assert scene.fakes.kiosk.paused


def test_closing_stops_looking(driver: Driver) -> None:
    driver.to_capture()
    driver.scene.engine.show(make_look())
    driver.wizard.close()
    assert not driver.wizard.capture.looker.running
    seen = len(driver.scene.engine.given.reader.pictures)
    driver.scene.engine.show(make_look())
    driver.qtbot.wait(200)
    assert len(driver.scene.engine.given.reader.pictures) == seen


def test_every_field_and_button_is_reached_with_the_keyboard(driver: Driver) -> None:
    driver.type_details()
    reached: set[QWidget | None] = set()
    for _ in range(12):
        widget = driver.wizard.focusWidget()
        reached.add(widget)
        press_key(widget, Qt.Key.Key_Tab)
    details = driver.wizard.details
    wanted: set[QWidget | None] = {
        details.staff_id,
        details.name,
        details.department,
        details.shift,
    }
    wanted.add(driver.wizard.button(QWizard.WizardButton.NextButton))
    wanted.add(driver.wizard.button(QWizard.WizardButton.CancelButton))
    assert wanted <= reached


def test_buttons_are_large_enough(driver: Driver) -> None:
    for button in (QWizard.WizardButton.NextButton, QWizard.WizardButton.CancelButton):
        assert driver.wizard.button(button).height() >= 36


def test_suggestions_come_from_the_departments_in_use(qtbot: QtBot, staffed: Scene) -> None:
    driver = Driver(qtbot, staffed)
    qtbot.waitUntil(lambda: driver.wizard.details.department.completer() is not None)
    model = driver.wizard.details.department.completer().model()
    names = {model.index(row, 0).data() for row in range(model.rowCount())}
    assert "Logistics" in names
    driver.wizard.done(0)
