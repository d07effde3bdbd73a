"""The pictures: five views held before the camera, or photos from files."""

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QProgressBar,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from attendance.enrolment import VIEW_RANGES, CaptureAccepted
from attendance.errors import KnownError
from attendance.ports import FaceLook
from attendance.types import Frame
from gui.services import Services
from gui.widgets import Chip, Symbol, Text, restyle
from gui.wizard.capture_view import CaptureView
from gui.wizard.draft import EnrolmentDraft
from gui.wizard.held_capture import HeldCapture
from gui.wizard.live_looker import LiveLooker
from gui.wizard.photo_panel import PhotoPanel
from gui.wizard.step_page import StepPage
from gui.wizard.view_dot import ViewDot
from inference.status import SourceState

STATUS_EVERY_MS = 250
PRAISE_MS = 900


class CapturePage(StepPage):
    """Live guidance with automatic captures, or photos. Back keeps what is taken."""

    max_width_px = None

    def __init__(self, *, services: Services, draft: EnrolmentDraft) -> None:
        super().__init__(2, services=services, draft=draft)
        self._mirror = services.settings.kiosk.mirror
        self.looker = LiveLooker(services, self)
        self.looker.frame_arrived.connect(self._on_frame_arrived)
        self.looker.looks_read.connect(self._on_looks_read)
        self.looker.failed.connect(self._on_failed)
        self.held = HeldCapture(draft.session)
        self.view = CaptureView(mirror=self._mirror)
        self.request = Text("", "large", strong=True, wrap=True)
        self.advice = Text("", wrap=True, tone="muted")
        self.quality = QProgressBar()
        self.quality.setRange(0, 100)
        self.quality.setTextVisible(False)
        self.quality_words = Text("", "small", tone="muted", figures=True)
        self.dots = {v: ViewDot(v, self._view_label(v)) for v in draft.session.views}
        self.done_mark = Symbol("check", 40, tint="on_success", disc="success_fill")
        self.camera_chip = Chip(self.tr("Camera"), checked=True)
        self.photos_chip = Chip(self.tr("Photos from files"))
        self.photos = PhotoPanel(services=services, draft=draft)
        self.photos.changed.connect(self._on_photos_changed)
        self.photos_note = Text("", tone="muted", wrap=True)
        self._praise_timer = QTimer(self)
        self._praise_timer.setSingleShot(True)
        self._praise_timer.setInterval(PRAISE_MS)
        self._praised = False
        self._praise_timer.timeout.connect(self._on_praise_over)
        self._status_timer = QTimer(self)
        self._status_timer.setInterval(STATUS_EVERY_MS)
        self._status_timer.timeout.connect(self._show_status)
        self._build()

    def enter(self) -> None:
        self._show_state()
        self._show_mode()

    def isComplete(self) -> bool:
        return self.draft.enough and not self.photos.busy_reading

    def validatePage(self) -> bool:
        stranger = self.draft.stranger()
        self.photos_note.setText(stranger or "")
        restyle(self.photos_note, tone="danger" if stranger else "muted")
        if stranger:
            self.advice.setText(stranger)
            restyle(self.advice, tone="danger")
            return False
        return True

    def leave(self) -> None:
        self.looker.stop()
        self._status_timer.stop()
        self.held.reset()

    # What the page is made of

    def _build(self) -> None:
        modes = QButtonGroup(self)
        modes.setExclusive(True)
        for chip in (self.camera_chip, self.photos_chip):
            modes.addButton(chip)
            self.heading.addWidget(chip)
        modes.buttonToggled.connect(lambda _button, _checked: self._show_mode())
        self._stack = QStackedWidget()
        self._stack.addWidget(self._camera_side())
        photos = QWidget()
        photo_column = QVBoxLayout(photos)
        photo_column.setContentsMargins(0, 0, 0, 0)
        photo_column.addWidget(self.photos, 1)
        photo_column.addWidget(self.photos_note)
        self._stack.addWidget(photos)
        self.body.addWidget(self._stack, 1)

    def _camera_side(self) -> QWidget:
        side = QVBoxLayout()
        side.setSpacing(8)
        side.addWidget(self.done_mark)
        side.addWidget(self.request)
        side.addWidget(self.advice)
        side.addSpacing(8)
        side.addWidget(self.quality_words)
        side.addWidget(self.quality)
        side.addStretch(1)
        dots = QHBoxLayout()
        dots.setSpacing(0)
        for dot in self.dots.values():
            dots.addWidget(dot)
            dot.clicked.connect(lambda _checked=False, view=dot.view: self._on_again(view))
        side.addLayout(dots)
        camera = QWidget()
        row = QHBoxLayout(camera)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(24)
        row.addWidget(self.view, 1)
        right = QWidget()
        right.setLayout(side)
        side.setContentsMargins(0, 0, 0, 0)
        right.setFixedWidth(384)
        row.addWidget(right)
        return camera

    def _view_label(self, view: str) -> str:
        return {
            "front": self.tr("Front"),
            "left": self.tr("Left"),
            "right": self.tr("Right"),
            "up": self.tr("Up"),
            "down": self.tr("Down"),
        }.get(view, view)

    # What happens

    def _show_mode(self) -> None:
        camera = self.camera_chip.isChecked()
        self._stack.setCurrentIndex(0 if camera else 1)
        self.question.setText(
            self.tr("Look at the camera") if camera else self.tr("Choose photos of this person")
        )
        if camera and not self.looker.running:
            self.looker.start()
            self._status_timer.start()
            self._show_status()
        elif not camera:
            self.leave()

    def _on_frame_arrived(self, frame: Frame) -> None:
        self.view.show_frame(frame, ())

    def _on_looks_read(self, frame: Frame, looks: tuple[FaceLook, ...]) -> None:
        outcome = self.held.see(looks, mono_ns=frame.mono_ns)
        self._show_quality(looks[0] if looks else None)
        if isinstance(outcome, CaptureAccepted):
            self._praised = True
            self._praise_timer.start()
            self._show_state()
            self.completeChanged.emit()
        self._show_guidance()

    def _on_praise_over(self) -> None:
        self._praised = False
        self._show_guidance()

    def _on_failed(self, error: KnownError) -> None:
        self.view.show_message(str(error), symbol="warning")

    def _on_again(self, view: str) -> None:
        self.draft.session.drop(view)
        self.held.reset()
        self._show_state()
        self._show_guidance()
        self.completeChanged.emit()

    def _on_photos_changed(self) -> None:
        stranger = self.draft.stranger()
        self.photos_note.setText(stranger or "")
        restyle(self.photos_note, tone="danger" if stranger else "muted")
        self.completeChanged.emit()

    # What is shown

    def _show_status(self) -> None:
        status = self.services.engine.status
        if status.state is SourceState.LIVE and status.models_ready:
            return
        if status.state is SourceState.LIVE:
            self.advice.setText(self.tr("Getting ready …"))
            return
        if status.state is SourceState.OPENING:
            self.view.show_message(self.tr("Opening the camera …"), symbol="camera")
            return
        sentence = str(status.error) if status.error is not None else status.message
        self.view.show_message(
            self.tr("No picture from the camera. {sentence}").format(sentence=sentence).strip(),
            symbol="camera-off",
        )
        self.request.setText(self.tr("There is no live picture"))
        self.advice.setText(self.tr("Use «Photos from files» at the top right instead."))

    def _show_state(self) -> None:
        session = self.draft.session
        taken = {capture.view: capture.look for capture in session.captures}
        for view, dot in self.dots.items():
            dot.show_state(taken.get(view), wanted=view == session.wanted_view, mirror=self._mirror)
        self.done_mark.setVisible(session.complete)
        wanted = session.wanted_view
        if wanted is None:
            self.request.setText(self.tr("All pictures are taken"))
            self.advice.setText(self.tr("Press a picture to take it again, or go on."))
            restyle(self.advice, tone="muted")
        else:
            self.request.setText(VIEW_RANGES[wanted].request)

    def _show_guidance(self) -> None:
        wanted = self.draft.session.wanted_view
        if wanted is None:
            self.view.show_guidance(self.tr("Done"), symbol="check", good=True, progress=1.0)
            return
        if self._praised:
            self.view.show_guidance(self.tr("Taken"), symbol="check", good=True, progress=1.0)
            return
        request = VIEW_RANGES[wanted].request
        sentence = self.held.sentence
        self.request.setText(request)
        if not sentence:
            self.advice.setText(self.tr("Good. Hold still for a moment."))
            restyle(self.advice, tone="success")
            self.view.show_guidance(
                self.tr("Hold still"), symbol="still", good=True, progress=self.held.progress
            )
            return
        refused = sentence != request
        self.advice.setText(sentence if refused else self._advice_for(wanted))
        restyle(self.advice, tone="warning" if refused else "muted")
        symbol = "warning" if refused else self.dots[wanted].symbol
        self.view.show_guidance(sentence, symbol=symbol)

    def _advice_for(self, view: str) -> str:
        if view == "front":
            return self.tr("With the whole face inside the outline.")
        return self.tr("Slowly, only a little.")

    def _show_quality(self, look: FaceLook | None) -> None:
        percent = 0 if look is None else round(look.quality.score * 100)
        self.quality.setValue(percent)
        needed = round(self.draft.settings.min_quality * 100)
        self.quality_words.setText(
            self.tr("Quality {percent} %, at least {needed} %").format(
                percent=percent, needed=needed
            )
            if look is not None
            else self.tr("No face in the picture")
        )
        self.quality_words.setAlignment(Qt.AlignmentFlag.AlignLeft)
