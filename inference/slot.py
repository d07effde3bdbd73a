"""The place between two threads where a frame waits, at most one.

LatestSlot: a newer frame replaces one that nobody has taken (live pictures). BlockingSlot: the
giver waits until the frame was taken (a file read as fast as possible, no frame dropped).
"""

import threading
from typing import Generic, Protocol, TypeVar

T = TypeVar("T")


class Slot(Protocol[T]):
    """Holds at most one item. Every method may be called from any thread."""

    @property
    def dropped(self) -> int:
        """How many items were replaced before anybody took them."""
        ...

    def put(self, item: T) -> bool:
        """Hand an item over; False if the slot is closed and the item was not taken in."""
        ...

    def take(self, timeout_s: float | None = None) -> T | None:
        """Wait for an item. None after the timeout, after a `poke`, or when closed and empty."""
        ...

    def poke(self) -> None:
        """Make the waiting (or the next) `take` return at once, even without an item."""
        ...

    def close(self) -> None:
        """Wake everybody up and take nothing more in; the item that waits can still be taken."""
        ...


class _SlotBase(Generic[T]):
    """What both kinds share; one condition guards everything."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._items: list[T] = []
        self._closed = False
        self._poked = False
        self._dropped = 0

    @property
    def dropped(self) -> int:
        with self._changed:
            return self._dropped

    @property
    def closed(self) -> bool:
        with self._changed:
            return self._closed

    def take(self, timeout_s: float | None = None) -> T | None:
        with self._changed:
            self._changed.wait_for(
                lambda: bool(self._items) or self._poked or self._closed, timeout_s
            )
            if not self._items:
                self._poked = False
                return None
            item = self._items.pop()
            self._changed.notify_all()
            return item

    def poke(self) -> None:
        with self._changed:
            self._poked = True
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()


class LatestSlot(_SlotBase[T]):
    """The newest item wins; `put` never waits."""

    def put(self, item: T) -> bool:
        with self._changed:
            if self._closed:
                return False
            self._dropped += len(self._items)
            self._items[:] = [item]
            self._changed.notify_all()
            return True


class BlockingSlot(_SlotBase[T]):
    """Nothing is dropped; `put` waits until the item before it was taken."""

    def put(self, item: T) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: not self._items or self._closed)
            if self._closed:
                return False
            self._items.append(item)
            self._changed.notify_all()
            return True
