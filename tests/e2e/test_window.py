"""A new kiosk's first quarter of an hour, in the real program: PIN, enrolment, punch, CSV."""

import csv
import threading
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QWizard

import main
from gui.desk import DeskWindow
from gui.kiosk_window import KioskWindow
from gui.pin_dialog import AskPinDialog, SetPinDialog
from gui.wizard.enrolment_wizard import EnrolmentWizard
from inference.portraits import portraits
from inference.status import SourceState
from tests.e2e.robot import Robot, Script, press, type_into, visible, window

PIN = "2468"
PHOTOS = [p.path for p in portraits() if p.person_id == "obama" and p.role == "enrol"]
VISITS = [p.path for p in portraits() if p.person_id == "obama" and p.role == "visit"]


def enter_pin(dialog: AskPinDialog | SetPinDialog) -> None:
    QTest.keyClicks(dialog, PIN)
    QTest.keyClick(dialog, Qt.Key.Key_Return)


def first_day(target: Path) -> Script:
    yield "the kiosk's window", lambda: window(KioskWindow)
    yield "the question for a PIN at the first start", lambda: window(SetPinDialog)
    enter_pin(visible(SetPinDialog))
    yield (
        "the question for the PIN again",
        lambda: "once more" in visible(SetPinDialog).title.text(),
    )
    enter_pin(visible(SetPinDialog))
    yield "the PIN to be stored", lambda: window(SetPinDialog) is None

    kiosk = visible(KioskWindow)
    kiosk.panel.desk_requested.emit()
    yield "the PIN dialogue", lambda: window(AskPinDialog)
    enter_pin(visible(AskPinDialog))
    yield "the desk", lambda: window(DeskWindow)

    desk = visible(DeskWindow)
    press(desk.people.enrol_button)
    yield "the wizard", lambda: window(EnrolmentWizard)
    wizard = visible(EnrolmentWizard)
    type_into(wizard.details.staff_id, "44")
    type_into(wizard.details.name, "Barack Obama")
    type_into(wizard.details.department, "Oval Office")
    press(wizard.button(QWizard.WizardButton.NextButton))
    yield "the consent page", lambda: wizard.currentPage() is wizard.consent
    assert not wizard.button(QWizard.WizardButton.NextButton).isEnabled(), "no consent, no way on"
    wizard.consent.agreed.click()
    press(wizard.button(QWizard.WizardButton.NextButton))
    yield "the capture page", lambda: wizard.currentPage() is wizard.capture
    wizard.capture.photos_chip.click()
    press(wizard.capture.photos.add_button)
    yield "the photo to be read", lambda: wizard.draft.photos
    assert wizard.draft.photos[0].look is not None, wizard.draft.photos[0].problem
    press(wizard.button(QWizard.WizardButton.NextButton))
    yield "the review page", lambda: wizard.currentPage() is wizard.review
    save = wizard.button(QWizard.WizardButton.CommitButton)
    yield "the check against the gallery", save.isEnabled
    press(save)
    yield "the page to try it", lambda: wizard.currentPage() is wizard.try_it
    yield "recognition of the new person", lambda: wizard.try_it.recognised
    press(wizard.button(QWizard.WizardButton.FinishButton))
    yield "the end of the wizard", lambda: window(EnrolmentWizard) is None
    yield "the new person in the list", lambda: desk.people.model.rowCount() == 1

    press(desk.close_button)
    yield "the kiosk again", lambda: window(DeskWindow) is None
    yield "the tick", lambda: "Barack Obama" in kiosk.card.accessibleName()
    assert kiosk._services.engine.status.state is SourceState.LIVE

    kiosk.panel.desk_requested.emit()
    yield "the PIN dialogue again", lambda: window(AskPinDialog)
    enter_pin(visible(AskPinDialog))
    yield "the desk again", lambda: window(DeskWindow)
    desk = visible(DeskWindow)
    press(desk.navigation[desk.pages.index(desk.punches)])
    yield "the punch in the table", lambda: desk.punches.model.rowCount() == 1
    press(desk.punches.export_button)
    yield "the CSV file", target.exists
    press(desk.close_button)


def test_from_the_first_start_to_a_punch_in_the_csv(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qapp: QApplication
) -> None:
    target = tmp_path / "punches.csv"
    monkeypatch.setattr(
        QFileDialog, "getOpenFileNames", lambda *_args, **_kw: ([str(p) for p in PHOTOS], "")
    )
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_args, **_kw: (str(target), ""))
    before = set(threading.enumerate())
    robot = Robot(first_day(target))
    robot.start()
    code = main.main(
        [
            "kiosk",
            "--data-dir",
            str(tmp_path / "data"),
            "--source",
            str(VISITS[0]),
            "--set",
            "source.picture_hold_s=60",
            "--set",
            "look.full_screen=false",
            "--set",
            "kiosk.sound=false",
        ]
    )
    robot.check()
    assert code == 0
    assert not (set(threading.enumerate()) - before), "closing joins every thread"
    with target.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["staff_id"], row["name"], row["direction"]) for row in rows] == [
        ("44", "Barack Obama", "in")
    ]
