"""The PIN that opens the desk: an argon2 hash, and longer and longer waits after errors."""

import re
from datetime import datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlite_utils import Database

from attendance.errors import InputError
from storage.audit import add_audit
from storage.database import transaction
from storage.meta import forget_meta, read_meta, write_meta
from storage.periods import from_us, to_us

FREE_FAILURES = 4
FIRST_WAIT_S = 5.0
LONGEST_WAIT_S = 300.0

_PIN = re.compile(r"[0-9]{4,12}", re.ASCII)
_HASH, _FAILURES, _FAILED_AT = (
    "operator_pin_hash",
    "operator_pin_failures",
    "operator_pin_failed_at",
)


def wait_after(failures: int) -> timedelta:
    """Return how long the next attempt must wait after so many failures in a row."""
    if failures <= FREE_FAILURES:
        return timedelta(0)
    doublings = min(failures - FREE_FAILURES - 1, 16)
    return timedelta(seconds=min(FIRST_WAIT_S * 2**doublings, LONGEST_WAIT_S))


def pin_is_set(db: Database) -> bool:
    """Tell whether a PIN was ever set."""
    return read_meta(db, _HASH) is not None


def set_pin(db: Database, pin: str, *, operator: str, at_utc: datetime) -> None:
    """Set or change the PIN.

    Raises InputError unless it is 4 to 12 digits.
    """
    if not _PIN.fullmatch(pin):
        raise InputError("That is not a PIN.", action="Use 4 to 12 digits.")
    pin_hash = _hasher().hash(pin)
    with transaction(db):
        write_meta(db, _HASH, pin_hash)
        _forget_failures(db)
        add_audit(db, at_utc=at_utc, operator=operator, action="set-pin", subject="operator")


def check_pin(db: Database, pin: str, *, at_utc: datetime) -> bool:
    """Tell whether this is the PIN; False as long as none is set.

    Raises InputError while the wait after several wrong PINs lasts; a PIN tried then is not looked
    at. The count outlives a restart.
    """
    pin_hash = read_meta(db, _HASH)
    if pin_hash is None:
        return False
    failures = int(read_meta(db, _FAILURES) or 0)
    left = _wait_left(db, failures=failures, at_utc=at_utc)
    if left > timedelta(0):
        seconds = max(1, round(left.total_seconds()))
        raise InputError(f"Too many wrong PINs ({failures}).", action=f"Try again in {seconds} s.")
    if _verified(pin_hash, pin):
        if failures:
            with transaction(db):
                _forget_failures(db)
                add_audit(
                    db,
                    at_utc=at_utc,
                    operator="operator",
                    action="pin-accepted",
                    subject="operator",
                    detail={"failures_before": failures},
                )
        return True
    with transaction(db):
        write_meta(db, _FAILURES, str(failures + 1))
        write_meta(db, _FAILED_AT, str(to_us(at_utc)))
        add_audit(
            db,
            at_utc=at_utc,
            operator="unknown",
            action="pin-refused",
            subject="operator",
            detail={"failures": failures + 1},
        )
    return False


def _wait_left(db: Database, *, failures: int, at_utc: datetime) -> timedelta:
    wait = wait_after(failures)
    failed_at_us = read_meta(db, _FAILED_AT)
    if failed_at_us is None or not wait:
        return timedelta(0)
    failed_at = from_us(int(failed_at_us))
    if at_utc < failed_at:
        # The clock was set back: the wait begins again, but lasts no longer than it should.
        with transaction(db):
            write_meta(db, _FAILED_AT, str(to_us(at_utc)))
        failed_at = at_utc
    return failed_at + wait - at_utc


def _verified(pin_hash: str, pin: str) -> bool:
    try:
        return _hasher().verify(pin_hash, pin)
    except (VerificationError, InvalidHashError):
        return False


def _hasher() -> PasswordHasher:
    """argon2id with 19 MiB and two passes: a check took 0.1 s on two busy cores, and the
    storage thread waits for it."""
    return PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


def _forget_failures(db: Database) -> None:
    forget_meta(db, _FAILURES)
    forget_meta(db, _FAILED_AT)
