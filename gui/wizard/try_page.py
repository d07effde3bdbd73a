"""The new person tries it at once, with the kiosk's own policy; nobody is punched."""

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from attendance.policy import KioskPolicy
from attendance.types import Accepted, Decision, FrameResult, Reason, Rejected, TrackedFace
from gui.messages import isolated
from gui.services import Services
from gui.video_view import FaceMark, MarkState, VideoView
from gui.widgets import Symbol, Text, restyle
from gui.wizard.draft import EnrolmentDraft
from gui.wizard.step_page import StepPage
from inference.status import SourceState

POLL_EVERY_MS = 33


class TryPage(StepPage):
    """Live recognition of the person just enrolled; a tick when the policy accepts them."""

    max_width_px = None

    def __init__(self, *, services: Services, draft: EnrolmentDraft) -> None:
        super().__init__(4, services=services, draft=draft)
        self.setFinalPage(True)
        self._policy: KioskPolicy | None = None
        self._seen: FrameResult | None = None
        self._known_tracks: dict[int, str] = {}
        self.recognised = False
        self.view = VideoView()
        self.view.set_mirrored(mirrored=services.settings.kiosk.mirror)
        self.symbol = Symbol("face", 96, tint="accent", disc="raised")
        self.headline = Text("", "large", strong=True, wrap=True)
        self.sentence = Text("", wrap=True, tone="muted")
        self._timer = QTimer(self)
        self._timer.setInterval(POLL_EVERY_MS)
        self._timer.timeout.connect(self._on_poll_due)
        side = QVBoxLayout()
        side.setContentsMargins(0, 0, 0, 0)
        side.setSpacing(12)
        side.addStretch(1)
        side.addWidget(self.symbol)
        side.addWidget(self.headline)
        side.addWidget(self.sentence)
        side.addStretch(2)
        right = QWidget()
        right.setLayout(side)
        right.setFixedWidth(384)
        row = QHBoxLayout()
        row.setSpacing(24)
        row.addWidget(self.view, 1)
        row.addWidget(right)
        self.body.addLayout(row, 1)

    def enter(self) -> None:
        name = isolated(self.draft.name.strip())
        self.question.setText(self.tr("Saved. Now try it"))
        self.headline.setText(self.tr("{name}, look at the camera").format(name=name))
        self.sentence.setText(self.tr("Nothing is clocked while you try."))
        model_id = self.draft.looks()[0][1].embedding.model_id
        self._policy = KioskPolicy(self.services.settings.recognition, model_id=model_id)
        self._seen = self.services.engine.latest_result()
        self._timer.start()
        self._on_poll_due()

    def leave(self) -> None:
        self._timer.stop()

    def _on_poll_due(self) -> None:
        status = self.services.engine.status
        if status.state is not SourceState.LIVE:
            self._show_no_picture()
        result = self.services.engine.latest_result()
        if result is None or result is self._seen or self._policy is None:
            return
        self._seen = result
        for decision in self._policy.observe(result):
            self._take(decision)
        if status.state is SourceState.LIVE:
            self.view.show_frame(result.frame, tuple(self._mark(face) for face in result.faces))

    def _take(self, decision: Decision) -> None:
        match decision:
            case Accepted(track_id=track_id, person_id=person_id):
                self._known_tracks[track_id] = person_id
                if person_id == self.draft.person().staff_id:
                    self._show_recognised()
                elif not self.recognised:
                    self._show_somebody_else(person_id)
            case Rejected(reason=reason) if not self.recognised:
                self._show_hint(reason)

    def _mark(self, face: TrackedFace) -> FaceMark:
        x0, y0, x1, y1 = (float(v) for v in face.face.box_xyxy)
        box_xyxy = (x0, y0, x1, y1)
        staff_id = self._known_tracks.get(face.track_id)
        if staff_id is None:
            progress = 0.0 if self._policy is None else self._policy.progress(face.track_id)
            return FaceMark(box_xyxy, progress=progress)
        if staff_id == self.draft.person().staff_id:
            return FaceMark(box_xyxy, MarkState.ACCEPTED, 1.0, self.draft.person().name)
        person = self.services.people(staff_id)
        return FaceMark(box_xyxy, MarkState.ACCEPTED, 1.0, "" if person is None else person.name)

    def _show_recognised(self) -> None:
        self.recognised = True
        self.symbol.set_symbol("check", tint="on_success", disc="success_fill")
        self.headline.setText(
            self.tr("{name} is recognised").format(name=isolated(self.draft.person().name))
        )
        restyle(self.headline, tone="success")
        self.sentence.setText(self.tr("From now on this face clocks in and out at the kiosk."))

    def _show_somebody_else(self, staff_id: str) -> None:
        person = self.services.people(staff_id)
        name = isolated(staff_id if person is None else person.name)
        self.symbol.set_symbol("people", tint="on_warning", disc="warning_fill")
        self.headline.setText(self.tr("The kiosk sees {name}").format(name=name))
        self.sentence.setText(
            self.tr("Is that person in front of the camera? Otherwise take new pictures of both.")
        )

    def _show_hint(self, reason: Reason) -> None:
        sentence = {
            Reason.UNKNOWN: self.tr("Not recognised yet: come closer and look straight ahead."),
            Reason.TIE: self.tr("Not sure yet: come closer and look straight ahead."),
            Reason.TOO_DARK: self.tr("Too dark: turn towards the light."),
            Reason.TOO_BRIGHT: self.tr("Too bright: step out of the glare."),
            Reason.COME_CLOSER: self.tr("Come closer."),
            Reason.LOOK_AT_CAMERA: self.tr("Look straight at the camera."),
            Reason.HOLD_STILL: self.tr("Hold still."),
            Reason.MOVE_INTO_VIEW: self.tr("Move into the picture."),
            Reason.OPEN_EYES: self.tr("Open your eyes."),
        }.get(reason)
        if sentence is not None:
            self.sentence.setText(sentence)

    def _show_no_picture(self) -> None:
        if self.recognised:
            return
        self.view.show_message(self.tr("No live picture"), symbol="camera-off")
        self.headline.setText(self.tr("Everything is saved"))
        self.sentence.setText(
            self.tr("There is no live picture now; it can be tried at the kiosk at any time.")
        )
