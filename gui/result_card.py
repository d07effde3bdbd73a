"""The strip under the picture: what the kiosk asks for, and what became of it."""

from collections import deque
from dataclasses import dataclass, replace

from PySide6.QtCore import QEasingCurve, QPoint, QPropertyAnimation, Qt, QTimer
from PySide6.QtGui import QPixmap, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from gui.messages import CardContent, Level
from gui.theme import look
from gui.widgets import ElidedText, Symbol, Text, restyle

# When several results come at once, each is shown for at least so long.
LEAST_SHOWN_MS = 1_500
RISE_MS = 180


@dataclass(frozen=True, slots=True)
class _Shown:
    content: CardContent
    photo: QPixmap | None
    key: str


class ResultCard(QWidget):
    """A strip that always says something: a result for some seconds, else what to do.

    Results wait for one another; a hint never replaces a result.
    """

    def __init__(self, *, shown_ms: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shown_ms = shown_ms
        self._photo_px = 72
        self._ready = CardContent(Level.NEUTRAL, "face", "", solid=False)
        self._current: _Shown | None = None
        self._waiting: deque[_Shown] = deque()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._on_time_up)

        self._card = QWidget(self)
        self._card.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.photo = QLabel()
        self.symbol = Symbol("face", 56)
        self.title = ElidedText(type_name="title")
        self.detail = Text(type_name="large", wrap=True, figures=True)
        words = QVBoxLayout()
        words.setSpacing(4)
        words.addStretch(1)
        words.addWidget(self.title)
        words.addWidget(self.detail)
        words.addStretch(1)
        row = QHBoxLayout(self._card)
        row.setContentsMargins(20, 8, 20, 8)
        row.setSpacing(16)
        row.addWidget(self.photo)
        row.addWidget(self.symbol)
        row.addLayout(words, 1)

        self._rise = QPropertyAnimation(self._card, b"pos", self)
        self._rise.setDuration(RISE_MS)
        self._rise.setEasingCurve(QEasingCurve.Type.OutCubic)
        look().changed.connect(self._paint_content)
        self._paint_content()

    @property
    def content(self) -> CardContent:
        """What is shown now."""
        return self._ready if self._current is None else self._current.content

    def set_shown_ms(self, shown_ms: int) -> None:
        self._shown_ms = shown_ms

    def set_scale(self, scale: float) -> None:
        self._photo_px = round(72 * scale)
        self.symbol.set_size(round(56 * scale))
        layout = self._card.layout()
        if layout is not None:
            layout.setContentsMargins(round(20 * scale), 8, round(20 * scale), 8)

    @property
    def photo_px(self) -> int:
        return self._photo_px

    def set_ready(self, content: CardContent) -> None:
        """Say what to do while there is no result."""
        if content != self._ready:
            self._ready = content
            if self._current is None:
                self._paint_content()

    def show_content(
        self, content: CardContent, *, photo: QPixmap | None = None, key: str = ""
    ) -> None:
        """Show a result or a hint. key: names it for `add_detail`."""
        shown = _Shown(content, photo, key)
        if content.is_hint:
            if self._current is None or self._current.content.is_hint:
                self._begin(shown)
            return
        if self._current is None or self._current.content.is_hint:
            self._begin(shown)
            return
        self._waiting.append(shown)
        left_ms = self._timer.remainingTime()
        still_due_ms = max(1, LEAST_SHOWN_MS - (self._shown_ms - left_ms))
        if left_ms > still_due_ms:
            self._timer.start(still_due_ms)

    def add_detail(self, key: str, words: str) -> None:
        """Append words to the card with this key, if it is still there."""
        if not words:
            return
        if self._current is not None and self._current.key == key:
            self._current = _with_detail(self._current, words)
            self._paint_content()
            return
        self._waiting = deque(
            _with_detail(shown, words) if shown.key == key else shown for shown in self._waiting
        )

    def clear_hint(self) -> None:
        """Take a hint away: whoever it was for has gone."""
        if self._current is not None and self._current.content.is_hint:
            self._on_time_up()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._rise.stop()
        self._card.setGeometry(self.rect())

    def _begin(self, shown: _Shown) -> None:
        again = self._current is not None and self._current.content == shown.content
        self._current = shown
        self._timer.start(LEAST_SHOWN_MS if self._waiting else self._shown_ms)
        self._paint_content()
        if not again:
            self._move_in()

    def _on_time_up(self) -> None:
        self._timer.stop()
        self._current = None
        if self._waiting:
            self._begin(self._waiting.popleft())
        else:
            self._paint_content()

    def _move_in(self) -> None:
        self._rise.stop()
        if look().reduce_motion or not self.isVisible():
            self._card.move(0, 0)
            return
        self._rise.setStartValue(QPoint(0, self.height()))
        self._rise.setEndValue(QPoint(0, 0))
        self._rise.start()

    def _paint_content(self) -> None:
        content = self.content
        level = content.level
        solid = content.solid and level is not Level.NEUTRAL
        restyle(self._card, fill=level.value if solid else "neutral")
        ink = f"on_{level}" if solid else ""
        for label in (self.title, self.detail):
            restyle(label, on=level.value if solid else "")
        tone = "text" if solid or content.is_hint or level is not Level.NEUTRAL else "muted"
        restyle(self.detail, tone=tone)
        self.title.set_text(content.title)
        self.detail.setText(content.detail)
        self.detail.setVisible(bool(content.detail))
        if solid:
            self.symbol.set_symbol(content.symbol, tint=f"{level}_fill", disc=ink)
        elif level is Level.NEUTRAL:
            self.symbol.set_symbol(content.symbol, tint="muted", disc="raised")
        else:
            self.symbol.set_symbol(content.symbol, tint=f"on_{level}", disc=f"{level}_fill")
        photo = None if self._current is None else self._current.photo
        self.photo.setVisible(photo is not None)
        if photo is not None:
            self.photo.setPixmap(photo)
        self.setAccessibleName(f"{content.title}. {content.detail}")


def _with_detail(shown: _Shown, words: str) -> _Shown:
    detail = f"{shown.content.detail} · {words}" if shown.content.detail else words
    return replace(shown, content=replace(shown.content, detail=detail))
