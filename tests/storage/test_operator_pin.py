"""The PIN that opens the desk."""

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attendance.errors import InputError
from storage.operator_pin import FREE_FAILURES, LONGEST_WAIT_S, wait_after
from storage.store import Store
from tests.storage.support import FakeClock


def wrong(store: Store, times: int) -> None:
    for _ in range(times):
        assert store.check_operator_pin("0000").result() is False


def test_a_pin_once_set_opens_and_another_does_not(store: Store) -> None:
    assert store.operator_pin_is_set().result() is False
    assert store.check_operator_pin("1234").result() is False
    store.set_operator_pin("1234", operator="first start").result()
    assert store.operator_pin_is_set().result() is True
    assert store.check_operator_pin("1234").result() is True
    assert store.check_operator_pin("12345").result() is False
    assert store.check_operator_pin("").result() is False


def test_a_changed_pin_replaces_the_old_one(store: Store) -> None:
    store.set_operator_pin("1234", operator="test").result()
    store.set_operator_pin("987654321098", operator="test").result()
    assert store.check_operator_pin("1234").result() is False
    assert store.check_operator_pin("987654321098").result() is True


@pytest.mark.parametrize("pin", ["", "123", "1234567890123", "12a4", "12 34", "１２３４", "1234\n"])
def test_only_four_to_twelve_digits_make_a_pin(store: Store, pin: str) -> None:
    with pytest.raises(InputError, match="4 to 12 digits"):
        store.set_operator_pin(pin, operator="test").result()
    assert store.operator_pin_is_set().result() is False


def test_the_pin_itself_is_nowhere_in_the_data_directory(store: Store) -> None:
    store.set_operator_pin("73914628", operator="test").result()
    store.close()
    for path in store.data_dir.rglob("*"):
        assert not path.is_file() or b"73914628" not in path.read_bytes()


def test_after_several_wrong_pins_even_the_right_one_has_to_wait(
    store: Store, clock: FakeClock
) -> None:
    store.set_operator_pin("1234", operator="test").result()
    wrong(store, FREE_FAILURES + 1)
    with pytest.raises(InputError, match=r"Try again in 5 s"):
        store.check_operator_pin("1234").result()
    clock.forward(seconds=4.9)
    with pytest.raises(InputError, match=r"Try again in 1 s"):
        store.check_operator_pin("1234").result()
    clock.forward(seconds=0.1)
    wrong(store, 1)
    with pytest.raises(InputError, match=r"Try again in 10 s"):
        store.check_operator_pin("1234").result()
    clock.forward(seconds=10)
    assert store.check_operator_pin("1234").result() is True
    wrong(store, FREE_FAILURES)
    assert store.check_operator_pin("1234").result() is True


def test_the_wait_outlives_a_restart(tmp_path: Path, clock: FakeClock) -> None:
    with Store.open(tmp_path, clock=clock) as store:
        store.set_operator_pin("1234", operator="test").result()
        wrong(store, FREE_FAILURES + 1)
    with (
        Store.open(tmp_path, clock=clock) as store,
        pytest.raises(InputError, match="Too many wrong PINs"),
    ):
        store.check_operator_pin("1234").result()


def test_a_clock_set_back_neither_skips_the_wait_nor_makes_it_longer(
    store: Store, clock: FakeClock
) -> None:
    store.set_operator_pin("1234", operator="test").result()
    wrong(store, FREE_FAILURES + 1)
    clock.forward(days=-300)
    with pytest.raises(InputError, match=r"Try again in 5 s"):
        store.check_operator_pin("1234").result()
    clock.forward(seconds=5)
    assert store.check_operator_pin("1234").result() is True


@given(st.integers(0, 10_000))
def test_waits_never_get_shorter_and_never_too_long(failures: int) -> None:
    assert wait_after(failures) <= wait_after(failures + 1) <= timedelta(seconds=LONGEST_WAIT_S)
    assert (wait_after(failures) > timedelta(0)) == (failures > FREE_FAILURES)
