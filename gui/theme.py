"""The look: one table of tokens, and the style sheet and palette made from it.

Sizes follow an 8-pixel grid; `scale` enlarges everything for a big kiosk screen. Which style a
widget gets is said by dynamic properties, set through gui.widgets: `type` (small … clock), `tone`
(muted, success …), `kind` (primary, danger …), `card`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from types import MappingProxyType

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from gui.stylesheet import style_sheet_text

TYPE_PX: Mapping[str, int] = MappingProxyType(
    {"small": 14, "body": 16, "large": 20, "title": 28, "display": 44, "clock": 96}
)
LEAST_TYPE_PX = 14
GRID_PX = 8
CORNER_PX = 12
TOUCH_PX = 56
DESK_TARGET_PX = 36


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours as #rrggbb.

    text and muted stand on background, surface and raised. accent, success, warning and danger are
    text and symbols on the same three; the *_fill colours are areas that carry on_fill texts.
    line: edges of controls. focus: the ring around what has the keyboard.
    """

    name: str
    background: str
    surface: str
    raised: str
    line: str
    text: str
    muted: str
    accent: str
    success: str
    warning: str
    danger: str
    focus: str
    accent_fill: str
    on_accent: str
    success_fill: str
    on_success: str
    warning_fill: str
    on_warning: str
    danger_fill: str
    on_danger: str

    def colour(self, token: str) -> str:
        """Return a token's colour by name; raises KeyError for a name that is no token."""
        if token not in _TOKENS:
            raise KeyError(token)
        return str(getattr(self, token))

    @property
    def is_dark(self) -> bool:
        return relative_luminance(self.background) < 0.2


_TOKENS = frozenset(f.name for f in fields(Theme)) - {"name"}

THEMES: Mapping[str, Theme] = MappingProxyType(
    {
        "light": Theme(
            name="light",
            background="#eef1f6",
            surface="#ffffff",
            raised="#e3e8f0",
            line="#748095",
            text="#131a26",
            muted="#4c5870",
            accent="#1f4fc4",
            success="#0c6b3a",
            warning="#854600",
            danger="#ab1f1f",
            focus="#1f4fc4",
            accent_fill="#1f4fc4",
            on_accent="#ffffff",
            success_fill="#0d7a42",
            on_success="#ffffff",
            warning_fill="#ffc247",
            on_warning="#2b1a00",
            danger_fill="#b3261e",
            on_danger="#ffffff",
        ),
        "dark": Theme(
            name="dark",
            background="#0c1119",
            surface="#161d29",
            raised="#222c3c",
            line="#7a88a0",
            text="#f1f4f9",
            muted="#a9b5c8",
            accent="#8fb3ff",
            success="#5fd694",
            warning="#ffc861",
            danger="#ff9a90",
            focus="#8fb3ff",
            accent_fill="#2f62dd",
            on_accent="#ffffff",
            success_fill="#0d7a42",
            on_success="#ffffff",
            warning_fill="#ffc247",
            on_warning="#2b1a00",
            danger_fill="#c0342b",
            on_danger="#ffffff",
        ),
        "contrast": Theme(
            name="contrast",
            background="#000000",
            surface="#000000",
            raised="#1c1c1c",
            line="#ffffff",
            text="#ffffff",
            muted="#e6e6e6",
            accent="#7fdbff",
            success="#5dff9b",
            warning="#ffe14d",
            danger="#ffa8a0",
            focus="#ffe14d",
            accent_fill="#7fdbff",
            on_accent="#000000",
            success_fill="#5dff9b",
            on_success="#000000",
            warning_fill="#ffe14d",
            on_warning="#000000",
            danger_fill="#ffa8a0",
            on_danger="#000000",
        ),
    }
)


def relative_luminance(colour: str) -> float:
    """Return the relative luminance of #rrggbb (WCAG 2.2), in [0, 1]."""
    channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast_ratio(one: str, other: str) -> float:
    """Return the contrast of two colours (WCAG 2.2), in [1, 21]."""
    low, high = sorted((relative_luminance(one), relative_luminance(other)))
    return (high + 0.05) / (low + 0.05)


def theme_named(name: str) -> Theme:
    """Return a theme; «system» follows the desktop's own light or dark setting."""
    if name == "system":
        hints = QGuiApplication.styleHints()
        name = "dark" if hints.colorScheme() is Qt.ColorScheme.Dark else "light"
    return THEMES[name]


class Look(QObject):
    """The theme in force, for widgets that paint themselves. Child of the application."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.theme = THEMES["light"]
        self.reduce_motion = False


def look() -> Look:
    """Return the application's look; raises RuntimeError without an application."""
    application = QApplication.instance()
    if application is None:
        raise RuntimeError("a look needs an application")
    for child in application.children():
        if isinstance(child, Look):
            return child
    return Look(application)


def apply_look(application: QApplication, *, theme: Theme, reduce_motion: bool = False) -> None:
    """Give every window this theme, now."""
    current = look()
    current.theme = theme
    current.reduce_motion = reduce_motion
    application.setPalette(palette(theme))
    application.setStyleSheet(style_sheet(theme))
    current.changed.emit()


def style_sheet(theme: Theme, *, scale: float = 1.0, target_px: int = DESK_TARGET_PX) -> str:
    """Return the style sheet. target_px: least height of buttons and fields, not scaled down."""

    def px(size: float) -> int:
        return max(1, round(size * scale))

    values: dict[str, str | int] = {token: theme.colour(token) for token in _TOKENS}
    values |= {name: max(LEAST_TYPE_PX, px(size)) for name, size in TYPE_PX.items()}
    values |= {
        "corner": px(CORNER_PX),
        "corner_small": px(8),
        "pad": px(8),
        "pad_wide": px(16),
        "target": max(target_px, px(target_px)),
        "border": 2 if theme.name == "contrast" else 1,
        "card_line": theme.line if theme.name == "contrast" else theme.surface,
        "tick_file": _file("tick-white" if theme.on_accent == "#ffffff" else "tick-black"),
        "chevron_file": _file("chevron-white" if theme.is_dark else "chevron-black"),
    }
    return style_sheet_text(values)


def _file(symbol: str) -> str:
    return (Path(__file__).resolve().parent / "symbols" / f"{symbol}.svg").as_posix()


def palette(theme: Theme) -> QPalette:
    """Return the palette for whatever the style sheet does not reach."""
    roles = QPalette.ColorRole
    made = QPalette()
    for role, token in (
        (roles.Window, "background"),
        (roles.WindowText, "text"),
        (roles.Base, "surface"),
        (roles.AlternateBase, "raised"),
        (roles.Text, "text"),
        (roles.PlaceholderText, "muted"),
        (roles.Button, "raised"),
        (roles.ButtonText, "text"),
        (roles.ToolTipBase, "raised"),
        (roles.ToolTipText, "text"),
        (roles.Highlight, "accent_fill"),
        (roles.HighlightedText, "on_accent"),
        (roles.Link, "accent"),
        (roles.Accent, "accent_fill"),
    ):
        made.setColor(role, QColor(theme.colour(token)))
    for role in (roles.WindowText, roles.Text, roles.ButtonText):
        made.setColor(QPalette.ColorGroup.Disabled, role, QColor(theme.muted))
    return made


def tabular(font: QFont) -> QFont:
    """Return the font with figures of equal width, for times and numbers in columns."""
    made = QFont(font)
    made.setFeature(QFont.Tag("tnum"), 1)
    return made
