"""The newest frame for the screen, and the faces on it as the networks see them."""

from concurrent.futures import Future

from PySide6.QtCore import QObject, QTimer, Signal

from attendance.errors import KnownError
from attendance.ports import FaceLook
from attendance.types import Frame
from gui.bridge import on_done
from gui.services import Services

SHOW_EVERY_MS = 33
READ_EVERY_MS = 90


class LiveLooker(QObject):
    """Polls the engine while it runs. Owned by the GUI thread; reading happens in the engine's.

    At most one reading is under way, so a slow machine reads less often and never falls behind.
    """

    frame_arrived = Signal(object)
    """A new Frame."""
    looks_read = Signal(object, object)
    """The Frame and the tuple of FaceLook found on it, largest first."""
    failed = Signal(object)
    """The KnownError that kept a frame from being read."""

    def __init__(self, services: Services, parent: QObject) -> None:
        super().__init__(parent)
        self._services = services
        self._running = False
        self._pending: Future[tuple[FaceLook, ...]] | None = None
        self._shown: Frame | None = None
        self._read: Frame | None = None
        self._show_timer = QTimer(self)
        self._show_timer.setInterval(SHOW_EVERY_MS)
        self._show_timer.timeout.connect(self._on_show_due)
        self._read_timer = QTimer(self)
        self._read_timer.setInterval(READ_EVERY_MS)
        self._read_timer.timeout.connect(self._on_read_due)

    @property
    def running(self) -> bool:
        return self._running

    def start(self) -> None:
        self._running = True
        self._show_timer.start()
        self._read_timer.start()

    def stop(self) -> None:
        """Show and read nothing more; a reading under way is thrown away."""
        self._running = False
        self._show_timer.stop()
        self._read_timer.stop()
        if self._pending is not None:
            self._pending.cancel()
            self._pending = None
        self._shown = self._read = None

    def _on_show_due(self) -> None:
        frame = self._services.engine.latest_frame()
        if frame is None or frame is self._shown:
            return
        self._shown = frame
        self.frame_arrived.emit(frame)

    def _on_read_due(self) -> None:
        frame = self._services.engine.latest_frame()
        if self._pending is not None or frame is None or frame is self._read:
            return
        self._read = frame
        bgr = frame.bgr
        future: Future[tuple[FaceLook, ...]] = self._services.engine.call(
            lambda pipeline: tuple(pipeline.reader.read(bgr))
        )
        self._pending = future

        def done(looks: tuple[FaceLook, ...]) -> None:
            if self._pending is future:
                self._pending = None
                self.looks_read.emit(frame, looks)

        def failed(error: KnownError) -> None:
            if self._pending is future:
                self._pending = None
                self.failed.emit(error)

        on_done(future, done, failed, owner=self)
