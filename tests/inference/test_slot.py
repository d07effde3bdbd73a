"""The slot between the capture and the inference thread."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.slot import BlockingSlot, LatestSlot, Slot

PATIENCE_S = 10.0


@given(st.lists(st.integers(), min_size=1))
def test_the_latest_item_wins_and_the_others_are_counted_as_dropped(items: list[int]) -> None:
    slot: LatestSlot[int] = LatestSlot()
    for item in items:
        assert slot.put(item)
    assert slot.take(0) == items[-1]
    assert slot.dropped == len(items) - 1
    assert slot.take(0) is None


@pytest.mark.parametrize("slot", [LatestSlot[int](), BlockingSlot[int]()])
def test_an_empty_slot_gives_nothing_after_the_timeout(slot: Slot[int]) -> None:
    assert slot.take(0.01) is None


@pytest.mark.parametrize("slot", [LatestSlot[int](), BlockingSlot[int]()])
def test_a_closed_slot_gives_what_waits_and_takes_nothing_more_in(slot: Slot[int]) -> None:
    slot.put(1)
    slot.close()
    assert not slot.put(2)
    assert slot.take() == 1
    assert slot.take() is None


@pytest.mark.parametrize("slot", [LatestSlot[int](), BlockingSlot[int]()])
def test_a_poke_before_the_take_is_not_missed_and_an_item_goes_first(slot: Slot[int]) -> None:
    slot.put(1)
    slot.poke()
    assert slot.take() == 1
    assert slot.take() is None


def test_a_poke_wakes_a_waiting_taker() -> None:
    slot: LatestSlot[int] = LatestSlot()
    taken: list[int | None] = []
    taker = threading.Thread(target=lambda: taken.append(slot.take()))
    taker.start()
    slot.poke()
    taker.join(PATIENCE_S)
    assert taken == [None]


def test_the_blocking_slot_loses_nothing_and_keeps_the_order() -> None:
    slot: BlockingSlot[int] = BlockingSlot()
    giver = threading.Thread(target=lambda: [slot.put(number) for number in range(200)])
    giver.start()
    taken = [slot.take(PATIENCE_S) for _ in range(200)]
    giver.join(PATIENCE_S)
    assert taken == list(range(200))
    assert slot.dropped == 0


def test_closing_frees_a_giver_that_waits_for_room() -> None:
    slot: BlockingSlot[int] = BlockingSlot()
    slot.put(1)
    accepted: list[bool] = []
    giver = threading.Thread(target=lambda: accepted.append(slot.put(2)))
    giver.start()
    slot.close()
    giver.join(PATIENCE_S)
    assert accepted == [False]
