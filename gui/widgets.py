"""Small widgets every window shares. None styles itself: they only name what they are."""

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QLayout,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from gui.icons import draw_symbol, icon, icon_size
from gui.theme import look, tabular

ICON_GAP_PX = 8


def restyle(widget: QWidget, **properties: object) -> None:
    """Set dynamic properties (type, tone, kind, card, fill, on, invalid) and style anew."""
    for name, value in properties.items():
        widget.setProperty(name, value)
    widget.style().unpolish(widget)
    widget.style().polish(widget)
    widget.update()


class Text(QLabel):
    """A label in plain text (never interpreted as HTML).

    type_name: small, body, large, title, display or clock. tone: text, muted, accent, success,
    warning or danger.
    """

    def __init__(
        self,
        text: str = "",
        type_name: str = "body",
        *,
        tone: str = "text",
        strong: bool = False,
        wrap: bool = False,
        figures: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setText(text)
        self.setWordWrap(wrap)
        self.setProperty("type", type_name)
        self.setProperty("tone", tone)
        self.setProperty("strong", strong)
        if figures:
            self.setFont(tabular(self.font()))


class ElidedText(Text):
    """One line that ends in … when it does not fit; the whole text stays in the tool tip."""

    def __init__(
        self,
        text: str = "",
        type_name: str = "body",
        *,
        tone: str = "text",
        strong: bool = False,
        figures: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__("", type_name, tone=tone, strong=strong, figures=figures, parent=parent)
        self._whole = ""
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.set_text(text)

    @property
    def whole_text(self) -> str:
        return self._whole

    def set_text(self, text: str) -> None:
        self._whole = " ".join(text.split())
        self._elide()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._elide()

    def minimumSizeHint(self) -> QSize:
        return QSize(0, super().minimumSizeHint().height())

    def _elide(self) -> None:
        self.ensurePolished()
        shown = self.fontMetrics().elidedText(
            self._whole, Qt.TextElideMode.ElideRight, max(0, self.contentsRect().width())
        )
        if shown != self.text():
            self.setText(shown)
            self.setToolTip(self._whole if shown != self._whole else "")


class Button(QPushButton):
    """A button. kind: secondary, primary, success, danger, plain, navigation, big-in, big-out.

    The symbol follows the theme.
    """

    def __init__(
        self,
        text: str = "",
        *,
        kind: str = "secondary",
        symbol: str = "",
        symbol_px: int = 20,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(text, parent)
        self.setProperty("kind", kind)
        self._symbol = symbol
        self.setIconSize(icon_size(symbol_px, gap_px=ICON_GAP_PX if text else 0))
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._on_look_changed()
        look().changed.connect(self._on_look_changed)

    def set_symbol(self, symbol: str) -> None:
        self._symbol = symbol
        self._on_look_changed()

    def set_kind(self, kind: str) -> None:
        restyle(self, kind=kind)
        self._on_look_changed()

    def _on_look_changed(self) -> None:
        if not self._symbol:
            return
        kind = str(self.property("kind"))
        tint = {
            "primary": "on_accent",
            "success": "on_success",
            "danger": "on_danger",
            "big-in": "on_success",
            "big-out": "on_accent",
        }.get(kind, "text")
        selected = "text" if kind == "navigation" else "on_accent"
        gap = self.iconSize().width() / self.iconSize().height()
        leads = self.layoutDirection() == Qt.LayoutDirection.LeftToRight
        made = icon(self._symbol, tint=tint, selected_tint=selected, shape=gap, leads=leads)
        self.setIcon(made)


def primary_button(text: str, *, symbol: str = "") -> Button:
    """The one main action of a page."""
    return Button(text, kind="primary", symbol=symbol)


class Chip(QPushButton):
    """A filter that is on or off."""

    def __init__(self, text: str, *, checked: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.setCheckable(True)
        self.setChecked(checked)
        self.setProperty("kind", "chip")
        self.setCursor(Qt.CursorShape.PointingHandCursor)


class Symbol(QWidget):
    """A symbol in a token's colour, on a filled disc if `disc` names a token for it."""

    def __init__(
        self,
        name: str,
        size_px: int,
        *,
        tint: str = "text",
        disc: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._name, self._tint, self._disc = name, tint, disc
        self.setFixedSize(size_px, size_px)
        look().changed.connect(self.update)

    @property
    def name(self) -> str:
        return self._name

    def set_symbol(self, name: str, *, tint: str | None = None, disc: str | None = None) -> None:
        self._name = name
        self._tint = self._tint if tint is None else tint
        self._disc = self._disc if disc is None else disc
        self.update()

    def set_size(self, size_px: int) -> None:
        self.setFixedSize(size_px, size_px)

    def paintEvent(self, _event: QPaintEvent) -> None:
        theme = look().theme
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rect = self.rect().toRectF()
        if self._disc:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour(self._disc))
            painter.drawEllipse(rect)
            inset = rect.width() * 0.22
            rect = rect.adjusted(inset, inset, -inset, -inset)
        draw_symbol(painter, self._name, rect, colour=theme.colour(self._tint))


class Card(QFrame):
    """A raised area with rounded corners; put a layout into it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("card", "true")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)


class Rule(QFrame):
    """A quiet horizontal line."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("rule", "true")
        self.setFixedHeight(2)


class PageTitle(QWidget):
    """A page's title with its one main action at the right."""

    def __init__(
        self, title: str, *, action: QPushButton | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        self.title = Text(title, "title")
        row.addWidget(self.title, 1)
        if action is not None:
            row.addWidget(action)


class EmptyState(QWidget):
    """What a page shows instead of nothing: a symbol, what is the matter, what to do first."""

    def __init__(
        self,
        symbol: str,
        title: str,
        *,
        sentence: str = "",
        action: QPushButton | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setSpacing(8)
        column.addStretch(1)
        self.symbol = Symbol(symbol, 72, tint="muted", disc="raised")
        self.title = Text(title, "large", strong=True, wrap=True)
        self.sentence = Text(sentence, tone="muted", wrap=True)
        column.addWidget(self.symbol, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addSpacing(8)
        for label in (self.title, self.sentence):
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            column.addWidget(label)
        if action is not None:
            column.addSpacing(8)
            column.addWidget(action, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(2)


class Banner(QWidget):
    """A full-width strip that says what is wrong and what to do; level: accent, warning, danger."""

    action_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setProperty("banner", "true")
        self._level = "warning"
        self.symbol = Symbol("warning", 32, tint="on_warning")
        self.title = Text(strong=True, wrap=True)
        self.sentence = Text(wrap=True)
        self.button = Button("")
        self.button.clicked.connect(self.action_requested)
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(self.title)
        words.addWidget(self.sentence)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 8, 16, 8)
        row.setSpacing(16)
        row.addWidget(self.symbol)
        row.addLayout(words, 1)
        row.addWidget(self.button)
        self.hide()

    def show_message(
        self, title: str, sentence: str, *, level: str, symbol: str, action: str = ""
    ) -> None:
        """Show the strip. action: the button's words; empty shows no button."""
        self._level = level
        self.title.setText(title)
        self.sentence.setText(sentence)
        self.sentence.setVisible(bool(sentence))
        self.symbol.set_symbol(symbol, tint=f"on_{level}")
        self.button.setText(action)
        self.button.setVisible(bool(action))
        restyle(self, fill=level)
        restyle(self.title, on=level)
        restyle(self.sentence, on=level)
        self.show()


def fit_height(window: QWidget) -> None:
    """Make a window tall enough for its wrapped words at its width; call it when they change."""
    layout = window.layout()
    if layout is None:
        return
    for child in window.findChildren(QWidget):
        child.ensurePolished()  # its font and padding come from the style sheet
    layout.invalidate()
    layout.activate()
    height_px = max(layout.totalHeightForWidth(window.width()), layout.totalMinimumSize().height())
    window.setMinimumHeight(height_px)
    window.resize(window.width(), height_px)


def set_margins(layout: QLayout, horizontal_px: int, vertical_px: int) -> None:
    layout.setContentsMargins(horizontal_px, vertical_px, horizontal_px, vertical_px)
