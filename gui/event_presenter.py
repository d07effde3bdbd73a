"""What the kiosk does on its screen when something happens: card, name, question, sound."""

from collections import deque
from datetime import timedelta

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QPixmap

from attendance.errors import KnownError
from attendance.kiosk import (
    AlreadyStored,
    DirectionAsked,
    KioskEvent,
    NotStored,
    PunchStored,
    Refused,
)
from attendance.types import Direction, Reason
from gui.bridge import on_done
from gui.direction_question import DirectionQuestion
from gui.face_marks import FaceMarks
from gui.messages import Sound, cancelled_card, card_for, hours_today
from gui.pictures import face_photo
from gui.result_card import ResultCard
from gui.services import Services
from gui.sounds import Sounds


class EventPresenter(QObject):
    """Takes the kiosk's events in the GUI thread, one by one.

    punch_stored: a punch was committed. punch_failed: one was not, with the KnownError.
    """

    punch_stored = Signal(object)
    punch_failed = Signal(object)

    def __init__(
        self,
        services: Services,
        *,
        card: ResultCard,
        question: DirectionQuestion,
        marks: FaceMarks,
        sounds: Sounds,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._services = services
        self._card, self._question, self._marks, self._sounds = card, question, marks, sounds
        self._asked: deque[DirectionAsked] = deque()
        question.answered.connect(self._on_answered)

    def present(self, event: KioskEvent) -> None:
        """Show what follows from this event."""
        content = card_for(event, zone=self._services.zone)
        match event:
            case PunchStored(punch=punch, person=person, accepted=accepted):
                self._marks.accept(accepted.track_id, person.name)
                if content is not None:
                    photo = self._photo(accepted.track_id)
                    self._card.show_content(content, photo=photo, key=punch.id)
                self._ask_hours(punch.id, staff_id=person.staff_id)
                self.punch_stored.emit(event)
            case AlreadyStored(person=person, accepted=accepted):
                self._marks.accept(accepted.track_id, person.name)
                if content is not None:
                    self._card.show_content(content, photo=self._photo(accepted.track_id))
            case NotStored(error=error):
                if content is not None:
                    self._card.show_content(content)
                self.punch_failed.emit(error)
            case Refused(rejected=rejected):
                if rejected.reason in (Reason.UNKNOWN, Reason.TIE):
                    self._marks.call_unknown(rejected.track_id)
                if content is not None:
                    self._card.show_content(content)
            case DirectionAsked():
                self._asked.append(event)
                self._ask_next()
        self._sounds.play(Sound.NONE if content is None else content.sound)

    def _photo(self, track_id: int) -> QPixmap | None:
        found = self._marks.face_of(track_id)
        if found is None:
            return None
        result, face = found
        x0, y0, x1, y1 = (float(v) for v in face.face.box_xyxy)
        return face_photo(
            result.frame.bgr,
            (x0, y0, x1, y1),
            size_px=self._card.photo_px,
            mirrored=self._services.settings.kiosk.mirror,
            ratio=self._card.devicePixelRatioF(),
        )

    def _ask_hours(self, punch_id: str, *, staff_id: str) -> None:
        def show(worked: timedelta) -> None:
            self._card.add_detail(punch_id, hours_today(worked))

        def leave_out(_error: KnownError) -> None:
            """The hours are an extra: the punch itself is stored."""

        future = self._services.store.worked_today(staff_id, rules=self._services.rules())
        on_done(future, show, leave_out, owner=self._card)

    def _ask_next(self) -> None:
        if self._asked and not self._question.is_asking:
            event = self._asked.popleft()
            self._question.ask(event.accepted.track_id, event.person.name)

    def _on_answered(self, track_id: int, direction: Direction | None) -> None:
        self._services.kiosk.answer_direction(track_id, direction)
        if direction is None:
            self._card.show_content(cancelled_card())
        self._ask_next()
