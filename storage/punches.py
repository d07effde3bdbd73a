"""Punches: stored by the clocking rules inside one transaction, listed, and summed for a day."""

import json
from datetime import datetime, timedelta
from typing import Any

import uuid_utils
from sqlite_utils import Database

from attendance.clock import offset_s
from attendance.clocking import ClockingRules, decide, workday
from attendance.types import (
    Accepted,
    AlreadyClocked,
    Clocked,
    Direction,
    Method,
    PersonState,
    Punch,
)
from storage.audit import add_audit
from storage.database import transaction
from storage.failures import NotActiveError
from storage.people import find_person, matching_staff_ids
from storage.periods import from_us, local_start_utc, range_us, to_us
from storage.rows import PUNCH_COLUMNS, PunchQuery, PunchRow, punch_from

KIOSK = "kiosk"

_PUNCH_LIST = ", ".join(f"p.{column}" for column in PUNCH_COLUMNS.split(", "))
# With so few people found, their own punches are collected; with more, the days are read through.
_FEW_PEOPLE = 40


def record(
    db: Database,
    accepted: Accepted,
    *,
    rules: ClockingRules,
    asked: Direction | None,
    now_utc: datetime,
) -> Clocked:
    """Store a punch, or return the one that already stands.

    The last punch is the one stored last, whatever its time says, so that a clock that was wrong
    for a while does not rule the days after. Raises NotActiveError if the person may not clock in.
    """
    at_utc = from_us(to_us(accepted.at_utc))
    with transaction(db):
        person = find_person(db, accepted.person_id)
        if person is None or person.state is not PersonState.ACTIVE:
            raise NotActiveError(
                f"The staff id {accepted.person_id} may not clock in.",
                action="HR can make the person active in the desk.",
            )
        last = last_punch(db, accepted.person_id)
        verdict = decide(last, at_utc=at_utc, rules=rules, asked=asked)
        if isinstance(verdict, AlreadyClocked):
            return verdict
        punch = Punch(
            id=str(uuid_utils.uuid7()),
            person_id=accepted.person_id,
            at_utc=at_utc,
            zone=rules.zone.key,
            offset_s=offset_s(at_utc, rules.zone),
            mono_ns=accepted.mono_ns,
            direction=verdict,
            method=Method.FACE,
            similarity=float(accepted.similarity),
            model_id=accepted.model_id,
            device_id=rules.device_id,
            sequence=_next_sequence(db, rules.device_id),
        )
        insert_punch(db, punch)
        add_audit(
            db,
            at_utc=now_utc,
            operator=KIOSK,
            action="punch",
            subject=punch.person_id,
            detail={"punch_id": punch.id, "direction": punch.direction},
        )
    return punch


def insert_punch(db: Database, punch: Punch) -> None:
    """Add a punch as it is to the open transaction."""
    db.conn.execute(
        f"INSERT INTO punches ({PUNCH_COLUMNS}) "  # noqa: S608 - a constant
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            punch.id,
            punch.person_id,
            to_us(punch.at_utc),
            punch.zone,
            punch.offset_s,
            punch.mono_ns,
            punch.direction,
            punch.method,
            punch.similarity,
            punch.model_id,
            punch.device_id,
            punch.sequence,
        ),
    )


def last_punch(db: Database, staff_id: str) -> Punch | None:
    """Return the punch of this person that was stored last."""
    row = db.conn.execute(
        f"SELECT {PUNCH_COLUMNS} FROM punches "  # noqa: S608 - a constant
        "WHERE staff_id = ? ORDER BY number DESC LIMIT 1",
        (staff_id,),
    ).fetchone()
    return None if row is None else punch_from(row)


def last_punches(db: Database, limit: int) -> tuple[PunchRow, ...]:
    """Return the punches stored last, newest first."""
    cursor = db.conn.execute(
        f"SELECT {_PUNCH_LIST}, q.name, q.department "  # noqa: S608 - a constant
        "FROM punches p JOIN people q USING (staff_id) ORDER BY p.number DESC LIMIT ?",
        (limit,),
    )
    return tuple(_punch_row(row) for row in cursor)


def list_punches(db: Database, query: PunchQuery) -> tuple[PunchRow, ...]:
    """Return one page of the punches that a query names, by time."""
    found = _where(db, query)
    if found is None:
        return ()
    where, values = found
    order = "DESC" if query.newest_first else "ASC"
    cursor = db.conn.execute(
        f"SELECT {_PUNCH_LIST}, q.name, q.department "  # noqa: S608 - values are bound
        "FROM punches p JOIN people q ON q.staff_id = p.staff_id "
        # Which rows make the page is found in an index alone; only they are read and joined.
        f"WHERE p.number IN (SELECT p.number FROM punches p WHERE {where} "
        f"ORDER BY p.at_utc_us {order}, p.number {order} LIMIT ? OFFSET ?) "
        f"ORDER BY p.at_utc_us {order}, p.number {order}",
        (*values, query.limit, query.offset),
    )
    return tuple(_punch_row(row) for row in cursor)


def count_punches(db: Database, query: PunchQuery) -> int:
    """Return how many punches a query names, whatever its page."""
    found = _where(db, query)
    if found is None:
        return 0
    where, values = found
    row = db.conn.execute(f"SELECT count(*) FROM punches p WHERE {where}", values)  # noqa: S608
    return int(row.fetchone()[0])


def worked_today(
    db: Database, staff_id: str, *, rules: ClockingRules, now_utc: datetime
) -> timedelta:
    """Return the time between in and out in this workday; an open one counts up to now.

    A second "in" while already in changes nothing, nor does an "out" while already out.
    """
    today = workday(now_utc, zone=rules.zone, starts=rules.workday_starts)
    first = local_start_utc(today, zone=rules.zone, starts=rules.workday_starts)
    end = local_start_utc(today + timedelta(days=1), zone=rules.zone, starts=rules.workday_starts)
    cursor = db.conn.execute(
        "SELECT at_utc_us, direction FROM punches "
        "WHERE staff_id = ? AND at_utc_us >= ? AND at_utc_us < ? ORDER BY at_utc_us, number",
        (staff_id, to_us(first), to_us(end)),
    )
    worked_us = 0
    open_us: int | None = None
    for at_us, direction in cursor:
        if direction == Direction.IN:
            open_us = at_us if open_us is None else open_us
        elif open_us is not None:
            worked_us += at_us - open_us
            open_us = None
    if open_us is not None:
        worked_us += max(0, to_us(now_utc) - open_us)
    return timedelta(microseconds=worked_us)


def _next_sequence(db: Database, device_id: str) -> int:
    row = db.conn.execute(
        "SELECT max(sequence) FROM punches WHERE device_id = ?", (device_id,)
    ).fetchone()
    return 1 + int(row[0] or 0)


def _where(db: Database, query: PunchQuery) -> tuple[str, list[Any]] | None:
    """Return the condition and its values; None when nobody can be meant."""
    first_us, end_us = range_us(query.from_date, query.to_date, zone=query.zone)
    conditions: list[str] = []
    values: list[Any] = []
    if first_us is not None:
        conditions.append("p.at_utc_us >= ?")
        values.append(first_us)
    if end_us is not None:
        conditions.append("p.at_utc_us < ?")
        values.append(end_us)
    staff_ids = wanted_staff_ids(db, query)
    if staff_ids is not None:
        if not staff_ids:
            return None
        # A plus keeps SQLite from the index by person where walking through the days is quicker.
        column = "p.staff_id" if len(staff_ids) <= _FEW_PEOPLE else "+p.staff_id"
        conditions.append(f"{column} IN (SELECT value FROM json_each(?))")  # noqa: S608 - a constant
        values.append(json.dumps(staff_ids))
    return " AND ".join(conditions) or "1", values


def wanted_staff_ids(db: Database, query: PunchQuery) -> list[str] | None:
    """Return who is meant by a query, or None for everybody."""
    if query.staff_id is None and query.department is None and not query.search.strip():
        return None
    found = matching_staff_ids(db, query.search)
    if query.staff_id is not None:
        found = tuple(staff_id for staff_id in found if staff_id == query.staff_id)
    if query.department is not None:
        cursor = db.conn.execute(
            "SELECT staff_id FROM people WHERE department = ?", (query.department,)
        )
        members = {staff_id for (staff_id,) in cursor}
        found = tuple(staff_id for staff_id in found if staff_id in members)
    return list(found)


def _punch_row(row: tuple[Any, ...]) -> PunchRow:
    return PunchRow(punch=punch_from(row[:12]), name=row[12], department=row[13])
