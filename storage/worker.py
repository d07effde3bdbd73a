"""The one storage thread: it opens the database, serves calls in order, and closes it."""

import contextlib
import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import TypeVar

from sqlite_utils import Database

from storage.database import known_failures
from storage.failures import ClosedError

_T = TypeVar("_T")

_log = logging.getLogger(__name__)


class StorageThread:
    """Owns the thread and the connection; `call` may be used from any thread.

    A call made inside the storage thread itself (by a listener or by a future's callback) is served
    at once, so that waiting for its answer cannot lock up.
    """

    def __init__(self, database: Path) -> None:
        self._database = database
        self._db: Database | None = None
        self._thread_id = 0
        self._closing = threading.Event()
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="storage")

    @property
    def closing(self) -> bool:
        """Whether nothing new is accepted any more."""
        return self._closing.is_set()

    def open(self, opener: Callable[[], Database]) -> None:
        """Open the database in the thread; raises what the opener raises."""
        try:
            self._executor.submit(self._open, opener).result()
        except BaseException:
            self._closing.set()
            self._executor.shutdown(wait=False)
            raise

    def call(self, work: Callable[[Database], _T]) -> "Future[_T]":
        """Return the future of work(db). What the environment does arrives as StorageError."""
        if threading.get_ident() == self._thread_id:
            answer: Future[_T] = Future()
            try:
                answer.set_result(self._run(work))
            except Exception as error:  # noqa: BLE001 - handed to whoever holds the future
                answer.set_exception(error)
            return answer
        if not self._closing.is_set():
            with contextlib.suppress(RuntimeError):  # closed since the line above
                return self._executor.submit(self._run, work)
        refused: Future[_T] = Future()
        refused.set_exception(_closed())
        return refused

    def close(self, *, timeout_s: float) -> bool:
        """Finish the calls that came before and close the database; tell whether it is done.

        What takes longer than timeout_s is left to the system, and the log says so.
        """
        if self._closing.is_set():
            return self._db is None
        self._closing.set()
        done = self._executor.submit(self._close)
        self._executor.shutdown(wait=False)
        if wait([done], timeout=timeout_s).not_done:
            _log.error("The database did not close within %.1f s; does the disk hang?", timeout_s)
            return False
        if (error := done.exception()) is not None:
            _log.error("The database did not close cleanly: %s", error)
        self._executor.shutdown(wait=True)
        return True

    def _open(self, opener: Callable[[], Database]) -> None:
        self._db = opener()
        self._thread_id = threading.get_ident()

    def _run(self, work: Callable[[Database], _T]) -> _T:
        if self._db is None:
            raise _closed()
        with known_failures(self._database):
            return work(self._db)

    def _close(self) -> None:
        db, self._db = self._db, None
        if db is not None:
            with known_failures(self._database):
                db.close()


def _closed() -> ClosedError:
    return ClosedError("The database is already closed.", action="Start Clockface again.")
