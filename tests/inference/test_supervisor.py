"""Restart budget and pauses between attempts."""

from hypothesis import given
from hypothesis import strategies as st

from inference.supervisor import Backoff, RestartBudget


def test_the_sixth_restart_within_a_minute_is_refused() -> None:
    budget = RestartBudget()
    assert [budget.spend(mono_ns=n * 1_000_000_000) for n in range(6)] == [True] * 5 + [False]


def test_a_minute_after_the_first_restart_there_is_room_for_one() -> None:
    budget = RestartBudget()
    for second in range(5):
        budget.spend(mono_ns=second * 1_000_000_000)
    assert budget.spend(mono_ns=60_000_000_000)
    assert not budget.spend(mono_ns=60_500_000_000)


@given(st.lists(st.integers(0, 10**11), max_size=60))
def test_no_minute_ever_holds_more_than_five_restarts(moments_ns: list[int]) -> None:
    budget = RestartBudget()
    allowed = [now for now in sorted(moments_ns) if budget.spend(mono_ns=now)]
    for now in allowed:
        assert sum(now <= other < now + 60_000_000_000 for other in allowed) <= 5


def test_pauses_double_up_to_the_longest_and_begin_anew_after_a_success() -> None:
    backoff = Backoff(min_s=0.5, max_s=3.0)
    assert [backoff.next_s() for _ in range(5)] == [0.5, 1.0, 2.0, 3.0, 3.0]
    backoff.reset()
    assert backoff.next_s() == 0.5


def test_a_longest_pause_below_the_first_one_is_not_used() -> None:
    backoff = Backoff(min_s=2.0, max_s=0.1)
    assert [backoff.next_s(), backoff.next_s()] == [2.0, 2.0]
