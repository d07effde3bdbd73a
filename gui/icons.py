"""The symbols: SVG files of this project, one line width, tinted with a token."""

from functools import lru_cache
from pathlib import Path

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from gui.theme import look

# Drawn once in this size; Qt reduces it.
ICON_PX = 96
SYMBOLS_DIR = Path(__file__).resolve().parent / "symbols"


def symbol_names() -> tuple[str, ...]:
    """Return the names of all tinted symbols, sorted."""
    names = (path.stem for path in SYMBOLS_DIR.glob("*.svg"))
    return tuple(sorted(n for n in names if not n.startswith(("tick-", "chevron-", "clockface-"))))


@lru_cache(maxsize=256)
def _renderer(name: str, colour: str) -> QSvgRenderer:
    svg = (SYMBOLS_DIR / f"{name}.svg").read_text(encoding="utf-8")
    return QSvgRenderer(QByteArray(svg.replace("currentColor", colour).encode()))


def draw_symbol(painter: QPainter, name: str, rect: QRectF, *, colour: str) -> None:
    """Draw a symbol into the rectangle; raises FileNotFoundError for an unknown name."""
    _renderer(name, colour).render(painter, rect)


def symbol_pixmap(name: str, size_px: int, *, colour: str, ratio: float = 1.0) -> QPixmap:
    """Return a square symbol. colour: #rrggbb. ratio: the screen's device pixel ratio.

    Raises FileNotFoundError for an unknown name.
    """
    _renderer(name, colour)  # before there is a painter: an error under one would crash Qt
    pixmap = QPixmap(round(size_px * ratio), round(size_px * ratio))
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    draw_symbol(painter, name, QRectF(0, 0, pixmap.width(), pixmap.height()), colour=colour)
    painter.end()
    pixmap.setDevicePixelRatio(ratio)
    return pixmap


def icon(
    name: str,
    *,
    tint: str = "text",
    selected_tint: str = "on_accent",
    shape: float = 1.0,
    leads: bool = True,
) -> QIcon:
    """Return an icon in the present theme. tint: its token; selected_tint: that when checked.

    shape: width by height, with room beside the symbol when over 1; leads: the room comes after
    the symbol (left to right). An icon keeps its colours: set it again on `look().changed`.
    """
    theme = look().theme
    made = QIcon()
    for mode, state, colour in (
        (QIcon.Mode.Normal, QIcon.State.Off, theme.colour(tint)),
        (QIcon.Mode.Normal, QIcon.State.On, theme.colour(selected_tint)),
        (QIcon.Mode.Disabled, QIcon.State.Off, theme.muted),
    ):
        pixmap = QPixmap(round(ICON_PX * shape), ICON_PX)
        pixmap.fill(Qt.GlobalColor.transparent)
        left = 0 if leads else pixmap.width() - ICON_PX
        painter = QPainter(pixmap)
        draw_symbol(painter, name, QRectF(left, 0, ICON_PX, ICON_PX), colour=colour)
        painter.end()
        made.addPixmap(pixmap, mode, state)
    return made


def icon_size(size_px: int, *, gap_px: int = 0) -> QSize:
    """Return the size of a symbol and of the room between it and the words of a button."""
    return QSize(size_px + gap_px, size_px)
