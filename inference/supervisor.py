"""When a dead worker may be started again, and how long to wait before a source is tried again."""

from collections import deque

MAX_RESTARTS = 5
RESTARTS_WITHIN_S = 60.0


class RestartBudget:
    """Allows so many restarts within a sliding time; not thread-safe (the supervisor owns it)."""

    def __init__(
        self, *, max_restarts: int = MAX_RESTARTS, within_s: float = RESTARTS_WITHIN_S
    ) -> None:
        self._max_restarts = max_restarts
        self._within_ns = round(within_s * 1e9)
        self._spent_ns: deque[int] = deque()

    def spend(self, *, mono_ns: int) -> bool:
        """Take one restart at this moment; False if the budget is used up."""
        while self._spent_ns and mono_ns - self._spent_ns[0] >= self._within_ns:
            self._spent_ns.popleft()
        if len(self._spent_ns) >= self._max_restarts:
            return False
        self._spent_ns.append(mono_ns)
        return True


class Backoff:
    """Pauses that double from `min_s` to `max_s` and begin anew after `reset`."""

    def __init__(self, *, min_s: float, max_s: float) -> None:
        self._min_s = min_s
        self._max_s = max(min_s, max_s)
        self._next_s = min_s

    def next_s(self) -> float:
        """Return the pause before the next attempt, in seconds."""
        pause_s = self._next_s
        self._next_s = min(self._next_s * 2, self._max_s)
        return pause_s

    def reset(self) -> None:
        self._next_s = self._min_s
