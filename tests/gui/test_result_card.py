"""The strip under the picture: results wait for one another, hints never replace them."""

import pytest
from PySide6.QtWidgets import QApplication

from gui.messages import CardContent, Level
from gui.result_card import LEAST_SHOWN_MS, ResultCard
from gui.theme import THEMES, apply_look

READY = CardContent(Level.NEUTRAL, "face", "Look at the camera", solid=False)
WELCOME = CardContent(Level.SUCCESS, "check", "Welcome, Ana", "Clocked in · 08:57:12")
GOODBYE = CardContent(Level.ACCENT, "arrow-out", "Goodbye, Joe", "Clocked out · 08:57:13")
HINT = CardContent(Level.WARNING, "dark", "Too dark", solid=False, is_hint=True)


@pytest.fixture
def card(qapp: QApplication) -> ResultCard:
    made = ResultCard(shown_ms=3_000)
    made.resize(800, 112)
    made.set_ready(READY)
    made.show()
    return made


def time_up(card: ResultCard) -> None:
    card._timer.timeout.emit()


def test_a_result_stays_for_its_time_and_leaves(card: ResultCard) -> None:
    card.show_content(WELCOME)
    assert card.content == WELCOME
    assert card._timer.interval() == 3_000
    time_up(card)
    assert card.content == READY


def test_a_hint_never_replaces_a_result(card: ResultCard) -> None:
    card.show_content(WELCOME)
    card.show_content(HINT)
    assert card.content == WELCOME
    time_up(card)
    assert card.content == READY


def test_a_result_replaces_a_hint_at_once(card: ResultCard) -> None:
    card.show_content(HINT)
    card.show_content(WELCOME)
    assert card.content == WELCOME


def test_two_people_at_once_are_both_answered(card: ResultCard) -> None:
    card.show_content(WELCOME)
    card.show_content(GOODBYE)
    assert card.content == WELCOME
    assert card._timer.interval() <= 1.1 * LEAST_SHOWN_MS
    time_up(card)
    assert card.content == GOODBYE
    time_up(card)
    assert card.content == READY


def test_a_hint_goes_with_whoever_it_was_for(card: ResultCard) -> None:
    card.show_content(HINT)
    card.clear_hint()
    assert card.content == READY
    card.show_content(WELCOME)
    card.clear_hint()
    assert card.content == WELCOME


def test_the_hours_are_added_to_the_card_they_belong_to(card: ResultCard) -> None:
    card.show_content(WELCOME, key="one")
    card.show_content(GOODBYE, key="two")
    card.add_detail("two", "8 h 00 min today")
    card.add_detail("one", "1 min today")
    card.add_detail("gone", "nothing")
    assert card.content.detail == "Clocked in · 08:57:12 · 1 min today"
    time_up(card)
    assert card.content.detail == "Clocked out · 08:57:13 · 8 h 00 min today"


def test_a_very_long_name_ends_in_an_ellipsis_and_not_beyond_the_card(card: ResultCard) -> None:
    long = CardContent(Level.SUCCESS, "check", "Welcome, " + "Ana " * 50)
    card.show_content(long)
    assert card.title.text().endswith("…")
    assert card.title.whole_text == ("Welcome, " + "Ana " * 50).strip()
    assert card.title.geometry().right() <= card.width()


def test_markup_in_a_name_is_shown_as_text(card: ResultCard) -> None:
    card.show_content(CardContent(Level.SUCCESS, "check", "Welcome, <b>Ana</b>"))
    assert card.title.text() == "Welcome, <b>Ana</b>"


def test_the_card_rises_only_where_motion_is_wanted(qapp: QApplication, card: ResultCard) -> None:
    card.show_content(WELCOME)
    assert card._rise.state() == card._rise.State.Stopped
    apply_look(qapp, theme=THEMES["light"], reduce_motion=False)
    card.show_content(GOODBYE)
    time_up(card)
    assert card._rise.state() == card._rise.State.Running


def test_colour_follows_the_level(card: ResultCard) -> None:
    theme = THEMES["light"]
    for content, colour in (
        (WELCOME, theme.success_fill),
        (CardContent(Level.DANGER, "cross", "Not stored"), theme.danger_fill),
        (HINT, theme.surface),
    ):
        time_up(card)
        card._waiting.clear()
        card.show_content(content)
        corner = card.grab().toImage().pixelColor(card.width() - 30, card.height() // 2)
        assert corner.name() == colour
