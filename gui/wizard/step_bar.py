"""The progress at the top of the wizard."""

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from gui.icons import draw_symbol
from gui.theme import TYPE_PX, look

DISC_PX = 28
HEIGHT_PX = 64


class StepBar(QWidget):
    """Numbered steps joined by a line; done ones carry a tick, the present one is filled."""

    def __init__(self, labels: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._labels = tuple(labels)
        self._current = 0
        self.setFixedHeight(HEIGHT_PX)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        look().changed.connect(self.update)
        self.set_current(0)

    @property
    def current(self) -> int:
        return self._current

    def set_current(self, index: int) -> None:
        self._current = index
        self.setAccessibleName(
            self.tr("Step {number} of {count}: {label}").format(
                number=index + 1, count=len(self._labels), label=self._labels[index]
            )
        )
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(480, HEIGHT_PX)

    def paintEvent(self, _event: QPaintEvent) -> None:
        theme = look().theme
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.layoutDirection() is Qt.LayoutDirection.RightToLeft:
            centres = [self._centre_x(len(self._labels) - 1 - i) for i in range(len(self._labels))]
        else:
            centres = [self._centre_x(i) for i in range(len(self._labels))]
        y = DISC_PX / 2 + 6
        for index in range(len(self._labels) - 1):
            done = index < self._current
            painter.setPen(QPen(QColor(theme.accent if done else theme.line), 2))
            a, b = centres[index], centres[index + 1]
            inset = (DISC_PX / 2 + 8) * (1 if b > a else -1)
            painter.drawLine(QPointF(a + inset, y), QPointF(b - inset, y))
        for index, label in enumerate(self._labels):
            self._paint_step(painter, index, label, QPointF(centres[index], y))

    def _centre_x(self, index: int) -> float:
        return self.width() * (index + 0.5) / len(self._labels)

    def _paint_step(self, painter: QPainter, index: int, label: str, centre: QPointF) -> None:
        theme = look().theme
        disc = QRectF(0, 0, DISC_PX, DISC_PX)
        disc.moveCenter(centre)
        reached = index <= self._current
        painter.setPen(QPen(QColor(theme.accent_fill if reached else theme.line), 2))
        painter.setBrush(QColor(theme.accent_fill if reached else theme.surface))
        painter.drawEllipse(disc.adjusted(1, 1, -1, -1))
        font = QFont(self.font())
        font.setPixelSize(TYPE_PX["small"])
        font.setBold(index == self._current)
        painter.setFont(font)
        if index < self._current:
            draw_symbol(painter, "check", disc.adjusted(6, 6, -6, -6), colour=theme.on_accent)
        else:
            painter.setPen(QColor(theme.on_accent if reached else theme.text))
            painter.drawText(disc, Qt.AlignmentFlag.AlignCenter, str(index + 1))
        room = QRectF(0, disc.bottom() + 4, self.width() / len(self._labels) - 8, 24)
        room.moveCenter(QPointF(centre.x(), room.center().y()))
        painter.setPen(QColor(theme.text if index == self._current else theme.muted))
        shown = painter.fontMetrics().elidedText(
            label, Qt.TextElideMode.ElideRight, int(room.width())
        )
        painter.drawText(room, Qt.AlignmentFlag.AlignCenter, shown)
