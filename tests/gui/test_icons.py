"""Every symbol is there, can be drawn, and takes the colour it is given."""

import re
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

import gui
from gui.icons import SYMBOLS_DIR, icon, symbol_names, symbol_pixmap

USED = re.compile(r'(?:symbol=|Symbol\()"([a-z-]+)"')


@pytest.mark.parametrize("name", symbol_names())
def test_a_symbol_is_drawn_in_its_colour(qapp: QApplication, name: str) -> None:
    image = symbol_pixmap(name, 32, colour="#ff0000").toImage()
    colours = {
        image.pixelColor(x, y).name()
        for x in range(32)
        for y in range(32)
        if image.pixelColor(x, y).alpha() > 250
    }
    assert colours == {"#ff0000"}


def test_every_symbol_that_is_named_anywhere_exists() -> None:
    sources = Path(gui.__file__).parent.rglob("*.py")
    used = {name for source in sources for name in USED.findall(source.read_text("utf-8"))}
    assert len(used) > 20
    assert used <= set(symbol_names())


def test_a_symbol_that_does_not_exist_is_an_error(qapp: QApplication) -> None:
    with pytest.raises(FileNotFoundError):
        symbol_pixmap("no-such-symbol", 16, colour="#000000")


def test_an_icon_beside_words_leaves_room_for_a_gap(qapp: QApplication) -> None:
    made = icon("check", shape=1.5)
    size = made.availableSizes()[0]
    assert size.width() == round(1.5 * size.height())


def test_no_symbol_has_a_colour_of_its_own() -> None:
    for name in symbol_names():
        text = (SYMBOLS_DIR / f"{name}.svg").read_text(encoding="utf-8")
        assert "currentColor" in text
        assert "#" not in text
