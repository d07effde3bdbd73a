"""The live picture: aspect ratio kept, mirrored if wanted, a ring and a name on each face."""

from dataclasses import dataclass
from enum import StrEnum

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetricsF,
    QImage,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from attendance.types import Frame
from gui.icons import draw_symbol
from gui.pictures import screen_image
from gui.theme import CORNER_PX, Theme, look

RING_WIDTH_SHARE = 1.30
RING_HEIGHT_SHARE = 1.50
RING_EDGE = "#1b212b"
RING_TRACK = "#c3cad6"


class MarkState(StrEnum):
    """FORMING: no decision yet. ACCEPTED: a punch stands. UNKNOWN: told so."""

    FORMING = "forming"
    ACCEPTED = "accepted"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class FaceMark:
    """What is drawn on one face. box_xyxy: pixels of the frame. progress: in [0, 1].

    name: only of somebody who was accepted; otherwise empty.
    """

    box_xyxy: tuple[float, float, float, float]
    state: MarkState = MarkState.FORMING
    progress: float = 0.0
    name: str = ""


class VideoView(QWidget):
    """Shows the newest frame. Owned by the GUI thread.

    One copy is made of each shown frame (to the format Qt paints fastest); it is scaled once,
    while it is painted.

    aspect_changed: the pictures have another shape than those before.
    """

    aspect_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._image: QImage | None = None
        self._marks: tuple[FaceMark, ...] = ()
        self._mirrored = True
        self._message = ""
        self._symbol = "camera"
        self._scale = 1.0
        self._aspect = 4 / 3
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        look().changed.connect(self.update)

    @property
    def marks(self) -> tuple[FaceMark, ...]:
        return self._marks

    @property
    def mirrored(self) -> bool:
        return self._mirrored

    @property
    def has_picture(self) -> bool:
        return self._image is not None

    @property
    def aspect(self) -> float:
        """Width by height of the newest picture."""
        return self._aspect

    @property
    def message(self) -> str:
        return self._message

    def sizeHint(self) -> QSize:
        return QSize(640, 480)

    def minimumSizeHint(self) -> QSize:
        return QSize(160, 120)

    def set_mirrored(self, *, mirrored: bool) -> None:
        self._mirrored = mirrored
        self.update()

    def set_scale(self, scale: float) -> None:
        """Size of text and lines, 1.0 at 1280 × 800."""
        self._scale = scale
        self.update()

    def show_frame(self, frame: Frame, marks: tuple[FaceMark, ...]) -> None:
        """Show this frame with these marks from now on."""
        self._image = screen_image(frame.bgr)
        self._marks = marks
        aspect = frame.size_hw[1] / frame.size_hw[0]
        if aspect != self._aspect:
            self._aspect = aspect
            self.aspect_changed.emit()
        self.update()

    def show_message(self, message: str, *, symbol: str) -> None:
        """Show a sentence instead of a picture."""
        self._image = None
        self._marks = ()
        self._message = message
        self._symbol = symbol
        self.update()

    def picture_rect(self) -> QRect:
        """Return where the picture stands in the widget: the largest place of its shape."""
        if self._image is None:
            return self.rect()
        size = self._image.size().scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
        left, top = (self.width() - size.width()) // 2, (self.height() - size.height()) // 2
        return QRect(left, top, size.width(), size.height())

    def to_view(self, x_px: float, y_px: float) -> QPointF:
        """Return where a point of the frame stands in the widget; mirrored as the picture is."""
        rect = self.picture_rect()
        if self._image is None:
            return QPointF(rect.center())
        factor = rect.width() / self._image.width()
        x_px = self._image.width() - x_px if self._mirrored else x_px
        return QPointF(rect.left() + x_px * factor, rect.top() + y_px * factor)

    def paintEvent(self, _event: QPaintEvent) -> None:
        theme = look().theme
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(theme.background))
        if self._image is None:
            self._paint_message(painter, theme)
            return
        rect = self.picture_rect()
        self._paint_picture(painter, self._image, rect)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.save()
        painter.setClipRect(rect)
        for mark in reversed(self._marks):
            self._paint_ring(painter, mark, theme)
        for mark in reversed(self._marks):
            self._paint_name(painter, mark, theme, within=rect)
        painter.restore()
        self._round_corners(painter, rect, QColor(theme.background))

    def _paint_picture(self, painter: QPainter, image: QImage, rect: QRect) -> None:
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.translate(rect.left(), rect.top())
        if self._mirrored:
            painter.translate(rect.width(), 0)
            painter.scale(-1, 1)
        painter.drawImage(QRectF(0, 0, rect.width(), rect.height()), image)
        painter.restore()

    def _ring_rect(self, mark: FaceMark) -> QRectF:
        x0, y0, x1, y1 = mark.box_xyxy
        centre = self.to_view((x0 + x1) / 2, (y0 + y1) / 2)
        corner_a, corner_b = self.to_view(x0, y0), self.to_view(x1, y1)
        side = max(abs(corner_b.x() - corner_a.x()), abs(corner_b.y() - corner_a.y()))
        width, height = side * RING_WIDTH_SHARE, side * RING_HEIGHT_SHARE
        top = centre.y() - height * 0.54
        return QRectF(centre.x() - width / 2, top, width, height)

    def _paint_ring(self, painter: QPainter, mark: FaceMark, theme: Theme) -> None:
        rect = self._ring_rect(mark)
        line_px = max(3.0, min(8.0 * self._scale, rect.width() / 24))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        # A dark and a light line together are seen on any picture. Both are opaque: on a
        # 273 × 315 ring a translucent one takes three times as long to paint (0.8 against 0.3 ms).
        forming = mark.state is MarkState.FORMING
        track_px = line_px * 0.6 if forming else line_px
        painter.setPen(QPen(QColor(RING_EDGE), track_px + 2))
        painter.drawEllipse(rect)
        track = QColor(RING_TRACK if forming else _ring_colour(mark.state, theme))
        painter.setPen(QPen(track, track_px))
        painter.drawEllipse(rect)
        if forming and mark.progress > 0:
            pen = QPen(QColor(_ring_colour(mark.state, theme)), line_px)
            pen.setCapStyle(Qt.PenCapStyle.RoundCap)
            painter.setPen(pen)
            painter.drawArc(rect, 90 * 16, -round(360 * 16 * min(1.0, mark.progress)))

    def _paint_name(
        self, painter: QPainter, mark: FaceMark, theme: Theme, *, within: QRect
    ) -> None:
        if mark.state is MarkState.FORMING:
            return
        known = mark.state is MarkState.ACCEPTED
        font = QFont(self.font())
        font.setPixelSize(max(14, round(18 * self._scale)))
        font.setWeight(QFont.Weight.DemiBold)
        metrics = QFontMetricsF(font)
        symbol_px = metrics.height() * 0.8
        pad = metrics.height() * 0.4
        room = max(60.0, within.width() - 2 * CORNER_PX - symbol_px - 3 * pad)
        text = metrics.elidedText(
            mark.name, Qt.TextElideMode.ElideRight, min(room, 420 * self._scale)
        )
        text_px = metrics.horizontalAdvance(text)
        width = symbol_px + 2 * pad + ((text_px + pad * 0.6) if text else 0)
        height = metrics.height() + pad
        ring = self._ring_rect(mark)
        left = min(
            max(ring.center().x() - width / 2, within.left() + CORNER_PX),
            within.right() - CORNER_PX - width,
        )
        top = min(ring.bottom() + pad, within.bottom() - CORNER_PX - height)
        level = "success" if known else "warning"
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.colour(f"{level}_fill")))
        painter.drawRoundedRect(QRectF(left, top, width, height), height / 2, height / 2)
        ink = theme.colour(f"on_{level}")
        symbol_rect = QRectF(left + pad, top + (height - symbol_px) / 2, symbol_px, symbol_px)
        draw_symbol(painter, "check" if known else "question", symbol_rect, colour=ink)
        painter.setFont(font)
        painter.setPen(QColor(ink))
        painter.drawText(
            QRectF(symbol_rect.right() + pad * 0.6, top, text_px + 2, height),
            Qt.AlignmentFlag.AlignVCenter,
            text,
        )

    def _paint_message(self, painter: QPainter, theme: Theme) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.raised))
        painter.drawRoundedRect(self.rect(), CORNER_PX, CORNER_PX)
        size = 72 * self._scale
        centre = QPointF(self.width() / 2, self.height() / 2)
        symbol_rect = QRectF(centre.x() - size / 2, centre.y() - size, size, size)
        draw_symbol(painter, self._symbol, symbol_rect, colour=theme.muted)
        font = QFont(self.font())
        font.setPixelSize(round(20 * self._scale))
        painter.setFont(font)
        painter.setPen(QColor(theme.text))
        painter.drawText(
            QRectF(24, centre.y() + 16, self.width() - 48, self.height() / 2 - 32),
            Qt.AlignmentFlag.AlignHCenter | Qt.TextFlag.TextWordWrap,
            self._message,
        )

    def _round_corners(self, painter: QPainter, rect: QRect, colour: QColor) -> None:
        outside = QPainterPath()
        outside.addRect(QRectF(rect).adjusted(-1, -1, 1, 1))
        rounded = QPainterPath()
        rounded.addRoundedRect(QRectF(rect), CORNER_PX, CORNER_PX)
        painter.fillPath(outside - rounded, colour)


def _ring_colour(state: MarkState, theme: Theme) -> str:
    return {
        MarkState.FORMING: "#ffffff",
        MarkState.ACCEPTED: theme.success if theme.is_dark else "#35c27a",
        MarkState.UNKNOWN: theme.warning_fill,
    }[state]
