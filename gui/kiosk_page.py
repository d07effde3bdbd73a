"""The kiosk's live page: picture, result card and clock panel, placed for the screen's shape."""

from PySide6.QtCore import QRect, QSize
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QStyle, QWidget

from gui.clock_panel import ClockPanel
from gui.direction_question import DirectionQuestion
from gui.result_card import ResultCard
from gui.video_view import VideoView

BASE_SIZE = QSize(1280, 800)
LEAST_SCALE, MOST_SCALE = 0.75, 2.0


def scale_for(size: QSize) -> float:
    """Return how much larger than at 1280 × 800 (or 800 × 1280) everything is drawn."""
    long_px, short_px = max(size.width(), size.height()), min(size.width(), size.height())
    scale = min(long_px / BASE_SIZE.width(), short_px / BASE_SIZE.height())
    return round(max(LEAST_SCALE, min(MOST_SCALE, scale)) * 8) / 8


class KioskPage(QWidget):
    """Lays its parts out itself: the picture gets all the room its shape can use."""

    def __init__(
        self,
        *,
        video: VideoView,
        card: ResultCard,
        panel: ClockPanel,
        question: DirectionQuestion,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._video, self._card, self._panel, self._question = video, card, panel, question
        self._scale = 1.0
        for widget in (video, card, panel, question):
            widget.setParent(self)
        video.aspect_changed.connect(self._place)

    def set_scale(self, scale: float) -> None:
        self._scale = scale
        for part in (self._video, self._card, self._panel):
            part.set_scale(scale)
        self._place()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place()

    def _place(self) -> None:
        margin = round(24 * self._scale)
        gap = round(16 * self._scale)
        strip = round(112 * self._scale)
        aspect = self._video.aspect
        inner = self.rect().adjusted(margin, margin, -margin, -margin)
        if inner.width() < 1 or inner.height() < 1:
            return
        if self.width() >= self.height():
            video, card, panel = _landscape(inner, gap=gap, strip=strip, aspect=aspect)
        else:
            video, card, panel = _portrait(inner, gap=gap, strip=strip, aspect=aspect)
        direction = self.layoutDirection()
        for widget, rect in (
            (self._video, video),
            (self._card, card),
            (self._panel, panel),
            (self._question, video.united(card)),
        ):
            widget.setGeometry(QStyle.visualRect(direction, inner, rect))


def _landscape(inner: QRect, *, gap: int, strip: int, aspect: float) -> tuple[QRect, QRect, QRect]:
    video_height = inner.height() - strip - gap
    # The panel gets what the picture leaves, between 29 and 40 % of the width.
    left = round(video_height * aspect)
    least, most = inner.width() * 0.60 - gap, inner.width() * 0.71 - gap
    left = round(max(least, min(most, left)))
    video = QRect(inner.left(), inner.top(), left, video_height)
    card = QRect(inner.left(), video.bottom() + 1 + gap, left, strip)
    panel_left = inner.left() + left + gap
    panel = QRect(panel_left, inner.top(), inner.right() + 1 - panel_left, inner.height())
    return video, card, panel


def _portrait(inner: QRect, *, gap: int, strip: int, aspect: float) -> tuple[QRect, QRect, QRect]:
    video_height = min(round(inner.width() / aspect), round(inner.height() * 0.5))
    video = QRect(inner.left(), inner.top(), inner.width(), video_height)
    card = QRect(inner.left(), video.bottom() + 1 + gap, inner.width(), strip)
    top = card.bottom() + 1 + gap
    panel = QRect(inner.left(), top, inner.width(), inner.bottom() + 1 - top)
    return video, card, panel
