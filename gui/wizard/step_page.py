"""What every page of the wizard shares: the progress, one question, the body below it."""

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWizardPage

from gui.services import Services
from gui.widgets import Text
from gui.wizard.draft import EnrolmentDraft
from gui.wizard.step_bar import StepBar

READABLE_PX = 1_040
SIDE_PX = 24


def step_labels() -> tuple[str, ...]:
    """Return the names of the five steps."""
    translate = QCoreApplication.translate
    return (
        translate("EnrolmentWizard", "Details"),
        translate("EnrolmentWizard", "Consent"),
        translate("EnrolmentWizard", "Pictures"),
        translate("EnrolmentWizard", "Review"),
        translate("EnrolmentWizard", "Try it"),
    )


class StepPage(QWizardPage):
    """A page that keeps what was entered when Back is pressed. Owned by the GUI thread.

    max_width_px: how wide the page's content may become on a large screen; None is no limit.
    """

    max_width_px: int | None = READABLE_PX

    advance_requested = Signal()
    """What the page had to wait for is there: press Next once more."""

    def __init__(self, step: int, *, services: Services, draft: EnrolmentDraft) -> None:
        super().__init__()
        self.setProperty("page", "true")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.services = services
        self.draft = draft
        self.step_bar = StepBar(step_labels())
        self.step_bar.set_current(step)
        self.question = Text("", "title", wrap=True)
        self.body = QVBoxLayout()
        self.body.setSpacing(16)
        column = QVBoxLayout(self)
        column.setContentsMargins(SIDE_PX, 16, SIDE_PX, 8)
        column.setSpacing(12)
        column.addWidget(self.step_bar)
        self.heading = QHBoxLayout()
        self.heading.setSpacing(8)
        self.heading.addWidget(self.question, 1)
        column.addLayout(self.heading)
        column.addLayout(self.body, 1)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        layout = self.layout()
        if self.max_width_px is not None and layout is not None:
            side = max(SIDE_PX, (self.width() - self.max_width_px) // 2)
            layout.setContentsMargins(side, 16, side, 8)

    def cleanupPage(self) -> None:
        """Back loses nothing: the draft stays as it is."""

    def enter(self) -> None:
        """The page is shown, whether by Next or by Back: bring it up to date."""

    def leave(self) -> None:
        """The page is no longer shown, or the wizard closes: stop what runs only for it."""
