"""Punches as CSV: RFC 4180, UTF-8 with BOM, harmless in a spreadsheet, one row at a time."""

import contextlib
import csv
import io
import os
import unicodedata
import uuid
from collections.abc import Callable, Collection, Generator
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo

from sqlite_utils import Database

from attendance.errors import InputError
from storage.failures import from_os
from storage.periods import from_us, range_us

COLUMNS = (
    "staff_id",
    "name",
    "department",
    "date",
    "time",
    "utc_offset",
    "direction",
    "method",
    "similarity",
    "device",
    "punch_id",
)
_BATCH = 1_000
_REMEMBERED_CELLS = 8_192


def harmless(cell: str) -> str:
    """Return the text so that no spreadsheet takes it for a formula.

    An apostrophe goes before text that begins with = + - @ (full-width forms too, and also after
    spaces or characters that draw nothing), with a tab or with a line break.
    """
    if cell[:1] in ("\t", "\r", "\n"):
        return "'" + cell
    for character in cell:
        if character.isspace() or unicodedata.category(character) in ("Cc", "Cf"):
            continue
        first = unicodedata.normalize("NFKC", character)[:1]
        return "'" + cell if first in ("=", "+", "-", "@", "\N{MINUS SIGN}") else cell
    return cell


def write_csv(
    db: Database,
    target: BinaryIO,
    *,
    from_date: date | None,
    to_date: date | None,
    zone: ZoneInfo,
    staff_ids: Collection[str] | None = None,
    go_on: Callable[[], None] = lambda: None,
) -> int:
    """Write the punches of these days, oldest first; return how many.

    The days are half-open and in that zone, as are the columns date and time. utc_offset is made
    here (+01:00), so it is never a formula. One read transaction: what is stored meanwhile is not
    in it. staff_ids: only of these people; None means everybody. go_on: called now and then; may
    raise to stop. Raises InputError if the days are swapped.
    """
    if from_date is not None and to_date is not None and from_date >= to_date:
        raise InputError(
            f"There is no day from {from_date} to {to_date}.",
            action="The last day is not included: name a later one.",
        )
    text = io.TextIOWrapper(target, encoding="utf-8-sig", newline="", write_through=False)
    try:
        writer = csv.writer(text, lineterminator="\r\n")
        writer.writerow(COLUMNS)
        count = 0
        found = _rows(db, from_date, to_date, zone=zone, staff_ids=staff_ids)
        with contextlib.closing(found) as rows:
            for count, row in enumerate(rows, start=1):
                writer.writerow(row)
                if count % _BATCH == 0:
                    go_on()
        text.flush()
    finally:
        with contextlib.suppress(OSError, ValueError):
            text.detach()
    return count


def write_csv_file(
    db: Database,
    path: Path,
    *,
    from_date: date | None,
    to_date: date | None,
    zone: ZoneInfo,
    staff_ids: Collection[str] | None = None,
    go_on: Callable[[], None] = lambda: None,
) -> int:
    """Write the file whole or not at all: what stood there before stays until the new one is done.

    A link stays a link; a pipe or a device is written to as it is, row by row.
    Raises StorageError if it cannot be written.
    """

    def fill(stream: BinaryIO) -> int:
        return write_csv(
            db,
            stream,
            from_date=from_date,
            to_date=to_date,
            zone=zone,
            staff_ids=staff_ids,
            go_on=go_on,
        )

    try:
        if path.exists() and not (path.is_file() or path.is_dir()):
            with path.open("wb") as stream:
                return fill(stream)
        return _replaced(path.resolve(), fill)
    except OSError as error:
        raise from_os(error, path=path, doing="write the export") from error


def _replaced(path: Path, fill: Callable[[BinaryIO], int]) -> int:
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        with part.open("xb") as stream:
            count = fill(stream)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
    return count


def _rows(
    db: Database,
    from_date: date | None,
    to_date: date | None,
    *,
    zone: ZoneInfo,
    staff_ids: Collection[str] | None,
) -> Generator[tuple[Any, ...]]:
    wanted = None if staff_ids is None else frozenset(staff_ids)
    first_us, end_us = range_us(from_date, to_date, zone=zone)
    cursor = db.conn.execute(
        "SELECT p.staff_id, q.name, q.department, p.at_utc_us, p.direction, p.method, "
        "p.similarity, p.device_id, p.id "
        "FROM punches p JOIN people q ON q.staff_id = p.staff_id "
        "WHERE p.at_utc_us >= ? AND p.at_utc_us < ? ORDER BY p.at_utc_us, p.number",
        (
            -(2**63) if first_us is None else first_us,
            2**63 - 1 if end_us is None else end_us,
        ),
    )
    safe = lru_cache(maxsize=_REMEMBERED_CELLS)(harmless)
    try:
        for staff_id, name, department, at_us, direction, method, similarity, device, id_ in cursor:
            if wanted is not None and staff_id not in wanted:
                continue
            local = from_us(at_us).astimezone(zone).isoformat(timespec="seconds")
            yield (
                safe(staff_id),
                safe(name),
                safe(department),
                local[:10],
                local[11:19],
                local[19:],
                direction,
                method,
                "" if similarity is None else f"{similarity:.4f}",
                safe(device),
                id_,
            )
    finally:
        cursor.close()
