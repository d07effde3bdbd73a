"""The symbols: SVG files of this project, one line width, tinted with a token."""

from functools import lru_cache
from pathlib import Path

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from gui.theme import look

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
    """Return a square symbol. colour: #rrggbb. ratio: the screen's device pixel ratio."""
    pixmap = QPixmap(round(size_px * ratio), round(size_px * ratio))
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    draw_symbol(painter, name, QRectF(0, 0, pixmap.width(), pixmap.height()), colour=colour)
    painter.end()
    pixmap.setDevicePixelRatio(ratio)
    return pixmap


def icon(name: str, *, tint: str = "text", selected_tint: str = "on_accent") -> QIcon:
    """Return an icon in the present theme. tint: its colour; selected_tint: when checked.

    An icon keeps its colours: set it again on `look().changed`.
    """
    theme = look().theme
    made = QIcon()
    for mode, state, colour in (
        (QIcon.Mode.Normal, QIcon.State.Off, theme.colour(tint)),
        (QIcon.Mode.Normal, QIcon.State.On, theme.colour(selected_tint)),
        (QIcon.Mode.Disabled, QIcon.State.Off, theme.muted),
    ):
        pixmap = symbol_pixmap(name, 48, colour=colour, ratio=2.0)
        made.addPixmap(pixmap, mode, state)
    return made


def icon_size(size_px: int) -> QSize:
    return QSize(size_px, size_px)
