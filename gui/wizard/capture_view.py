"""The large camera picture of the capture page, with the outline a face should fill."""

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from gui.icons import draw_symbol
from gui.theme import CORNER_PX, TYPE_PX
from gui.video_view import VideoView

OVAL_HEIGHT = 0.76
OVAL_RATIO = 0.74
RING_PX = 6
SYMBOL_PX = 28
# Nothing of the theme is sure to be legible on top of a picture; white on a dark plate always is.
VEIL = QColor(0, 0, 0, 100)
PLATE = QColor(0, 0, 0, 190)
ON_PICTURE = QColor("#ffffff")
GOOD = QColor("#5fd694")
ATTENTION = QColor("#ffc861")


class CaptureView(VideoView):
    """Shows the newest frame, the outline, how far the hold is, and one sentence."""

    def __init__(self, *, mirror: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._sentence = ""
        self._guide_symbol = ""
        self._good = False
        self._progress = 0.0
        self.set_mirrored(mirrored=mirror)
        self.setAccessibleName(self.tr("Live picture"))

    @property
    def sentence(self) -> str:
        return self._sentence

    @property
    def progress(self) -> float:
        return self._progress

    def show_guidance(
        self, sentence: str, *, symbol: str = "", good: bool = False, progress: float = 0.0
    ) -> None:
        """Say what to do. good: the view is being held; progress: of the hold, in [0, 1]."""
        if sentence != self._sentence:
            self.setAccessibleDescription(sentence)
        self._sentence, self._guide_symbol = sentence, symbol
        self._good, self._progress = good, progress
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self.has_picture:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        picture = QRectF(self.picture_rect())
        clip = QPainterPath()
        clip.addRoundedRect(picture, CORNER_PX, CORNER_PX)
        painter.setClipPath(clip)
        self._paint_outline(painter, picture)
        if self._sentence:
            self._paint_sentence(painter, picture)

    def _paint_outline(self, painter: QPainter, picture: QRectF) -> None:
        height = picture.height() * OVAL_HEIGHT
        oval = QRectF(0, 0, height * OVAL_RATIO, height)
        oval.moveCenter(picture.center())
        oval.translate(0, -picture.height() * 0.06)
        around, hole = QPainterPath(), QPainterPath()
        around.addRect(picture)
        hole.addEllipse(oval)
        painter.fillPath(around - hole, VEIL)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(ON_PICTURE, RING_PX / 2))
        painter.drawEllipse(oval)
        if self._progress > 0:
            pen = QPen(GOOD, RING_PX)
            pen.setCapStyle(Qt.PenCapStyle.RoundCap)
            painter.setPen(pen)
            painter.drawArc(oval, 90 * 16, -round(self._progress * 360 * 16))

    def _paint_sentence(self, painter: QPainter, picture: QRectF) -> None:
        font = QFont(self.font())
        font.setPixelSize(TYPE_PX["large"])
        font.setBold(True)
        painter.setFont(font)
        beside = SYMBOL_PX + 8 if self._guide_symbol else 0
        room = int(picture.width() - 64 - beside)
        flags = int(Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignVCenter)
        needed = painter.fontMetrics().boundingRect(0, 0, room, 1000, flags, self._sentence)
        plate = QRectF(0, 0, needed.width() + 36 + beside, max(needed.height(), SYMBOL_PX) + 16)
        plate.moveCenter(picture.center())
        plate.moveBottom(picture.bottom() - 12)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(PLATE)
        painter.drawRoundedRect(plate, CORNER_PX, CORNER_PX)
        words = plate.adjusted(16, 8, -16, -8)
        if self._guide_symbol:
            spot = QRectF(words.left(), words.center().y() - SYMBOL_PX / 2, SYMBOL_PX, SYMBOL_PX)
            colour = GOOD if self._good else ATTENTION
            draw_symbol(painter, self._guide_symbol, spot, colour=colour.name())
            words.setLeft(words.left() + beside)
        painter.setPen(ON_PICTURE)
        painter.drawText(words, flags, self._sentence)
