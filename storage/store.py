"""The store: every read and write of the database, each answered by a future."""

import contextlib
import logging
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Self, TypeVar
from zoneinfo import ZoneInfo

import uuid_utils
from sqlite_utils import Database

from attendance.clocking import ClockingRules
from attendance.ports import Clock
from attendance.types import (
    Accepted,
    Clocked,
    Direction,
    Person,
    PersonState,
    Punch,
    Template,
)
from storage import audit, export, operator_pin, people, punches
from storage.database import (
    DATABASE_FILE,
    known_failures,
    open_for_reading,
    open_for_writing,
    prepare_data_dir,
    transaction,
)
from storage.erasure import erase_from_backups
from storage.failures import ClosedError, ReadOnlyError
from storage.instance import InstanceLock
from storage.meta import read_meta, write_meta
from storage.rows import AuditRow, GalleryRows, PersonRow, PunchQuery, PunchRow
from storage.worker import StorageThread

DEVICE_ID = "device_id"
LISTED = (PersonState.ACTIVE, PersonState.INACTIVE)

_T = TypeVar("_T")

_log = logging.getLogger(__name__)


class Store:
    """Owns the one storage thread and its connection; may be called from any thread.

    Calls are served in the order they came. A future is done after COMMIT; it fails with
    StorageError when nothing was stored, or InputError when what was handed in cannot be taken.
    Callbacks added to a future run in the storage thread and must be short. A call made inside the
    storage thread (a listener, a callback) is served at once. Exports read on a thread and a
    connection of their own, so that a long one holds no punch up.
    """

    def __init__(self, data_dir: Path, *, clock: Clock, lock: InstanceLock | None) -> None:
        """Use `Store.open`."""
        self.data_dir = data_dir
        self.database = data_dir / DATABASE_FILE
        self.device_id = ""
        self._clock = clock
        self._lock = lock
        self._listeners: list[Callable[[], None]] = []
        self._thread = StorageThread(self.database)
        self._exporter = ThreadPoolExecutor(1, thread_name_prefix="storage-export")

    @classmethod
    def open(
        cls, data_dir: Path, *, clock: Clock, keep_backups: int = 5, read_only: bool = False
    ) -> Self:
        """Open the database of a data directory; make or migrate it unless read_only.

        read_only: works beside a running kiosk; every write then fails with ReadOnlyError.
        Raises StorageError (InUseError, NewerDatabaseError, DamagedError, ReadOnlyError,
        DiskFullError); a file that is refused was not changed.
        """
        lock = None
        if not read_only:
            prepare_data_dir(data_dir)
            lock = InstanceLock(data_dir)
            lock.acquire()

        def opener() -> Database:
            if lock is None:
                return open_for_reading(data_dir)
            return open_for_writing(
                data_dir, clock=clock, keep_backups=keep_backups, check_whole=lock.found_unclean
            )

        store = cls(data_dir, clock=clock, lock=lock)
        try:
            store._thread.open(opener)
            store.device_id = store._thread.call(store._read_device_id).result()
        except BaseException:
            store.close()
            raise
        return store

    def close(self, timeout_s: float = 5.0) -> None:
        """Finish what was asked for, close the database and let go of the data directory.

        An export that runs is stopped and leaves no file. After timeout_s the rest is left to the
        system, and the log says so. Closing twice does nothing.
        """
        last: Future[None] = Future()
        last.set_result(None)
        with contextlib.suppress(RuntimeError):  # closed before
            last = self._exporter.submit(lambda: None)
        closed = self._thread.close(timeout_s=timeout_s)
        wait([last], timeout=timeout_s)
        self._exporter.shutdown(wait=last.done(), cancel_futures=True)
        if closed and self._lock is not None:
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add_listener(self, listener: Callable[[], None]) -> None:
        """Call this after each change of people or templates, in the storage thread."""
        self._listeners.append(listener)

    # Punches

    def record(
        self, accepted: Accepted, *, rules: ClockingRules, direction: Direction | None = None
    ) -> "Future[Clocked]":
        """Store a punch by the clocking rules, or answer with the one that already stands.

        direction: what the person chose on the screen. Fails with NotActiveError if the person may
        not clock in.
        """
        return self._write(
            lambda db: punches.record(
                db, accepted, rules=rules, asked=direction, now_utc=self._clock.now_utc()
            )
        )

    def punches(self, query: PunchQuery) -> "Future[tuple[PunchRow, ...]]":
        """One page of punches by time."""
        return self._read(lambda db: punches.list_punches(db, query))

    def punch_count(self, query: PunchQuery) -> "Future[int]":
        """How many punches a query names, whatever its page."""
        return self._read(lambda db: punches.count_punches(db, query))

    def last_punches(self, limit: int) -> "Future[tuple[PunchRow, ...]]":
        """The punches stored last, newest first."""
        return self._read(lambda db: punches.last_punches(db, limit))

    def last_punch(self, staff_id: str) -> "Future[Punch | None]":
        """The punch of this person that was stored last."""
        return self._read(lambda db: punches.last_punch(db, staff_id))

    def worked_today(self, staff_id: str, *, rules: ClockingRules) -> "Future[timedelta]":
        """Time between in and out in this workday; an open one counts up to now."""
        return self._read(
            lambda db: punches.worked_today(
                db, staff_id, rules=rules, now_utc=self._clock.now_utc()
            )
        )

    def export_csv(
        self,
        target: Path | BinaryIO,
        *,
        from_date: date | None,
        to_date: date | None,
        zone: ZoneInfo,
        search: str = "",
        department: str | None = None,
    ) -> "Future[int]":
        """Write the punches of half-open days as CSV; the number of rows.

        search, department: only of the people a PunchQuery with them would name. target: a file,
        written whole or not at all, or a binary stream that stays open. Fails with StorageError,
        or InputError if the days are swapped.
        """
        query = PunchQuery(zone=zone, search=search, department=department)
        settled = self._read(lambda _: 0)  # what was asked for before is stored before
        if self._thread.closing:
            return settled

        def run() -> int:
            settled.result()
            with (
                known_failures(self.database),
                contextlib.closing(open_for_reading(self.data_dir)) as db,
            ):
                staff_ids = punches.wanted_staff_ids(db, query)
                if isinstance(target, Path):
                    return export.write_csv_file(
                        db,
                        target,
                        from_date=from_date,
                        to_date=to_date,
                        zone=zone,
                        staff_ids=staff_ids,
                        go_on=self._go_on,
                    )
                return export.write_csv(
                    db,
                    target,
                    from_date=from_date,
                    to_date=to_date,
                    zone=zone,
                    staff_ids=staff_ids,
                    go_on=self._go_on,
                )

        return self._exporter.submit(run)

    # People and templates

    def enrol(
        self,
        person: Person,
        templates: Sequence[Template],
        *,
        operator: str,
        lookalike: str | None = None,
    ) -> "Future[Person]":
        """Store a new person with all templates, or nothing; the person as stored.

        lookalike: the staff id of whom the face is like, when the operator has confirmed that they
        are two people. Fails with InputError if the staff id is taken.
        """
        return self._write(
            lambda db: people.enrol(
                db,
                person,
                templates,
                operator=operator,
                at_utc=self._clock.now_utc(),
                lookalike=lookalike,
            ),
            changes_people=True,
        )

    def replace_templates(
        self,
        staff_id: str,
        templates: Sequence[Template],
        *,
        operator: str,
        consent_utc: datetime | None = None,
        lookalike: str | None = None,
    ) -> "Future[None]":
        """Give a person these templates instead of all stored ones, with the consent to them."""
        return self._set_templates(
            staff_id,
            templates,
            operator=operator,
            keep_old=False,
            consent_utc=consent_utc,
            lookalike=lookalike,
        )

    def add_templates(
        self, staff_id: str, templates: Sequence[Template], *, operator: str
    ) -> "Future[None]":
        """Give a person these templates beside the stored ones."""
        return self._set_templates(staff_id, templates, operator=operator, keep_old=True)

    def update_person(self, person: Person, *, operator: str) -> "Future[Person]":
        """Change name, department, shift and consent; the person as stored."""
        return self._write(
            lambda db: people.update_person(
                db, person, operator=operator, at_utc=self._clock.now_utc()
            ),
            changes_people=True,
        )

    def set_state(self, staff_id: str, state: PersonState, *, operator: str) -> "Future[None]":
        """Make a person active or inactive; InputError for anything to do with erased."""
        return self._write(
            lambda db: people.set_state(
                db, staff_id, state, operator=operator, at_utc=self._clock.now_utc()
            ),
            changes_people=True,
        )

    def erase(self, staff_id: str, *, operator: str) -> "Future[int]":
        """Remove a person's templates for good, from the backups too; how many there were.

        The row and the punches stay; the state becomes erased.
        """

        def run(db: Database) -> int:
            removed = people.erase(db, staff_id, operator=operator, at_utc=self._clock.now_utc())
            self._tell_listeners()
            erase_from_backups(self.data_dir, staff_id)
            return removed

        return self._write(run)

    def person(self, staff_id: str) -> "Future[Person | None]":
        """The person in any state, or None."""
        return self._read(lambda db: people.find_person(db, staff_id))

    def people(
        self, *, search: str = "", states: Iterable[PersonState] = LISTED
    ) -> "Future[tuple[PersonRow, ...]]":
        """The people whose name, staff id or department holds every word of search, by name."""
        wanted = tuple(states)
        return self._read(lambda db: people.list_people(db, search=search, states=wanted))

    def departments(self) -> "Future[tuple[str, ...]]":
        """Every department in use."""
        return self._read(people.departments)

    def templates_of(self, staff_id: str) -> "Future[tuple[Template, ...]]":
        """A person's templates, oldest first."""
        return self._read(lambda db: people.templates_of(db, staff_id))

    def gallery_rows(self, *, model_id: str) -> "Future[GalleryRows]":
        """The templates of active people that this model made."""
        return self._read(lambda db: people.gallery_rows(db, model_id=model_id))

    # The operator and the audit trail

    def operator_pin_is_set(self) -> "Future[bool]":
        """Whether a PIN was ever set."""
        return self._read(operator_pin.pin_is_set)

    def set_operator_pin(self, pin: str, *, operator: str) -> "Future[None]":
        """Set or change the PIN; InputError unless it is 4 to 12 digits."""
        return self._write(
            lambda db: operator_pin.set_pin(
                db, pin, operator=operator, at_utc=self._clock.now_utc()
            )
        )

    def check_operator_pin(self, pin: str) -> "Future[bool]":
        """Whether this is the PIN; InputError while the wait after wrong ones lasts."""
        return self._write(lambda db: operator_pin.check_pin(db, pin, at_utc=self._clock.now_utc()))

    def audit_rows(self, limit: int = 200) -> "Future[tuple[AuditRow, ...]]":
        """The newest rows of the audit trail, newest first."""
        return self._read(lambda db: audit.audit_rows(db, limit=limit))

    # What all of them use

    def _read(self, work: Callable[[Database], _T]) -> "Future[_T]":
        return self._thread.call(work)

    def _write(
        self, work: Callable[[Database], _T], *, changes_people: bool = False
    ) -> "Future[_T]":
        def run(db: Database) -> _T:
            if self._lock is None:
                raise ReadOnlyError(
                    f"The database {self.database} is open for reading only.",
                    action="Do this in the kiosk that works with it.",
                )
            result = work(db)
            if changes_people:
                self._tell_listeners()
            return result

        return self._thread.call(run)

    def _set_templates(
        self,
        staff_id: str,
        templates: Sequence[Template],
        *,
        operator: str,
        keep_old: bool,
        consent_utc: datetime | None = None,
        lookalike: str | None = None,
    ) -> "Future[None]":
        return self._write(
            lambda db: people.replace_templates(
                db,
                staff_id,
                templates,
                operator=operator,
                at_utc=self._clock.now_utc(),
                keep_old=keep_old,
                consent_utc=consent_utc,
                lookalike=lookalike,
            ),
            changes_people=True,
        )

    def _read_device_id(self, db: Database) -> str:
        device_id = read_meta(db, DEVICE_ID)
        if device_id is None and self._lock is not None:
            device_id = str(uuid_utils.uuid7())
            with transaction(db):
                write_meta(db, DEVICE_ID, device_id)
                audit.add_audit(
                    db,
                    at_utc=self._clock.now_utc(),
                    operator="clockface",
                    action="create-database",
                    subject=device_id,
                )
        return device_id or ""

    def _go_on(self) -> None:
        if self._thread.closing:
            raise ClosedError(
                "The export stopped because Clockface closes.", action="Export again."
            )

    def _tell_listeners(self) -> None:
        for listener in tuple(self._listeners):
            try:
                listener()
            except Exception:  # noqa: BLE001 - the write it hears of is done
                _log.exception("A listener of the store failed")
