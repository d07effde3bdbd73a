"""The wizard from the first page to the tick, on a real store."""

from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget, QWizard
from pytestqt.qtbot import QtBot

from attendance.errors import CameraError, StorageError
from attendance.types import (
    FrameResult,
    Match,
    Person,
    PersonState,
    QualityFlag,
    TrackedFace,
)
from gui.wizard.enrolment_wizard import EnrolmentWizard
from tests.gui.desk.hands import click, press_key, type_text
from tests.gui.desk.scene import Look, Scene, gallery_of, make_look
from tests.gui.fakes import MORNING_UTC, failed

ANGLES = {"front": (0, 0), "left": (20, 0), "right": (-20, 0), "up": (0, 15), "down": (0, -15)}


class Driver:
    """Presses the wizard's buttons as a person would, and waits for what it waits for."""

    def __init__(self, qtbot: QtBot, scene: Scene, person: Person | None = None) -> None:
        self.qtbot = qtbot
        self.scene = scene
        self.wizard = EnrolmentWizard(scene.fakes.services, None, person)
        self.wizard._may_discard = lambda: True  # type: ignore[method-assign]
        qtbot.addWidget(self.wizard)
        self.wizard.show()

    @property
    def page(self) -> QWidget | None:
        return self.wizard.currentPage()

    def is_on(self, page: QWidget) -> bool:
        """Tell whether this page is shown now."""
        return self.page is page

    def press(self, button: QWizard.WizardButton) -> None:
        click(self.wizard.button(button))

    def next(self) -> None:
        self._go(QWizard.WizardButton.NextButton)

    def save(self) -> None:
        self._go(QWizard.WizardButton.CommitButton)

    def back(self) -> None:
        self._go(QWizard.WizardButton.BackButton)

    def _go(self, button: QWizard.WizardButton) -> None:
        before = self.page
        self.qtbot.waitUntil(lambda: self.wizard.button(button).isEnabled())
        self.press(button)
        self.qtbot.waitUntil(lambda: self.page is not before)

    def type_details(
        self, staff_id: str = "A-17", name: str = "Ana Duarte", department: str = "Office"
    ) -> None:
        details = self.wizard.details
        for editor, text in (
            (details.staff_id, staff_id),
            (details.name, name),
            (details.department, department),
        ):
            editor.clear()
            if text.isascii():
                type_text(editor, text)
            else:
                editor.insert(text)
                editor.textEdited.emit(editor.text())

    def agree(self) -> None:
        self.wizard.consent.agreed.setChecked(True)

    def to_capture(self, **details: str) -> None:
        if self.wizard.draft.known is None:
            self.type_details(**details)
        self.next()
        self.agree()
        self.next()

    def hold(self, look: Look, *, until: int) -> None:
        """Show frames with this look until so many views are taken."""

        def taken() -> bool:
            self.scene.engine.show(look)
            return len(self.wizard.draft.session.captures) >= until

        self.qtbot.waitUntil(taken)

    def capture_all(self, seed: int = 7) -> None:
        for count, (yaw_deg, pitch_deg) in enumerate(ANGLES.values(), start=1):
            self.hold(make_look(seed, yaw_deg=yaw_deg, pitch_deg=pitch_deg), until=count)

    def to_review(self, seed: int = 7, **details: str) -> None:
        self.to_capture(**details)
        self.capture_all(seed)
        self.next()

    def compared(self) -> None:
        self.qtbot.waitUntil(lambda: self.wizard.review._checked)

    def people(self) -> tuple[str, ...]:
        rows = self.scene.store.people(states=tuple(PersonState)).result()
        return tuple(row.person.staff_id for row in rows)


@pytest.fixture
def driver(qtbot: QtBot, scene: Scene) -> Iterator[Driver]:
    made = Driver(qtbot, scene)
    yield made
    made.wizard.done(0)


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


def test_a_refused_look_says_why(driver: Driver) -> None:
    driver.to_capture()
    dark = make_look(flags=[QualityFlag.TOO_DARK], score=0.1)
    view = driver.wizard.capture.view

    def said() -> bool:
        driver.scene.engine.show(dark)
        return "too dark" in view.sentence

    driver.qtbot.waitUntil(said)
    assert "10 %" in driver.wizard.capture.quality_words.text()
    assert driver.wizard.draft.session.captures == ()


def test_a_taken_picture_can_be_taken_again(driver: Driver) -> None:
    driver.to_capture()
    driver.capture_all()
    dot = driver.wizard.capture.dots["left"]
    click(dot)
    assert not dot.taken
    assert dot.wanted
    assert not driver.wizard.button(QWizard.WizardButton.NextButton).isEnabled()
    better = make_look(7, yaw_deg=20, score=0.99)
    driver.hold(better, until=5)
    assert driver.wizard.draft.session.captures[1].look is better


def test_without_a_camera_photos_are_offered(driver: Driver) -> None:
    error = CameraError("There is no camera 0.", action="Plug one in.")
    driver.scene.engine.lose(str(error))
    driver.to_capture()
    page = driver.wizard.capture
    driver.qtbot.waitUntil(lambda: "no camera 0" in page.view.message)
    assert "Photos from files" in page.advice.text()


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "ana.png"
    Image.fromarray(np.full((200, 160, 3), 120, np.uint8)).save(path)
    return path


def test_one_good_photo_can_replace_the_camera(driver: Driver, photo: Path) -> None:
    driver.to_capture()
    page = driver.wizard.capture
    page.photos_chip.click()
    driver.scene.engine.given.reader.looks = (make_look(7),)
    page.photos.add_files([photo])
    driver.next()
    driver.compared()
    driver.save()
    (template,) = driver.scene.store.templates_of("A-17").result()
    assert template.view == "photo"


def test_each_photo_gets_its_own_answer(driver: Driver, photo: Path, tmp_path: Path) -> None:
    driver.to_capture()
    page = driver.wizard.capture
    page.photos_chip.click()
    driver.scene.engine.given.reader.looks = (make_look(1), make_look(2))
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")
    page.photos.add_files([photo, broken, tmp_path / "missing.jpg"])
    driver.qtbot.waitUntil(lambda: len(driver.wizard.draft.photos) == 3)
    crowd, unreadable, missing = driver.wizard.draft.photos
    assert "shows 2 faces" in crowd.problem
    assert "broken.jpg" in unreadable.problem
    assert "missing.jpg" in missing.problem
    assert not driver.wizard.button(QWizard.WizardButton.NextButton).isEnabled()


def test_a_photo_of_somebody_else_is_not_let_through(driver: Driver, photo: Path) -> None:
    driver.to_capture()
    page = driver.wizard.capture
    driver.capture_all(seed=7)
    page.photos_chip.click()
    driver.scene.engine.given.reader.looks = (make_look(8),)
    page.photos.add_files([photo])
    driver.qtbot.waitUntil(lambda: "somebody else" in page.photos_note.text())
    driver.press(QWizard.WizardButton.NextButton)
    assert driver.is_on(page)
    page.photos._on_removed(driver.wizard.draft.photos[0])
    driver.next()
    assert driver.is_on(driver.wizard.review)


def test_a_face_that_is_enrolled_already_is_named(qtbot: QtBot, staffed: Scene) -> None:
    staffed.engine.given.gallery = gallery_of({"A-03": 7, "A-02": 9})
    driver = Driver(qtbot, staffed)
    driver.to_review(seed=7)
    driver.compared()
    review = driver.wizard.review
    assert "Grace Hopper" in review.verdict_title.text()
    assert "A-03" in review.verdict_title.text()
    save = driver.wizard.button(QWizard.WizardButton.CommitButton)
    assert not save.isEnabled()
    review.two_people.setChecked(True)
    assert save.isEnabled()
    driver.wizard.done(0)


def test_the_answer_to_an_earlier_comparison_is_thrown_away(driver: Driver) -> None:
    engine = driver.scene.engine
    driver.to_capture()
    driver.capture_all(seed=7)
    driver.wizard.capture.looker.stop()
    engine.holds = True
    driver.next()
    driver.back()
    driver.wizard.capture.looker.stop()
    driver.next()
    earlier, later = engine.held
    later()
    driver.compared()
    engine.given.gallery = gallery_of({"A-03": 7})
    earlier()
    driver.qtbot.wait(50)
    assert driver.wizard.draft.duplicate is None
    assert driver.wizard.button(QWizard.WizardButton.CommitButton).isEnabled()


def test_a_full_disk_saves_nothing_and_can_be_tried_again(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver.to_review()
    driver.compared()
    error = StorageError("The disk is full.", action="Free some space.")

    def full(*_: Any, **__: Any) -> "Future[Person]":
        return failed(error)

    store = driver.scene.store
    with monkeypatch.context() as patch:
        patch.setattr(store, "enrol", full)
        driver.press(QWizard.WizardButton.CommitButton)
        driver.qtbot.waitUntil(lambda: "disk is full" in driver.wizard.review.problem.text())
    assert driver.is_on(driver.wizard.review)
    assert not driver.wizard.draft.saved
    driver.save()
    assert driver.people() == ("A-17",)


def test_new_pictures_replace_the_templates_of_a_person(qtbot: QtBot, staffed: Scene) -> None:
    person = staffed.store.person("A-02").result()
    assert person is not None
    before = {t.template_id for t in staffed.store.templates_of("A-02").result()}
    staffed.fakes.clock.advance(3600)
    staffed.engine.given.gallery = gallery_of({"A-02": 7})
    driver = Driver(qtbot, staffed, person)
    assert driver.wizard.details.name.isReadOnly()
    driver.to_review(seed=7)
    driver.compared()
    assert driver.wizard.draft.duplicate is None
    driver.save()
    after = staffed.store.templates_of("A-02").result()
    assert [template.view for template in after] == list(ANGLES)
    assert before.isdisjoint({template.template_id for template in after})
    stored = staffed.store.person("A-02").result()
    assert stored is not None
    assert stored.name == person.name
    assert stored.consent_utc == staffed.fakes.clock.now_utc()
    driver.wizard.done(0)


def recognised(driver: Driver, person_id: str) -> None:
    frame = driver.scene.engine.show(make_look(7))
    look = make_look(7)
    match = Match(person_id, 0.8, 0.1, 0.5, nearest_id=person_id)
    face = TrackedFace(1, look.face, look.quality, match=match, embedding=look.embedding)
    driver.scene.engine.result = FrameResult(frame, (face,))


def test_the_new_person_is_recognised_at_once(driver: Driver) -> None:
    driver.to_review()
    driver.save()
    page = driver.wizard.try_it

    def ticked() -> bool:
        recognised(driver, "A-17")
        return page.recognised

    driver.qtbot.waitUntil(ticked)
    assert "Ana Duarte is recognised" in page.headline.text().replace("\u2068", "").replace(
        "\u2069", ""
    )
    assert driver.scene.store.last_punches(5).result() == ()


def test_being_taken_for_somebody_else_is_not_success(qtbot: QtBot, staffed: Scene) -> None:
    driver = Driver(qtbot, staffed)
    driver.to_review()
    driver.save()
    page = driver.wizard.try_it

    def told() -> bool:
        recognised(driver, "A-03")
        return "Grace Hopper" in page.headline.text()

    qtbot.waitUntil(told)
    assert not page.recognised
    driver.wizard.done(0)


def test_without_a_picture_the_last_page_says_that_all_is_saved(driver: Driver) -> None:
    driver.to_review()
    driver.compared()
    driver.scene.engine.lose("unplugged")
    driver.save()
    assert "saved" in driver.wizard.try_it.headline.text()
    driver.press(QWizard.WizardButton.FinishButton)
    assert not driver.wizard.isVisible()


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
