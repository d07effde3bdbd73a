"""Asks the engine for its newest frame and result, so that Qt's queue can never grow."""

from typing import Protocol

from PySide6.QtCore import QObject, QTimer, Signal

from attendance.types import Frame, FrameResult

SHOWN_EVERY_MS = 33
IDLE_EVERY_MS = 100


class NewestPicture(Protocol):
    """What the pump needs of the engine."""

    def latest_frame(self) -> Frame | None: ...
    def latest_result(self) -> FrameResult | None: ...


class FramePump(QObject):
    """Looks 30 times a second, 10 times while the screen is idle. Owned by the GUI thread.

    frame_arrived: a frame that was not shown before. result_arrived: a result not seen before.
    """

    frame_arrived = Signal(object)
    result_arrived = Signal(object)

    def __init__(self, engine: NewestPicture, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._engine = engine
        self._frame: Frame | None = None
        self._result: FrameResult | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(SHOWN_EVERY_MS)
        self._timer.timeout.connect(self.look)

    def start(self) -> None:
        self._timer.start()

    def stop(self) -> None:
        self._timer.stop()

    def set_idle(self, *, idle: bool) -> None:
        """While idle nothing is drawn, so a look ten times a second is enough to wake."""
        self._timer.setInterval(IDLE_EVERY_MS if idle else SHOWN_EVERY_MS)

    def look(self) -> None:
        """Look once, now."""
        result = self._engine.latest_result()
        if result is not None and result is not self._result:
            self._result = result
            self.result_arrived.emit(result)
        frame = self._engine.latest_frame()
        if frame is not None and frame is not self._frame:
            self._frame = frame
            self.frame_arrived.emit(frame)
