"""The people list as a table model."""

from collections.abc import Callable
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any
from zoneinfo import ZoneInfo

from PySide6.QtCore import QAbstractTableModel, QCoreApplication, QModelIndex, QObject, Qt

from attendance.types import Direction, PersonState
from gui.desk.cells import CELL_ROLE, ROW_ROLE, Cell, Index, header_cell, initials_of
from gui.desk.moments import moment_words
from storage.rows import PersonRow
from storage.text import folded

translate = QCoreApplication.translate

BATCH = 200
LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)


class PeopleColumn(IntEnum):
    PERSON = 0
    DEPARTMENT = 1
    LAST_PUNCH = 2
    STATE = 3


def state_cell(state: PersonState, *, template_count: int, known_here: bool = True) -> Cell:
    """Return a person's state in colour, symbol and words.

    known_here: whether a template is of the network that runs.
    """
    templates = translate("Desk", "{count} templates").format(count=template_count)
    if template_count == 1:
        templates = translate("Desk", "1 template")
    if state is PersonState.ACTIVE and template_count == 0:
        return Cell(
            translate("Desk", "No face"),
            below=translate("Desk", "needs pictures"),
            symbol="warning",
            tone="warning",
        )
    if state is PersonState.ACTIVE and not known_here:
        return Cell(
            translate("Desk", "Not recognised"),
            below=translate("Desk", "other network: enrol again"),
            symbol="warning",
            tone="warning",
        )
    if state is PersonState.ACTIVE:
        return Cell(translate("Desk", "Active"), below=templates, symbol="check", tone="success")
    if state is PersonState.INACTIVE:
        return Cell(
            translate("Desk", "Inactive"), below=templates, symbol="person-off", tone="muted"
        )
    return Cell(translate("Desk", "Erased"), symbol="trash", tone="muted")


class PeopleModel(QAbstractTableModel):
    """All rows of one answer of the store, handed to the view in batches as it scrolls."""

    def __init__(
        self,
        *,
        zone: ZoneInfo,
        now_utc: Callable[[], datetime],
        model_id: Callable[[], str] = lambda: "",
        parent: QObject | None = None,
    ) -> None:
        """model_id: the network that runs, empty while that is not known."""
        super().__init__(parent)
        self._model_id = model_id
        self._zone = zone
        self._now_utc = now_utc
        self._rows: list[PersonRow] = []
        self._shown = 0
        self._order: tuple[int, Qt.SortOrder] = (-1, Qt.SortOrder.AscendingOrder)

    @property
    def total(self) -> int:
        """How many rows there are, fetched by the view or not."""
        return len(self._rows)

    def set_rows(self, rows: tuple[PersonRow, ...]) -> None:
        self.beginResetModel()
        self._rows = self._sorted(list(rows))
        self._shown = min(BATCH, len(self._rows))
        self.endResetModel()

    def row_of(self, staff_id: str) -> int:
        """Return where a person stands, making the row visible to the view; -1 if nowhere."""
        for number, row in enumerate(self._rows):
            if row.person.staff_id == staff_id:
                while number >= self._shown:
                    self.fetchMore(QModelIndex())
                return number
        return -1

    def person_row(self, number: int) -> PersonRow | None:
        return self._rows[number] if 0 <= number < self._shown else None

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        return 0 if parent.isValid() else self._shown

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        return 0 if parent.isValid() else len(PeopleColumn)

    def canFetchMore(self, _parent: Index) -> bool:
        return self._shown < len(self._rows)

    def fetchMore(self, _parent: Index) -> None:
        more = min(BATCH, len(self._rows) - self._shown)
        self.beginInsertRows(QModelIndex(), self._shown, self._shown + more - 1)
        self._shown += more
        self.endInsertRows()

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        titles = {
            PeopleColumn.PERSON: translate("Desk", "Person"),
            PeopleColumn.DEPARTMENT: translate("Desk", "Department"),
            PeopleColumn.LAST_PUNCH: translate("Desk", "Last punch"),
            PeopleColumn.STATE: translate("Desk", "State"),
        }
        return header_cell(titles[PeopleColumn(section)], orientation=orientation, role=role)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row = self.person_row(index.row())
        if row is None:
            return None
        if role == ROW_ROLE:
            return row
        if role == CELL_ROLE:
            return self._cell(row, PeopleColumn(index.column()))
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return self._cell(row, PeopleColumn(index.column())).words
        if role == Qt.ItemDataRole.ToolTipRole and index.column() == PeopleColumn.PERSON:
            return row.person.name if len(row.person.name) > 24 else None
        return None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort the whole answer by a column; -1 keeps the order of the store (by name)."""
        self._order = (column, order)
        self.beginResetModel()
        self._rows = self._sorted(self._rows)
        self._shown = min(BATCH, len(self._rows))
        self.endResetModel()

    def _sorted(self, rows: list[PersonRow]) -> list[PersonRow]:
        column, order = self._order
        if column < 0:
            return rows
        by_name = sorted(rows, key=lambda row: (folded(row.person.name), row.person.staff_id))
        backwards = order is Qt.SortOrder.DescendingOrder
        if column == PeopleColumn.PERSON:
            return by_name[::-1] if backwards else by_name
        return sorted(by_name, key=_key_for(PeopleColumn(column)), reverse=backwards)

    def _cell(self, row: PersonRow, column: PeopleColumn) -> Cell:
        person = row.person
        match column:
            case PeopleColumn.PERSON:
                return Cell(
                    person.name,
                    below=person.staff_id,
                    initials=initials_of(person.name),
                    strong=True,
                )
            case PeopleColumn.DEPARTMENT:
                return Cell(person.department or "–", below=person.shift)
            case PeopleColumn.LAST_PUNCH:
                return self._last_punch(row)
            case PeopleColumn.STATE:
                model_id = self._model_id()
                return state_cell(
                    person.state,
                    template_count=row.template_count,
                    known_here=not model_id or not row.model_ids or model_id in row.model_ids,
                )

    def _last_punch(self, row: PersonRow) -> Cell:
        punch = row.last_punch
        if punch is None:
            return Cell("–", tone="muted")
        is_in = punch.direction is Direction.IN
        words = moment_words(punch.at_utc, zone=self._zone, now_utc=self._now_utc())
        return Cell(
            words,
            symbol="arrow-in" if is_in else "arrow-out",
            figures=True,
        )


def _key_for(column: PeopleColumn) -> Callable[[PersonRow], Any]:
    match column:
        case PeopleColumn.DEPARTMENT:
            return lambda row: (folded(row.person.department), folded(row.person.shift))
        case PeopleColumn.LAST_PUNCH:
            return lambda row: LONG_AGO if row.last_punch is None else row.last_punch.at_utc
        case _:
            return lambda row: (list(PersonState).index(row.person.state), row.template_count)
