"""The tokens keep their contrasts, and the style sheet is made of tokens only."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtWidgets import QApplication

from gui.kiosk_page import scale_for
from gui.theme import (
    LEAST_TYPE_PX,
    THEMES,
    TOUCH_PX,
    Theme,
    apply_look,
    contrast_ratio,
    look,
    style_sheet,
    theme_named,
)
from gui.widgets import Button, Symbol

GROUNDS = ("background", "surface", "raised")
TEXTS = ("text", "muted", "accent", "success", "warning", "danger")
LEVELS = ("accent", "success", "warning", "danger")
COLOURS = st.integers(0, 0xFFFFFF).map(lambda value: f"#{value:06x}")
every_theme = pytest.mark.parametrize("theme", THEMES.values(), ids=lambda theme: theme.name)


@every_theme
@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("text", TEXTS)
def test_words_stand_out_from_every_ground(theme: Theme, ground: str, text: str) -> None:
    assert contrast_ratio(theme.colour(text), theme.colour(ground)) >= 4.5


@every_theme
@pytest.mark.parametrize("level", LEVELS)
def test_words_on_a_filled_card_stand_out(theme: Theme, level: str) -> None:
    fill, ink = theme.colour(f"{level}_fill"), theme.colour(f"on_{level}")
    assert contrast_ratio(fill, ink) >= 4.5


@every_theme
@pytest.mark.parametrize("ground", ["background", "surface"])
@pytest.mark.parametrize("edge", ["line", "focus"])
def test_edges_of_controls_and_the_focus_ring_are_seen(
    theme: Theme, ground: str, edge: str
) -> None:
    assert contrast_ratio(theme.colour(edge), theme.colour(ground)) >= 3.0


@every_theme
def test_the_high_contrast_theme_goes_further(theme: Theme) -> None:
    least = min(contrast_ratio(theme.colour(t), theme.colour(g)) for t in TEXTS for g in GROUNDS)
    assert (least >= 7.0) == (theme.name == "contrast")


@given(COLOURS, COLOURS)
def test_contrast_is_symmetric_and_between_1_and_21(one: str, other: str) -> None:
    ratio = contrast_ratio(one, other)
    assert 1.0 <= ratio <= 21.0
    assert ratio == contrast_ratio(other, one)


def test_black_on_white_has_the_greatest_contrast() -> None:
    assert contrast_ratio("#000000", "#ffffff") == pytest.approx(21.0)
    # The grey that WCAG names as the lightest that still passes on white.
    assert contrast_ratio("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@every_theme
def test_the_style_sheet_has_no_colour_that_is_no_token(theme: Theme) -> None:
    tokens = {str(getattr(theme, name)) for name in Theme.__slots__}
    assert set(re.findall(r"#[0-9a-fA-F]{6}", style_sheet(theme))) <= tokens


@every_theme
def test_every_file_the_style_sheet_names_is_there(theme: Theme) -> None:
    files = re.findall(r'url\("([^"]+)"\)', style_sheet(theme))
    assert files
    assert all(Path(file).is_file() for file in files)


@given(st.integers(640, 7680), st.integers(480, 4320))
def test_no_screen_makes_words_too_small_or_targets_too_small_to_touch(
    width_px: int, height_px: int
) -> None:
    from PySide6.QtCore import QSize

    scale = scale_for(QSize(width_px, height_px))
    sheet = style_sheet(THEMES["light"], scale=scale, target_px=TOUCH_PX)
    sizes = [int(size) for size in re.findall(r"font-size: (\d+)px", sheet)]
    targets = re.findall(r"QPushButton, QToolButton \{[^}]*min-height: (\d+)px", sheet)
    assert min(sizes) >= LEAST_TYPE_PX
    assert [int(target) >= TOUCH_PX for target in targets] == [True]


def test_a_token_that_does_not_exist_is_refused() -> None:
    with pytest.raises(KeyError):
        THEMES["light"].colour("name")


def test_a_change_of_theme_is_told_to_widgets_that_paint_themselves(qapp: QApplication) -> None:
    symbol, button = Symbol("check", 24), Button("Desk", symbol="lock")
    before = button.icon().pixmap(24, 24).toImage(), symbol.grab().toImage()
    apply_look(qapp, theme=theme_named("contrast"))
    assert look().theme.name == "contrast"
    assert button.icon().pixmap(24, 24).toImage() != before[0]
    assert symbol.grab().toImage() != before[1]


def test_the_system_theme_is_light_or_dark(qapp: QApplication) -> None:
    assert theme_named("system").name in ("light", "dark")
