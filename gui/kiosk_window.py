"""The kiosk's window: its parts together; idle and awake, faults, the way to the desk."""

from collections.abc import Sequence
from functools import partial

import shiboken6
from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import (
    QDialog,
    QMainWindow,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from attendance.config import Settings
from attendance.errors import CameraError, KnownError
from attendance.kiosk import KioskEvent
from attendance.types import Frame, FrameResult, PersonState
from gui.bridge import on_done
from gui.clock_panel import ClockPanel, KioskState, NamedPunch
from gui.desk_door import DeskDoor, OneDialog, OpenDesk, open_desk_window
from gui.direction_question import DirectionQuestion
from gui.event_presenter import EventPresenter
from gui.face_marks import FaceMarks
from gui.faults import Fault, fault_for, state_words, storage_fault
from gui.frame_pump import FramePump
from gui.idle_screen import IdleScreen
from gui.kiosk_page import KioskPage, scale_for
from gui.messages import ready_card
from gui.result_card import ResultCard
from gui.services import Services
from gui.sounds import Sounds
from gui.source_dialog import Choice, ListCameras, SourceDialog, find_cameras
from gui.theme import TOUCH_PX, look, style_sheet
from gui.video_view import VideoView
from gui.widgets import Banner
from inference.status import EngineStatus, SourceState

EXIT_DEMO_WANTED = 64
EXIT_FAULT = 8
RESTART_AFTER_S = 30
LAST_PUNCHES = 8
# A frame is shown with the faces found in it; recognition may be this far behind the source.
BEHIND_FRAMES = 8


class KioskWindow(QMainWindow):
    """The full-screen clocking view. Owned by the GUI thread.

    exit_requested: the window is done, with the program's exit code; it closes nothing itself.
    """

    exit_requested = Signal(int)
    _templates_changed = Signal()

    def __init__(
        self,
        services: Services,
        *,
        open_desk: OpenDesk = open_desk_window,
        cameras: ListCameras = find_cameras,
    ) -> None:
        super().__init__()
        self.setWindowTitle(self.tr("Clockface"))
        self.setMinimumSize(720, 480)
        self._services = services
        self._cameras = cameras
        self._status = EngineStatus()
        self._was_live = False
        self._source_was_offered = False
        self._storage_fault: Fault | None = None
        self._left_until_restart_s: int | None = None
        self._last_face_ns = services.clock.mono_ns()
        self._anybody_enrolled = True
        self._scale = 0.0
        self._result_seq = -BEHIND_FRAMES - 1
        self._shown_seq = -1

        settings = services.settings
        self.video = VideoView()
        self.card = ResultCard(shown_ms=round(settings.kiosk.result_card_s * 1_000))
        self.panel = ClockPanel(zone=services.zone)
        self.question = DirectionQuestion()
        self.idle = IdleScreen()
        self.banner = Banner()
        self.storage_banner = Banner()
        self.page = KioskPage(
            video=self.video, card=self.card, panel=self.panel, question=self.question
        )
        self.marks = FaceMarks(services.kiosk.progress)
        self.sounds = Sounds(enabled=settings.kiosk.sound)
        self.pump = FramePump(services.engine, self)
        self.presenter = EventPresenter(
            services,
            card=self.card,
            question=self.question,
            marks=self.marks,
            sounds=self.sounds,
            parent=self,
        )
        self.dialogs = OneDialog(self)
        self.door = DeskDoor(services, self, dialogs=self.dialogs, open_desk=open_desk)
        self._build()
        self._connect()
        self._on_settings_changed(settings)
        self._on_status(services.engine.status)
        self._on_tick()
        self._refresh_punches()
        self._refresh_enrolled()

    @property
    def is_idle(self) -> bool:
        return self._stack.currentWidget() is self.idle

    @property
    def dialog(self) -> QDialog | None:
        """The dialogue that is open over the kiosk, if any."""
        return self.dialogs.current

    def start(self) -> None:
        """Show pictures from now on and, at the first start, ask for a PIN."""
        self._centre.setFocus()
        self.pump.start()
        self._tick.start()
        self.door.ask_at_first_start(then=self._offer_source_once)

    # ---- building ----------------------------------------------------------------------------

    def _build(self) -> None:
        self._centre = QWidget()
        self._centre.setProperty("page", "true")
        self._centre.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        # Has the keyboard first, so that no button looks chosen before anybody chose.
        self._centre.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._stack = QStackedWidget()
        self._stack.addWidget(self.page)
        self._stack.addWidget(self.idle)
        column = QVBoxLayout(self._centre)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.banner)
        column.addWidget(self.storage_banner)
        column.addWidget(self._stack, 1)
        self.setCentralWidget(self._centre)

    def _connect(self) -> None:
        bridge = self._services.bridge
        bridge.event_posted.connect(self._on_event)
        bridge.status_posted.connect(self._on_status)
        bridge.settings_changed.connect(self._on_settings_changed)
        self.pump.frame_arrived.connect(self._on_frame)
        self.pump.result_arrived.connect(self._on_result)
        self.presenter.punch_stored.connect(self._on_punch_stored)
        self.presenter.punch_failed.connect(self._on_punch_failed)
        self.panel.desk_requested.connect(self.door.knock)
        self.door.closed.connect(self._on_desk_closed)
        self.door.failed.connect(self._on_punch_failed)
        self.dialogs.opened.connect(self.wake)
        self.idle.touched.connect(self.wake)
        self.banner.action_requested.connect(self.choose_source)
        look().changed.connect(self._on_look_changed)
        self._templates_changed.connect(self._refresh_enrolled)
        self._services.store.add_listener(partial(_emit_if_alive, self))
        self._tick = QTimer(self)
        self._tick.setInterval(500)
        self._tick.timeout.connect(self._on_tick)

    # ---- pictures and events -----------------------------------------------------------------

    def _on_result(self, result: FrameResult) -> None:
        self.marks.observe(result)
        if result.faces:
            self._last_face_ns = self._services.clock.mono_ns()
            self.wake()
        else:
            self.card.clear_hint()
        # The frame the faces were found in, so that the rings sit on them while people move.
        self._result_seq = result.frame.seq
        self._show_frame(result.frame)

    def _on_frame(self, frame: Frame) -> None:
        """Show a frame that recognition has not worked on, if recognition is far behind it."""
        if frame.seq - self._result_seq > BEHIND_FRAMES:
            self._show_frame(frame)

    def _show_frame(self, frame: Frame) -> None:
        if not self.is_idle and frame.seq >= self._shown_seq:
            self._shown_seq = frame.seq
            self.video.show_frame(frame, self.marks.marks(frame_seq=frame.seq))

    def _on_event(self, event: KioskEvent) -> None:
        self._last_face_ns = self._services.clock.mono_ns()
        self.wake()
        self.pump.look()
        self.presenter.present(event)

    def _on_punch_stored(self, _event: object) -> None:
        self._storage_fault = None
        self._show_faults()
        self._refresh_punches()

    def _on_punch_failed(self, error: KnownError) -> None:
        self._storage_fault = storage_fault(error)
        self._show_faults()

    def _refresh_punches(self) -> None:
        def show(rows: Sequence[NamedPunch]) -> None:
            self.panel.show_punches(rows)

        on_done(
            self._services.store.last_punches(LAST_PUNCHES),
            show,
            self._on_punch_failed,
            owner=self,
        )

    def _refresh_enrolled(self) -> None:
        def show(rows: Sequence[object]) -> None:
            self._anybody_enrolled = bool(rows)
            self._show_ready()

        on_done(
            self._services.store.people(states=(PersonState.ACTIVE,)),
            show,
            self._on_punch_failed,
            owner=self,
        )

    def _on_desk_closed(self) -> None:
        self._refresh_punches()
        self._refresh_enrolled()

    # ---- idle --------------------------------------------------------------------------------

    def wake(self) -> None:
        """Leave the idle screen."""
        if self.is_idle:
            self._last_face_ns = self._services.clock.mono_ns()
            self.pump.set_idle(idle=False)
            self._stack.setCurrentWidget(self.page)

    def _on_tick(self) -> None:
        now = self._services.clock.now_utc().astimezone(self._services.zone)
        self.panel.show_time(now)
        self.idle.show_time(now)
        unseen_s = (self._services.clock.mono_ns() - self._last_face_ns) / 1e9
        is_busy = self.question.is_asking or self.dialog is not None
        may_rest = self.video.has_picture and not is_busy and not self.is_idle
        if may_rest and unseen_s >= self._services.settings.kiosk.idle_after_s:
            self.pump.set_idle(idle=True)
            self._stack.setCurrentWidget(self.idle)

    def _show_ready(self) -> None:
        ready = ready_card(
            anybody_enrolled=self._anybody_enrolled,
            has_picture=self._status.state is SourceState.LIVE,
        )
        self.card.set_ready(ready)
        help_line = (
            self.tr("Step in front of the camera to clock in or out.")
            if ready.symbol == "face"
            else f"{ready.title}. {ready.detail}"
        )
        self.idle.set_words(company=self._services.settings.kiosk.company, help_line=help_line)

    # ---- status and faults -------------------------------------------------------------------

    def _on_status(self, status: EngineStatus) -> None:
        before, self._status = self._status.state, status
        if status.state is SourceState.LIVE:
            self._was_live = True
            if isinstance(self.dialog, SourceDialog):
                self.dialog.reject()
        elif status.state is not SourceState.ENDED:
            self._show_no_picture(status)
        if status.state is SourceState.OPENING and before is not SourceState.OPENING:
            self.marks.forget_all()
        symbol, tone, words = state_words(status)
        self.panel.show_state(self._services.settings.kiosk.name, KioskState(symbol, tone, words))
        self._show_faults()
        self._show_ready()
        self._offer_source_once()

    def _show_no_picture(self, status: EngineStatus) -> None:
        self.wake()
        if status.state is SourceState.OPENING:
            self.video.show_message(self.tr("Opening the camera …"), symbol="camera")
        else:
            self.video.show_message(self.tr("No picture at the moment"), symbol="camera-off")

    def _show_faults(self) -> None:
        fault = fault_for(self._status)
        restarts = fault is not None and fault.restarts
        if restarts and self._left_until_restart_s is None:
            self._left_until_restart_s = RESTART_AFTER_S
            QTimer.singleShot(RESTART_AFTER_S * 1_000, self, self._on_restart_due)
        elif not restarts:
            self._left_until_restart_s = None
        _show_in(self.banner, fault, choose=self.tr("Choose another source"))
        _show_in(self.storage_banner, self._storage_fault, choose="")

    def _on_restart_due(self) -> None:
        if self._left_until_restart_s is not None:
            self.exit_requested.emit(EXIT_FAULT)

    def _offer_source_once(self) -> None:
        """At the start, with no camera: ask what to do instead of only saying so."""
        status = self._status
        has_none = status.state in (SourceState.LOST, SourceState.FAULT) and isinstance(
            status.error, CameraError
        )
        if self._was_live or self._source_was_offered or not has_none:
            return
        if self.isVisible() and self.dialog is None:
            self._source_was_offered = True
            self.choose_source()

    def choose_source(self) -> None:
        """Ask where the picture should come from."""
        if self.dialog is not None:
            return
        reason = str(self._status.error or self._status.message)
        dialog = SourceDialog(reason, cameras=self._cameras, parent=self)
        dialog.source_chosen.connect(self._on_source_chosen)
        self.dialogs.show(dialog, then=partial(self._on_source_dialog_left, dialog))

    def _on_source_chosen(self, address: str) -> None:
        self._services.use_source(address)

    def _on_source_dialog_left(self, dialog: SourceDialog, _result: int) -> None:
        if dialog.choice is Choice.DEMO:
            self.exit_requested.emit(EXIT_DEMO_WANTED)

    # ---- settings, size, keys ----------------------------------------------------------------

    def _on_settings_changed(self, settings: Settings) -> None:
        self.video.set_mirrored(mirrored=settings.kiosk.mirror)
        self.sounds.enabled = settings.kiosk.sound
        self.card.set_shown_ms(round(settings.kiosk.result_card_s * 1_000))
        self._on_status(self._status)

    def _on_look_changed(self) -> None:
        self._style()

    def _style(self) -> None:
        self._centre.setStyleSheet(style_sheet(look().theme, scale=self._scale, target_px=TOUCH_PX))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        scale = scale_for(self.size())
        if scale != self._scale:
            self._scale = scale
            self._style()
            self.page.set_scale(scale)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_F11:
            self.set_full_screen(on=not self.isFullScreen())
        elif event.key() == Qt.Key.Key_Escape:
            if self.isFullScreen():
                self.set_full_screen(on=False)
            else:
                self.door.knock()
        else:
            self.wake()
            super().keyPressEvent(event)

    def set_full_screen(self, *, on: bool) -> None:
        if on:
            self.showFullScreen()
        else:
            self.showNormal()

    def closeEvent(self, event: QCloseEvent) -> None:
        self.pump.stop()
        self._tick.stop()
        self.sounds.close()
        super().closeEvent(event)


def _emit_if_alive(window: KioskWindow) -> None:
    """Tell the window, from the storage thread, that the templates changed."""
    if shiboken6.isValid(window):
        window._templates_changed.emit()


def _show_in(banner: Banner, fault: Fault | None, *, choose: str) -> None:
    if fault is None:
        banner.hide()
        return
    banner.show_message(
        fault.title,
        fault.sentence,
        level=fault.level,
        symbol=fault.symbol,
        action=choose if fault.offers_source else "",
    )
