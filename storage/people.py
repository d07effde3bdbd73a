"""People and their templates: each write is one transaction with its audit row."""

import json
import logging
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np
from sqlite_utils import Database

from attendance.errors import InputError
from attendance.types import EMBEDDING_SIZE, Person, PersonState, Template, read_only
from storage.audit import add_audit
from storage.database import transaction
from storage.periods import to_us
from storage.rows import (
    EMBEDDING_DTYPE,
    PERSON_COLUMNS,
    PUNCH_COLUMNS,
    TEMPLATE_COLUMNS,
    GalleryRows,
    PersonRow,
    embedding_blob,
    person_from,
    punch_from,
    template_from,
)
from storage.text import folded, nfc, search_words

_log = logging.getLogger(__name__)


def find_person(db: Database, staff_id: str) -> Person | None:
    """Return the person in any state, or None."""
    row = db.conn.execute(
        f"SELECT {PERSON_COLUMNS} FROM people WHERE staff_id = ?",  # noqa: S608 - a constant
        (staff_id,),
    ).fetchone()
    return None if row is None else person_from(row)


def enrol(
    db: Database,
    person: Person,
    templates: Sequence[Template],
    *,
    operator: str,
    at_utc: datetime,
    lookalike: str | None,
) -> Person:
    """Store a new person with all templates, or nothing; return the person as stored.

    lookalike: the staff id of whom the face is like, when the operator has confirmed that they are
    two people; kept in the audit.
    An erased person may be enrolled again under the same staff id and name, with a new consent.
    Raises InputError if the staff id is taken.
    """
    person = replace(_normalised(person), state=PersonState.ACTIVE)
    blobs = [(_checked(each, staff_id=person.staff_id), each) for each in templates]
    with transaction(db):
        before = find_person(db, person.staff_id)
        if before is not None and before.state is not PersonState.ERASED:
            raise InputError(
                f"The staff id {person.staff_id} already belongs to {before.name}.",
                action="Use another staff id, or enrol that person again from the people list.",
            )
        if before is not None and folded(before.name) != folded(person.name):
            raise InputError(
                f"The staff id {person.staff_id} belonged to {before.name}, whose punches stay.",
                action="Use another staff id.",
            )
        if before is None:
            created_utc = person.created_utc or at_utc
            db.conn.execute(
                "INSERT INTO people (staff_id, name, name_folded, search_folded, department, "
                "shift, state, consent_utc_us, created_utc_us) "
                "VALUES (?, '-', '', '', '', '', 'active', NULL, ?)",
                (person.staff_id, to_us(created_utc)),
            )
        else:
            created_utc = before.created_utc or at_utc
        person = replace(person, created_utc=created_utc)
        _write_details(db, person)
        _insert_templates(db, blobs, at_utc=at_utc)
        add_audit(
            db,
            at_utc=at_utc,
            operator=operator,
            action="enrol" if before is None else "enrol-again",
            subject=person.staff_id,
            detail={
                "templates": len(blobs),
                "consent": person.consent_utc is not None,
                **_lookalike_detail(lookalike),
            },
        )
    return person


def replace_templates(
    db: Database,
    staff_id: str,
    templates: Sequence[Template],
    *,
    operator: str,
    at_utc: datetime,
    keep_old: bool,
    consent_utc: datetime | None,
    lookalike: str | None,
) -> None:
    """Give a person these templates instead of, or beside, those stored.

    consent_utc: when the person agreed to them; None leaves the earlier consent. lookalike: as in
    `enrol`.

    Raises InputError if there is no such person or the person was erased.
    """
    blobs = [(_checked(each, staff_id=staff_id), each) for each in templates]
    with transaction(db):
        person = _existing(db, staff_id)
        if person.state is PersonState.ERASED:
            raise InputError(
                f"{person.name} was erased and has no templates any more.",
                action="Enrol the person again, with a new consent.",
            )
        if consent_utc is not None:
            _write_details(db, replace(person, consent_utc=consent_utc))
        removed = 0 if keep_old else _delete_templates(db, staff_id)
        _insert_templates(db, blobs, at_utc=at_utc)
        add_audit(
            db,
            at_utc=at_utc,
            operator=operator,
            action="add-templates" if keep_old else "replace-templates",
            subject=staff_id,
            detail={
                "added": len(blobs),
                "removed": removed,
                "consent": consent_utc is not None,
                **_lookalike_detail(lookalike),
            },
        )


def _lookalike_detail(lookalike: str | None) -> dict[str, str]:
    return {} if lookalike is None else {"confirmed_not_to_be": lookalike}


def update_person(db: Database, person: Person, *, operator: str, at_utc: datetime) -> Person:
    """Change name, department, shift and consent; the state and the day of enrolment stay.

    Raises InputError if there is no such person.
    """
    person = _normalised(person)
    with transaction(db):
        before = _existing(db, person.staff_id)
        person = replace(person, state=before.state, created_utc=before.created_utc)
        changed = {
            field: [getattr(before, field), getattr(person, field)]
            for field in ("name", "department", "shift")
            if getattr(before, field) != getattr(person, field)
        }
        _write_details(db, person)
        add_audit(
            db,
            at_utc=at_utc,
            operator=operator,
            action="update-person",
            subject=person.staff_id,
            detail=changed,
        )
    return person


def set_state(
    db: Database, staff_id: str, state: PersonState, *, operator: str, at_utc: datetime
) -> None:
    """Make a person active or inactive.

    Raises InputError if there is no such person, or if the person is or would be erased.
    """
    with transaction(db):
        person = _existing(db, staff_id)
        if PersonState.ERASED in (state, person.state):
            raise InputError(
                f"{person.name} cannot become {state} here.",
                action="Erase a person with the command for it; enrol an erased person again.",
            )
        db.conn.execute("UPDATE people SET state = ? WHERE staff_id = ?", (state, staff_id))
        add_audit(
            db,
            at_utc=at_utc,
            operator=operator,
            action="set-state",
            subject=staff_id,
            detail={"from": person.state, "to": state},
        )


def erase(db: Database, staff_id: str, *, operator: str, at_utc: datetime) -> int:
    """Remove a person's templates for good, keep the punches; return how many were removed.

    Raises InputError if there is no such person.
    """
    with transaction(db):
        _existing(db, staff_id)
        removed = _delete_templates(db, staff_id)
        db.conn.execute("UPDATE people SET state = 'erased' WHERE staff_id = ?", (staff_id,))
        add_audit(
            db,
            at_utc=at_utc,
            operator=operator,
            action="erase",
            subject=staff_id,
            detail={"templates": removed},
        )
    _empty_log(db)
    return removed


def list_people(
    db: Database, *, search: str = "", states: Iterable[PersonState]
) -> tuple[PersonRow, ...]:
    """Return the people whose name, staff id or department holds every word, by name."""
    wanted = [str(state) for state in states]
    words = search_words(search)
    marks = ", ".join("?" * len(wanted))
    contains = " AND instr(p.search_folded, ?) > 0" * len(words)
    cursor = db.conn.execute(
        f"""
        SELECT {_prefixed("p", PERSON_COLUMNS)},
               (SELECT count(*) FROM templates t WHERE t.staff_id = p.staff_id),
               (SELECT json_group_array(DISTINCT t.model_id) FROM templates t
                WHERE t.staff_id = p.staff_id),
               {_prefixed("l", PUNCH_COLUMNS)}
        FROM people p
        LEFT JOIN punches l ON l.number =
            (SELECT max(q.number) FROM punches q WHERE q.staff_id = p.staff_id)
        WHERE p.state IN ({marks}){contains}
        ORDER BY p.name_folded, p.staff_id
        """,  # noqa: S608 - constants and question marks
        (*wanted, *words),
    )
    return tuple(
        PersonRow(
            person=person_from(row[:7]),
            template_count=row[7],
            last_punch=None if row[9] is None else punch_from(row[9:]),
            model_ids=frozenset(json.loads(row[8])),
        )
        for row in cursor
    )


def matching_staff_ids(db: Database, search: str) -> tuple[str, ...]:
    """Return the staff ids, in any state, that a search finds."""
    words = search_words(search)
    contains = " AND ".join(["instr(search_folded, ?) > 0"] * len(words)) or "1"
    cursor = db.conn.execute(
        f"SELECT staff_id FROM people WHERE {contains}",  # noqa: S608 - constants
        words,
    )
    return tuple(staff_id for (staff_id,) in cursor)


def departments(db: Database) -> tuple[str, ...]:
    """Return every department in use, sorted as people read."""
    cursor = db.conn.execute("SELECT DISTINCT department FROM people WHERE department <> ''")
    return tuple(sorted((name for (name,) in cursor), key=lambda name: (folded(name), name)))


def templates_of(db: Database, staff_id: str) -> tuple[Template, ...]:
    """Return a person's templates, oldest first."""
    cursor = db.conn.execute(
        f"SELECT {TEMPLATE_COLUMNS} FROM templates "  # noqa: S608 - a constant
        "WHERE staff_id = ? ORDER BY number",
        (staff_id,),
    )
    return tuple(template_from(row) for row in cursor)


def gallery_rows(db: Database, *, model_id: str) -> GalleryRows:
    """Return the templates of active people that this model made, grouped by person.

    Embeddings of two networks cannot be compared, so those of others are left out, and who has no
    other is named.
    """
    rows = db.conn.execute(
        "SELECT t.staff_id, t.embedding FROM templates t JOIN people p USING (staff_id) "
        "WHERE p.state = 'active' AND t.model_id = ? ORDER BY t.staff_id, t.number",
        (model_id,),
    ).fetchall()
    others = db.conn.execute(
        "SELECT p.staff_id FROM people p WHERE p.state = 'active' "
        "AND EXISTS (SELECT 1 FROM templates t WHERE t.staff_id = p.staff_id) "
        "AND NOT EXISTS "
        "(SELECT 1 FROM templates t WHERE t.staff_id = p.staff_id AND t.model_id = ?) "
        "ORDER BY p.staff_id",
        (model_id,),
    ).fetchall()
    vectors = np.frombuffer(b"".join(blob for _, blob in rows), dtype=EMBEDDING_DTYPE)
    return GalleryRows(
        staff_ids=tuple(staff_id for staff_id, _ in rows),
        vectors=read_only(vectors.astype(np.float32).reshape(-1, EMBEDDING_SIZE)),
        other_staff_ids=tuple(staff_id for (staff_id,) in others),
    )


def _empty_log(db: Database) -> None:
    """Cut the write-ahead log to nothing: it still holds what was overwritten in the pages."""
    try:
        busy = db.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    except sqlite3.OperationalError as error:
        busy = error
    if busy:
        _log.warning("Erased templates stay in the write-ahead log until the database closes")


def _existing(db: Database, staff_id: str) -> Person:
    person = find_person(db, staff_id)
    if person is None:
        raise InputError(
            f"Nobody has the staff id {staff_id}.", action="Look it up in the people list."
        )
    return person


def _normalised(person: Person) -> Person:
    return replace(
        person,
        name=nfc(person.name),
        department=nfc(person.department),
        shift=nfc(person.shift),
    )


def _checked(template: Template, *, staff_id: str) -> bytes:
    if template.staff_id != staff_id:
        raise ValueError("a template of another person")
    return embedding_blob(template.embedding)


def _write_details(db: Database, person: Person) -> None:
    db.conn.execute(
        "UPDATE people SET name = ?, name_folded = ?, search_folded = ?, department = ?, "
        "shift = ?, state = ?, consent_utc_us = ? WHERE staff_id = ?",
        (
            person.name,
            folded(person.name),
            folded(f"{person.name} {person.staff_id} {person.department}"),
            person.department,
            person.shift,
            person.state,
            None if person.consent_utc is None else to_us(person.consent_utc),
            person.staff_id,
        ),
    )


def _insert_templates(
    db: Database, blobs: Iterable[tuple[bytes, Template]], *, at_utc: datetime
) -> None:
    db.conn.executemany(
        "INSERT INTO templates (staff_id, model_id, view, quality, embedding, created_utc_us) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        [
            (
                each.staff_id,
                each.embedding.model_id,
                each.view,
                float(each.quality),
                blob,
                to_us(each.created_utc or at_utc),
            )
            for blob, each in blobs
        ],
    )


def _delete_templates(db: Database, staff_id: str) -> int:
    return db.conn.execute("DELETE FROM templates WHERE staff_id = ?", (staff_id,)).rowcount


def _prefixed(table: str, columns: str) -> str:
    return ", ".join(f"{table}.{column}" for column in columns.split(", "))
