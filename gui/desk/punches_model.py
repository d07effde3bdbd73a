"""Punches as a table model that asks the store for the next page when the view comes near it."""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from enum import IntEnum
from typing import Any
from zoneinfo import ZoneInfo

from PySide6.QtCore import QAbstractTableModel, QCoreApplication, QModelIndex, QObject, Qt, Signal

from attendance.errors import KnownError
from attendance.types import Direction, Method
from gui.bridge import on_done
from gui.desk.cells import CELL_ROLE, ROW_ROLE, Cell, Index, header_cell
from storage.rows import PunchQuery, PunchRow

translate = QCoreApplication.translate

PAGE = 200

ReadPunches = Callable[[PunchQuery], "Future[tuple[PunchRow, ...]]"]


class PunchesColumn(IntEnum):
    TIME = 0
    PERSON = 1
    DEPARTMENT = 2
    DIRECTION = 3
    METHOD = 4


def direction_cell(direction: Direction) -> Cell:
    """Return a direction in colour, symbol and words."""
    if direction is Direction.IN:
        return Cell(translate("Desk", "In"), symbol="arrow-in", tone="success")
    return Cell(translate("Desk", "Out"), symbol="arrow-out", tone="accent")


def method_words(method: Method) -> str:
    return {
        Method.FACE: translate("Desk", "Face"),
        Method.PIN: translate("Desk", "PIN"),
        Method.QR: translate("Desk", "QR code"),
        Method.MANUAL: translate("Desk", "By hand"),
    }[method]


class PunchesModel(QAbstractTableModel):
    """Holds what was fetched of one query. An answer to an older query is thrown away."""

    first_page_came = Signal()
    """The first page of the present query is there."""
    failed = Signal(object)
    """The KnownError that kept a page from being read."""

    def __init__(self, read: ReadPunches, *, zone: ZoneInfo, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._read = read
        self._zone = zone
        self._query = PunchQuery(zone=zone)
        self._rows: list[PunchRow] = []
        self._generation = 0
        self._waiting = False
        self._whole = False

    @property
    def query(self) -> PunchQuery:
        return self._query

    def show(self, query: PunchQuery) -> None:
        """Show this query from its first page; what is shown stays until that page is there."""
        self._query = replace(query, limit=PAGE, offset=0)
        self._generation += 1
        self._waiting = False
        self._whole = False
        self._ask(offset=0)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        return 0 if parent.isValid() else len(PunchesColumn)

    def canFetchMore(self, _parent: Index) -> bool:
        return bool(self._rows) and not self._whole and not self._waiting

    def fetchMore(self, parent: Index) -> None:
        if self.canFetchMore(parent):
            self._ask(offset=len(self._rows))

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        titles = {
            PunchesColumn.TIME: translate("Desk", "Date and time"),
            PunchesColumn.PERSON: translate("Desk", "Person"),
            PunchesColumn.DEPARTMENT: translate("Desk", "Department"),
            PunchesColumn.DIRECTION: translate("Desk", "Direction"),
            PunchesColumn.METHOD: translate("Desk", "Method"),
        }
        return header_cell(titles[PunchesColumn(section)], orientation=orientation, role=role)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not 0 <= index.row() < len(self._rows):
            return None
        row = self._rows[index.row()]
        if role == ROW_ROLE:
            return row
        if role == CELL_ROLE:
            return self._cell(row, PunchesColumn(index.column()))
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return self._cell(row, PunchesColumn(index.column())).words
        return None

    def _cell(self, row: PunchRow, column: PunchesColumn) -> Cell:
        punch = row.punch
        match column:
            case PunchesColumn.TIME:
                at = punch.at_utc.astimezone(self._zone)
                return Cell(f"{at:%Y-%m-%d %H:%M:%S}", figures=True)
            case PunchesColumn.PERSON:
                return Cell(row.name, below=punch.person_id, strong=True)
            case PunchesColumn.DEPARTMENT:
                return Cell(row.department or "–")
            case PunchesColumn.DIRECTION:
                return direction_cell(punch.direction)
            case PunchesColumn.METHOD:
                below = "" if punch.similarity is None else f"{punch.similarity:.2f}"
                return Cell(method_words(punch.method), below=below)

    def _ask(self, *, offset: int) -> None:
        generation = self._generation
        self._waiting = True

        def answered(rows: tuple[PunchRow, ...]) -> None:
            if generation == self._generation:
                self._take(rows, offset=offset)

        def failed(error: KnownError) -> None:
            if generation == self._generation:
                self._waiting = False
                self._whole = True
                self.failed.emit(error)

        on_done(self._read(replace(self._query, offset=offset)), answered, failed, owner=self)

    def _take(self, rows: tuple[PunchRow, ...], *, offset: int) -> None:
        self._waiting = False
        self._whole = len(rows) < PAGE
        if offset == 0:
            self.beginResetModel()
            self._rows = list(rows)
            self.endResetModel()
            self.first_page_came.emit()
            return
        # A punch stored meanwhile moves the pages: what is shown already is not shown twice.
        shown = {row.punch.id for row in self._rows[-PAGE:]}
        fresh = [row for row in rows if row.punch.id not in shown]
        if fresh:
            last = len(self._rows)
            self.beginInsertRows(QModelIndex(), last, last + len(fresh) - 1)
            self._rows.extend(fresh)
            self.endInsertRows()
