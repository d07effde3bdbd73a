"""How the desk's tables draw a cell: up to two lines, a symbol, a round badge with initials."""

from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from gui.icons import draw_symbol
from gui.theme import TYPE_PX, look, tabular

CELL_ROLE = Qt.ItemDataRole.UserRole + 1
"""The Cell of an index."""
ROW_ROLE = Qt.ItemDataRole.UserRole + 2
"""The whole row (PersonRow or PunchRow) of an index."""

BADGE_PX = 36
SYMBOL_PX = 20
PAD_PX = 8

Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True, slots=True)
class Cell:
    """What one cell shows. tone: a token for text and symbol; initials: for a round badge."""

    text: str
    below: str = ""
    symbol: str = ""
    tone: str = "text"
    initials: str = ""
    strong: bool = False
    figures: bool = False

    @property
    def words(self) -> str:
        """The cell for a screen reader and for copying."""
        return f"{self.text}, {self.below}" if self.below else self.text


def header_cell(title: str, *, orientation: Qt.Orientation, role: int) -> Any:
    """Return what a table's header says of a column for a role: its title, at the leading side."""
    if orientation is not Qt.Orientation.Horizontal:
        return None
    if role == Qt.ItemDataRole.TextAlignmentRole:
        return Qt.AlignmentFlag.AlignLeading | Qt.AlignmentFlag.AlignVCenter
    return title if role == Qt.ItemDataRole.DisplayRole else None


def initials_of(name: str) -> str:
    """Return one or two letters for the badge; of scripts without capitals the first sign."""
    words = [word for word in name.split() if word[0].isalnum()]
    if not words:
        return "?"
    first, last = words[0][0].upper(), words[-1][0].upper()
    return first + last if len(words) > 1 and first.isalpha() and first != first.lower() else first


class CellDelegate(QStyledItemDelegate):
    """Draws the Cell of an index. Rows are `row_px` high."""

    def __init__(self, row_px: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._row_px = row_px

    def sizeHint(self, _option: QStyleOptionViewItem, _index: Index) -> QSize:
        return QSize(80, self._row_px)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        cell = index.data(CELL_ROLE)
        if not isinstance(cell, Cell):
            super().paint(painter, option, index)
            return
        theme = look().theme
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        rect = QRectF(option.rect)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setClipRect(rect)
        if selected:
            painter.fillRect(rect, QColor(theme.accent_fill))
        else:
            painter.setPen(QColor(theme.raised))
            painter.drawLine(rect.bottomLeft(), rect.bottomRight())
        main = QColor(theme.on_accent if selected else theme.colour(cell.tone))
        quiet = QColor(theme.on_accent if selected else theme.muted)
        right_to_left = option.direction is Qt.LayoutDirection.RightToLeft
        room = rect.adjusted(PAD_PX, 0, -PAD_PX, 0)
        if cell.initials:
            room = self._paint_badge(painter, cell, room, right_to_left=right_to_left)
        elif cell.symbol:
            place = self._take(room, SYMBOL_PX, right_to_left=right_to_left)
            draw_symbol(painter, cell.symbol, place, colour=main.name())
            room = self._left_over(room, SYMBOL_PX + 8, right_to_left=right_to_left)
        self._paint_words(painter, cell, room, main=main, quiet=quiet)
        painter.restore()

    def _paint_badge(
        self, painter: QPainter, cell: Cell, room: QRectF, *, right_to_left: bool
    ) -> QRectF:
        theme = look().theme
        disc = self._take(room, BADGE_PX, right_to_left=right_to_left)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.raised))
        painter.drawEllipse(disc)
        font = QFont()
        font.setPixelSize(TYPE_PX["small"])
        font.setBold(True)
        painter.setFont(font)
        painter.setPen(QColor(theme.text))
        painter.drawText(disc, Qt.AlignmentFlag.AlignCenter, cell.initials)
        return self._left_over(room, BADGE_PX + 12, right_to_left=right_to_left)

    def _paint_words(
        self, painter: QPainter, cell: Cell, room: QRectF, *, main: QColor, quiet: QColor
    ) -> None:
        font = QFont()
        font.setPixelSize(TYPE_PX["body"])
        font.setBold(cell.strong)
        if cell.figures:
            font = tabular(font)
        small = QFont()
        small.setPixelSize(TYPE_PX["small"])
        upper, lower = QFontMetricsF(font), QFontMetricsF(small)
        total = upper.height() + (lower.height() if cell.below else 0)
        top = QPointF(room.left(), room.center().y() - total / 2)
        flags = Qt.AlignmentFlag.AlignLeading | Qt.AlignmentFlag.AlignVCenter
        painter.setFont(font)
        painter.setPen(main)
        painter.drawText(
            QRectF(top.x(), top.y(), room.width(), upper.height()),
            int(flags | Qt.TextFlag.TextSingleLine),
            upper.elidedText(cell.text, Qt.TextElideMode.ElideRight, room.width()),
        )
        if cell.below:
            painter.setFont(small)
            painter.setPen(quiet)
            painter.drawText(
                QRectF(top.x(), top.y() + upper.height(), room.width(), lower.height()),
                int(flags | Qt.TextFlag.TextSingleLine),
                lower.elidedText(cell.below, Qt.TextElideMode.ElideRight, room.width()),
            )

    def _take(self, room: QRectF, side_px: float, *, right_to_left: bool) -> QRectF:
        left = room.right() - side_px if right_to_left else room.left()
        return QRectF(left, room.center().y() - side_px / 2, side_px, side_px)

    def _left_over(self, room: QRectF, used_px: float, *, right_to_left: bool) -> QRectF:
        return room.adjusted(0 if right_to_left else used_px, 0, -used_px * right_to_left, 0)
