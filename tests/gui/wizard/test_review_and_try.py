"""The comparison with the gallery, saving, and trying it."""

from concurrent.futures import Future
from typing import Any

import pytest
from PySide6.QtWidgets import QWizard
from pytestqt.qtbot import QtBot

from attendance.errors import StorageError
from attendance.types import (
    FrameResult,
    Match,
    Person,
    TrackedFace,
)
from tests.gui.desk.scene import Scene, gallery_of, make_look
from tests.gui.fakes import failed
from tests.gui.wizard.driver import ANGLES, Driver


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
