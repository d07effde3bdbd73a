"""Enrolment, one question a page."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QCloseEvent, QShowEvent
from PySide6.QtWidgets import QMessageBox, QWidget, QWizard

from attendance.enrolment import CaptureSession
from attendance.types import Person
from gui.messages import isolated
from gui.services import Services
from gui.widgets import restyle
from gui.wizard.capture_page import CapturePage
from gui.wizard.consent_page import ConsentPage
from gui.wizard.details_page import DetailsPage
from gui.wizard.draft import EnrolmentDraft
from gui.wizard.review_page import ReviewPage
from gui.wizard.step_page import StepPage
from gui.wizard.try_page import TryPage


class EnrolmentWizard(QWizard):
    """Details → consent → pictures → review and save → try it. Owned by the GUI thread.

    Nothing is stored before Save, so cancelling leaves nothing behind. While the wizard is shown
    the kiosk is paused. person: somebody stored whose templates are to be replaced.
    """

    person_saved = Signal(object)
    """The Person, after COMMIT."""

    def __init__(
        self, services: Services, parent: QWidget | None = None, person: Person | None = None
    ) -> None:
        super().__init__(parent)
        settings = services.settings
        self._services = services
        self._was_paused: bool | None = None
        self.draft = EnrolmentDraft(
            CaptureSession(settings.enrolment, settings.quality),
            settings=settings.enrolment,
            known=person,
        )
        self.details = DetailsPage(services=services, draft=self.draft)
        self.consent = ConsentPage(services=services, draft=self.draft)
        self.capture = CapturePage(services=services, draft=self.draft)
        self.review = ReviewPage(services=services, draft=self.draft)
        self.try_it = TryPage(services=services, draft=self.draft)
        self.pages: tuple[StepPage, ...] = (
            self.details,
            self.consent,
            self.capture,
            self.review,
            self.try_it,
        )
        for page in self.pages:
            self.addPage(page)
            page.advance_requested.connect(lambda page=page: self._on_advance_requested(page))
        self.review.person_saved.connect(self.person_saved)
        self._set_up()
        self._shown_page: StepPage | None = None
        self.currentIdChanged.connect(self._on_page_changed)

    def showEvent(self, event: QShowEvent) -> None:
        if self._was_paused is None:
            self._was_paused = self._services.kiosk.paused
            self._services.kiosk.paused = True
        super().showEvent(event)

    def closeEvent(self, event: QCloseEvent) -> None:
        if self.draft.saved:
            self.accept()
            event.accept()
            return
        super().closeEvent(event)

    def reject(self) -> None:
        """Close without storing anything; asks once if something would be lost."""
        if self.draft.has_content and not self._may_discard():
            return
        super().reject()

    def done(self, result: int) -> None:
        for page in self.pages:
            page.leave()
        if self._was_paused is not None:
            self._services.kiosk.paused = self._was_paused
            self._was_paused = None
        super().done(result)

    def _set_up(self) -> None:
        again = self.draft.known is not None
        self.setWindowTitle(self.tr("New pictures") if again else self.tr("Enrol a person"))
        self.setWizardStyle(QWizard.WizardStyle.ModernStyle)
        self.setOption(QWizard.WizardOption.NoBackButtonOnStartPage)
        self.setOption(QWizard.WizardOption.NoCancelButtonOnLastPage)
        self.setOption(QWizard.WizardOption.NoBackButtonOnLastPage)
        self.setMinimumSize(960, 560)
        self.setWindowModality(Qt.WindowModality.WindowModal)
        buttons = QWizard.WizardButton
        for which, words, kind in (
            (buttons.BackButton, self.tr("Back"), "secondary"),
            (buttons.NextButton, self.tr("Next"), "primary"),
            (buttons.CommitButton, self.tr("Save"), "primary"),
            (buttons.FinishButton, self.tr("Done"), "primary"),
            (buttons.CancelButton, self.tr("Cancel"), "secondary"),
        ):
            self.setButtonText(which, words)
            button = self.button(which)
            button.setMinimumWidth(112)
            restyle(button, kind=kind)
        self.setButtonLayout(
            [
                buttons.CancelButton,
                buttons.Stretch,
                buttons.BackButton,
                buttons.NextButton,
                buttons.CommitButton,
                buttons.FinishButton,
            ]
        )

    def _on_page_changed(self, _page_id: int) -> None:
        if self._shown_page is not None:
            self._shown_page.leave()
        page = self.currentPage()
        self._shown_page = page if isinstance(page, StepPage) else None
        if self._shown_page is not None:
            self._shown_page.enter()

    def _on_advance_requested(self, page: StepPage) -> None:
        if self.currentPage() is page:
            self.next()

    def _may_discard(self) -> bool:
        name = isolated(self.draft.name.strip() or self.tr("this person"))
        box = QMessageBox(self)
        box.setIcon(QMessageBox.Icon.Question)
        box.setWindowTitle(self.tr("Cancel the enrolment?"))
        box.setText(self.tr("Cancel the enrolment of {name}?").format(name=name))
        box.setInformativeText(
            self.tr("What was entered and all pictures are thrown away; nothing is stored.")
        )
        discard = box.addButton(self.tr("Throw away"), QMessageBox.ButtonRole.DestructiveRole)
        stay = box.addButton(self.tr("Go on enrolling"), QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(stay)
        box.setEscapeButton(stay)
        box.exec()
        return box.clickedButton() is discard
