"""One writing program at a time on a data directory."""

import logging
import os
from pathlib import Path

from filelock import FileLock, Timeout

from storage.failures import InUseError, from_os

LOCK_FILE = "clockface.lock"
PID_FILE = "clockface.pid"

_log = logging.getLogger(__name__)


class InstanceLock:
    """Held from `acquire` to `release`; the system lets go of it when the program dies.

    The pid file beside the lock says whose it is. A pid file without a lock is what a program
    leaves behind that was killed: `found_unclean` is then true.
    """

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._pid_file = data_dir / PID_FILE
        self._lock = FileLock(data_dir / LOCK_FILE, timeout=0, thread_local=False)
        self.found_unclean = False

    def acquire(self) -> None:
        """Take the lock.

        Raises InUseError naming the other program's process id, or StorageError if the folder
        cannot be written.
        """
        try:
            self._lock.acquire()
        except Timeout as error:
            raise InUseError(
                f"Another Clockface{self._holder()} already works with {self._data_dir}.",
                action="Close it first, or choose another folder with --data-dir.",
            ) from error
        except OSError as error:
            raise from_os(error, path=self._data_dir, doing="use the data directory") from error
        try:
            self.found_unclean = self._pid_file.exists()
            self._pid_file.write_text(f"{os.getpid()}\n", encoding="ascii")
        except OSError as error:
            self._lock.release()
            raise from_os(error, path=self._pid_file, doing="use the data directory") from error

    def release(self) -> None:
        """Let go of the lock; harmless when it is not held."""
        if not self._lock.is_locked:
            return
        try:
            self._pid_file.unlink(missing_ok=True)
        except OSError as error:
            _log.warning("The pid file stays behind: %s", error)
        self._lock.release()

    def _holder(self) -> str:
        try:
            pid = int(self._pid_file.read_text(encoding="ascii").strip())
        except (OSError, ValueError):
            return ""
        return f" (process {pid})"
