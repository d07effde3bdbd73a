"""What the store hands out, and how table rows become domain values."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from attendance.types import (
    EMBEDDING_SIZE,
    Direction,
    Embedding,
    FloatArray,
    Method,
    Person,
    PersonState,
    Punch,
    Template,
    read_only,
)
from storage.periods import from_us

EMBEDDING_DTYPE = np.dtype("<f4")

PERSON_COLUMNS = "staff_id, name, department, shift, state, consent_utc_us, created_utc_us"
PUNCH_COLUMNS = (
    "id, staff_id, at_utc_us, zone, offset_s, mono_ns, direction, method, similarity, model_id, "
    "device_id, sequence"
)
TEMPLATE_COLUMNS = "staff_id, embedding, model_id, quality, view, number, created_utc_us"


@dataclass(frozen=True, slots=True)
class PersonRow:
    """One person in a list.

    last_punch: the one stored last. model_ids: the networks that made the person's templates.
    """

    person: Person
    template_count: int
    last_punch: Punch | None
    model_ids: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class PunchRow:
    """One punch in a list, with what the person is called now."""

    punch: Punch
    name: str
    department: str


@dataclass(frozen=True, slots=True)
class GalleryRows:
    """Templates of active people, one row each: vectors float32 (N, 128), read-only.

    other_staff_ids: active people with templates of other networks only; they are not in vectors
    and nobody can recognise them until they are enrolled again.
    """

    staff_ids: tuple[str, ...]
    vectors: FloatArray
    other_staff_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PunchQuery:
    """Which punches: days from_date (included) to to_date (excluded) in that zone; None is open.

    search: every word must occur in name, staff id or department. staff_id, department: exactly.
    """

    zone: ZoneInfo
    from_date: date | None = None
    to_date: date | None = None
    search: str = ""
    staff_id: str | None = None
    department: str | None = None
    limit: int = 200
    offset: int = 0
    newest_first: bool = True


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One write: who (operator) did what (action) to whom or what (subject)."""

    number: int
    at_utc: datetime
    operator: str
    action: str
    subject: str
    detail: Mapping[str, Any]


def person_from(row: tuple[Any, ...]) -> Person:
    """Return the person of a row of PERSON_COLUMNS."""
    staff_id, name, department, shift, state, consent_us, created_us = row
    return Person(
        staff_id=staff_id,
        name=name,
        department=department,
        shift=shift,
        state=PersonState(state),
        consent_utc=None if consent_us is None else from_us(consent_us),
        created_utc=from_us(created_us),
    )


def punch_from(row: tuple[Any, ...]) -> Punch:
    """Return the punch of a row of PUNCH_COLUMNS."""
    return Punch(
        id=row[0],
        person_id=row[1],
        at_utc=from_us(row[2]),
        zone=row[3],
        offset_s=row[4],
        mono_ns=row[5],
        direction=Direction(row[6]),
        method=Method(row[7]),
        similarity=row[8],
        model_id=row[9],
        device_id=row[10],
        sequence=row[11],
    )


def template_from(row: tuple[Any, ...]) -> Template:
    """Return the template of a row of TEMPLATE_COLUMNS."""
    staff_id, blob, model_id, quality, view, number, created_us = row
    vec = np.frombuffer(blob, dtype=EMBEDDING_DTYPE).astype(np.float32)
    return Template(
        staff_id=staff_id,
        embedding=Embedding(vec=read_only(vec), model_id=model_id),
        quality=quality,
        view=view,
        template_id=number,
        created_utc=from_us(created_us),
    )


def embedding_blob(embedding: Embedding) -> bytes:
    """Return 512 bytes, float32 little-endian.

    Raises ValueError if it is not 128 finite numbers of unit length from a named model.
    """
    vec = np.asarray(embedding.vec, dtype=np.float32)
    if vec.shape != (EMBEDDING_SIZE,) or not embedding.model_id:
        raise ValueError(f"an embedding is {EMBEDDING_SIZE} numbers of a named model")
    if not abs(float(np.linalg.norm(vec.astype(np.float64))) - 1.0) < 1e-3:
        raise ValueError("an embedding has unit length")
    return vec.astype(EMBEDDING_DTYPE).tobytes()
