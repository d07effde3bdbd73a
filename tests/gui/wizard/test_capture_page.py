"""The pictures: camera and photos."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtWidgets import QWizard

from attendance.errors import CameraError
from attendance.types import (
    QualityFlag,
)
from tests.gui.desk.hands import click
from tests.gui.desk.scene import make_look
from tests.gui.wizard.driver import Driver


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
