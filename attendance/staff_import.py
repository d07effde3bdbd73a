"""Enrolling a whole staff list: one row after another, and no bad row stops the rest."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from attendance.config import EnrolmentSettings
from attendance.errors import InputError, PictureError
from attendance.photo_enrolment import PhotoReport, check_new_person, photos_of, read_photos
from attendance.ports import FaceReader, Gallery
from attendance.types import BgrImage, Embedding, FloatArray, Match, Person, Template


@dataclass(frozen=True, slots=True)
class StaffRow:
    """One good row of a staff list. line: of the file, from 1. photos: names of files within the
    photo folder; empty for those that are called after the staff id.
    """

    line: int
    person: Person
    photos: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BadRow:
    """One row that cannot be taken, and why. staff_id: as it stands in the file."""

    line: int
    staff_id: str
    error: InputError


@dataclass(frozen=True, slots=True)
class RowOutcome:
    """What became of a row. problem: why it was not enrolled; None if it was.

    notes: photos that were left out, each with the reason.
    """

    line: int
    staff_id: str
    templates: int = 0
    problem: str | None = None
    notes: tuple[str, ...] = ()


class GrowingGallery:
    """A gallery and the people of this import so far, so that no face is enrolled twice."""

    def __init__(self, base: Gallery) -> None:
        self._base = base
        self._staff_ids: list[str] = []
        self._matrix: FloatArray = np.empty((64, 128), dtype=np.float32)

    @property
    def model_id(self) -> str:
        return self._base.model_id

    def __len__(self) -> int:
        return len(self._base) + len(set(self._staff_ids))

    def add(self, templates: Iterable[Template]) -> None:
        for template in templates:
            row = len(self._staff_ids)
            if row == len(self._matrix):
                self._matrix = np.concatenate([self._matrix, np.empty_like(self._matrix)])
            self._matrix[row] = template.embedding.vec
            self._staff_ids.append(template.staff_id)

    def search(self, embedding: Embedding, *, threshold: float) -> Match:
        """Return the nearest person of both; the runner-up is the base gallery's."""
        match = self._base.search(embedding, threshold=threshold)
        if not self._staff_ids:
            return match
        similarities = self._matrix[: len(self._staff_ids)] @ embedding.vec
        row = int(similarities.argmax())
        similarity = float(np.clip(similarities[row], -1.0, 1.0))
        if similarity <= match.similarity:
            return match
        staff_id = self._staff_ids[row]
        return Match(
            person_id=staff_id if similarity >= threshold else None,
            similarity=similarity,
            runner_up=match.similarity,
            threshold=threshold,
            nearest_id=staff_id,
        )


@dataclass(slots=True)
class StaffImport:
    """What an import needs. enrol stores one person; None in a dry run.

    is_taken: whether a staff id is in the database already.
    """

    reader: FaceReader
    load: Callable[[Path], BgrImage]
    gallery: GrowingGallery
    settings: EnrolmentSettings
    photos_dir: Path
    is_taken: Callable[[str], bool]
    enrol: Callable[[Person, tuple[Template, ...]], None] | None = None

    def run(self, rows: Iterable[StaffRow | BadRow]) -> Iterator[RowOutcome]:
        """Yield one outcome a row, in order. StorageError ends the import."""
        for row in rows:
            match row:
                case BadRow(line=line, staff_id=staff_id, error=error):
                    yield RowOutcome(line, staff_id, problem=str(error))
                case StaffRow() as good:
                    yield self._one(good)

    def _one(self, row: StaffRow) -> RowOutcome:
        staff_id = row.person.staff_id
        notes: tuple[str, ...] = ()
        try:
            report = self._read(row)
            notes = tuple(str(error) for _, error in report.refused)
            if not report.looks:
                why = "No photo of this person could be used." if notes else "There is no photo."
                return RowOutcome(row.line, staff_id, problem=why, notes=notes)
            check_new_person(report.looks, gallery=self.gallery, settings=self.settings)
            templates = report.templates(staff_id)
            if self.enrol is not None:
                self.enrol(row.person, templates)
        except (InputError, PictureError) as error:
            return RowOutcome(row.line, staff_id, problem=str(error), notes=notes)
        self.gallery.add(templates)
        return RowOutcome(row.line, staff_id, templates=len(templates), notes=notes)

    def _read(self, row: StaffRow) -> PhotoReport:
        staff_id = row.person.staff_id
        if self.is_taken(staff_id):
            raise InputError(
                f"The staff id {staff_id} is taken.",
                action="Leave the row out, or use another staff id.",
            )
        photos = photos_of(staff_id, self.photos_dir, named=row.photos)
        return read_photos(photos, reader=self.reader, load=self.load, settings=self.settings)
