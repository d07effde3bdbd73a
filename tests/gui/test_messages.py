"""Each event leads to the right card: colour, symbol, words, sound."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attendance.errors import StorageError
from attendance.kiosk import AlreadyStored, DirectionAsked, NotStored, Refused
from attendance.types import Direction, Person, Reason, Rejected
from gui.icons import symbol_names
from gui.messages import CardContent, Level, Sound, card_for, hours_today, ready_card
from tests.gui.fakes import (
    ANA,
    BERLIN,
    MORNING_UTC,
    make_accepted,
    make_punch,
    stored_event,
)


def refused(reason: Reason) -> CardContent | None:
    return card_for(Refused(Rejected(1, reason, MORNING_UTC, 0)), zone=BERLIN)


def plain(text: str) -> str:
    """Without the marks that fence a name off."""
    return text.replace("\u2068", "").replace("\u2069", "")


def test_clocking_in_is_welcomed_with_name_and_local_time() -> None:
    card = card_for(stored_event(ANA, Direction.IN), zone=BERLIN)
    assert card is not None
    assert (card.level, card.symbol, card.sound) == (Level.SUCCESS, "check", Sound.ACCEPTED)
    assert plain(card.title) == "Welcome, Ana Maria Duarte"
    assert card.detail == "Clocked in · 08:57:12"


def test_clocking_out_is_told_apart_by_colour_symbol_and_words() -> None:
    card = card_for(stored_event(ANA, Direction.OUT), zone=BERLIN)
    assert card is not None
    assert (card.level, card.symbol, card.sound) == (Level.ACCENT, "arrow-out", Sound.ACCEPTED)
    assert plain(card.title) == "Goodbye, Ana Maria Duarte"
    assert card.detail == "Clocked out · 08:57:12"


@pytest.mark.parametrize(
    ("direction", "title"),
    [
        (Direction.IN, "Already clocked in at 08:57"),
        (Direction.OUT, "Already clocked out at 08:57"),
    ],
)
def test_a_second_punch_is_answered_kindly(direction: Direction, title: str) -> None:
    event = AlreadyStored(make_punch(ANA, direction), ANA, make_accepted())
    card = card_for(event, zone=BERLIN)
    assert card is not None
    assert (card.level, card.symbol, card.title) == (Level.ACCENT, "clock", title)
    assert card.sound is Sound.NONE


def test_a_punch_that_was_not_stored_says_so_first_and_why() -> None:
    error = StorageError("The disk is full.", action="Tell HR.")
    card = card_for(NotStored(make_accepted(), ANA, error), zone=BERLIN)
    assert card is not None
    assert (card.level, card.symbol, card.sound) == (Level.DANGER, "cross", Sound.REFUSED)
    assert card.title == "Your punch was not stored"
    assert plain(card.detail) == "Ana Maria Duarte: The disk is full. Tell HR."


@pytest.mark.parametrize(
    ("reason", "symbol", "words"),
    [
        (Reason.TOO_DARK, "dark", "Too dark"),
        (Reason.TOO_BRIGHT, "bright", "Too bright"),
        (Reason.COME_CLOSER, "closer", "Come closer"),
        (Reason.LOOK_AT_CAMERA, "eye", "Look at the camera"),
        (Reason.HOLD_STILL, "still", "Hold still"),
        (Reason.MOVE_INTO_VIEW, "frame", "Move into the picture"),
        (Reason.OPEN_EYES, "eye", "Open your eyes"),
    ],
)
def test_advice_on_how_to_stand_is_a_quiet_hint(reason: Reason, symbol: str, words: str) -> None:
    card = refused(reason)
    assert card is not None
    assert (card.level, card.symbol, card.title) == (Level.WARNING, symbol, words)
    assert (card.is_hint, card.solid, card.sound) == (True, False, Sound.NONE)
    assert card.detail


@pytest.mark.parametrize("reason", [Reason.UNKNOWN, Reason.TIE])
def test_who_is_not_recognised_hears_what_to_do_next(reason: Reason) -> None:
    card = refused(reason)
    assert card is not None
    assert (card.level, card.symbol, card.sound) == (Level.WARNING, "question", Sound.REFUSED)
    assert "HR" in card.detail
    assert not card.is_hint


@pytest.mark.parametrize("reason", list(Reason))
def test_no_refusal_holds_a_number_or_anybodys_name(reason: Reason) -> None:
    card = refused(reason)
    words = "" if card is None else card.title + card.detail
    assert not any(character.isdigit() for character in words)
    assert "\u2068" not in words


def test_every_refusal_but_a_cancelled_one_has_a_card_with_a_symbol_that_exists() -> None:
    for reason in Reason:
        card = refused(reason)
        assert (card is None) == (reason is Reason.CANCELLED)
        assert card is None or card.symbol in symbol_names()


def test_the_question_in_or_out_is_no_card() -> None:
    assert card_for(DirectionAsked(make_accepted(), ANA), zone=BERLIN) is None


@given(st.text(min_size=1, max_size=200))
def test_a_name_stands_on_the_card_as_it_is(name: str) -> None:
    card = card_for(stored_event(Person("7", name)), zone=BERLIN)
    assert card is not None
    assert card.title == f"Welcome, \u2068{name}\u2069"


def test_the_resting_card_says_what_to_do_first() -> None:
    assert "Nobody is enrolled" in ready_card(anybody_enrolled=False).title
    assert "Look at the camera" in ready_card(anybody_enrolled=True).title
    assert "clock in" not in ready_card(anybody_enrolled=True, has_picture=False).title


@pytest.mark.parametrize(
    ("worked", "words"),
    [
        (timedelta(0), ""),
        (timedelta(seconds=59), ""),
        (timedelta(minutes=1), "1 min today"),
        (timedelta(minutes=59, seconds=59), "59 min today"),
        (timedelta(hours=1), "1 h 00 min today"),
        (timedelta(hours=8, minutes=5), "8 h 05 min today"),
    ],
)
def test_hours_today_are_rounded_down_to_minutes(worked: timedelta, words: str) -> None:
    assert hours_today(worked) == words
