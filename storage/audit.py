"""The audit trail: one row for each write, in the same transaction."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlite_utils import Database

from storage.periods import from_us, to_us
from storage.rows import AuditRow


def add_audit(
    db: Database,
    *,
    at_utc: datetime,
    operator: str,
    action: str,
    subject: str,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Add a row to the open transaction."""
    db.conn.execute(
        "INSERT INTO audit (at_utc_us, operator, action, subject, detail) VALUES (?, ?, ?, ?, ?)",
        (
            to_us(at_utc),
            operator,
            action,
            subject,
            json.dumps(detail or {}, ensure_ascii=False, sort_keys=True),
        ),
    )


def audit_rows(db: Database, *, limit: int) -> tuple[AuditRow, ...]:
    """Return the newest rows, newest first."""
    cursor = db.conn.execute(
        "SELECT number, at_utc_us, operator, action, subject, detail FROM audit "
        "ORDER BY number DESC LIMIT ?",
        (limit,),
    )
    return tuple(
        AuditRow(number, from_us(at_us), operator, action, subject, json.loads(detail))
        for number, at_us, operator, action, subject, detail in cursor
    )
